using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Managed.Proxy.Security;

/// <summary>Files in PKCS#12 (RFC 7292), read by the runtime.</summary>
internal static class Pkcs12
{
    /// <summary>PEM: the certificate that has a key with the others behind it, and the key. Null when it cannot be read.</summary>
    public static (byte[] Chain, byte[] Key)? Read(byte[] bytes, string password)
    {
        X509Certificate2Collection? all = null;
        try
        {
            all = X509CertificateLoader.LoadPkcs12Collection(bytes, password, X509KeyStorageFlags.Exportable);
            if (all.FirstOrDefault(c => c.HasPrivateKey) is not { } leaf) return null;
            using AsymmetricAlgorithm? key = (AsymmetricAlgorithm?)leaf.GetRSAPrivateKey() ?? leaf.GetECDsaPrivateKey();
            if (key is null) return null;
            var chain = new StringBuilder().Append(leaf.ExportCertificatePem()).Append('\n');
            foreach (var other in all)
                if (!ReferenceEquals(other, leaf)) chain.Append(other.ExportCertificatePem()).Append('\n');
            return (Encoding.ASCII.GetBytes(chain.ToString()), Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
        }
        catch (CryptographicException)
        {
            return null;
        }
        finally
        {
            foreach (var certificate in all ?? []) certificate.Dispose();
        }
    }
}
