using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Managed.Proxy.Core.Tls;
using Xunit;

namespace Managed.Proxy.Tests.Core.Tls;

/// <summary>
/// What is taken for a certificate's key without OpenSSL is one that OpenSSL takes for it too, and all else is asked of it.
/// </summary>
public sealed class KeyPairTests
{
    private static readonly RSA s_rsa = RSA.Create(2048), s_otherRsa = RSA.Create(2048);
    private static readonly ECDsa s_ec = ECDsa.Create(ECCurve.NamedCurves.nistP256), s_otherEc = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static X509Certificate2 Certificate(AsymmetricAlgorithm key)
        => (key is RSA rsa ? new CertificateRequest("CN=a.test", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest("CN=a.test", (ECDsa)key, HashAlgorithmName.SHA256))
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));

    private static bool IsSurely(string pem, AsymmetricAlgorithm key)
        => KeyPair.IsSurelyOf(Encoding.ASCII.GetBytes(pem), key.ExportSubjectPublicKeyInfo());

    private static string? Wrong(string pem, AsymmetricAlgorithm key)
    {
        using var certificate = Certificate(key);
        TlsCertificate.Read(Encoding.ASCII.GetBytes(certificate.ExportCertificatePem()), Encoding.ASCII.GetBytes(pem), "", null,
            out string? wrong);
        return wrong;
    }

    public static TheoryData<string> Curves() => ["nistP256", "nistP384", "nistP521"];

    [Theory, MemberData(nameof(Curves))]
    public void KeyOnCurve_IsTheCertificates(string name)
    {
        using var key = ECDsa.Create(ECCurve.CreateFromFriendlyName(name));
        foreach (string pem in (string[])[key.ExportPkcs8PrivateKeyPem(), key.ExportECPrivateKeyPem()])
        {
            Assert.True(IsSurely(pem, key));
            Assert.True(IsSurely("\r\n" + pem.ReplaceLineEndings("\r\n") + "\r\n", key));
            Assert.Null(Wrong(pem, key));
        }
    }

    [Fact]
    public void RsaKey_IsTheCertificates()
    {
        foreach (string pem in (string[])[s_rsa.ExportPkcs8PrivateKeyPem(), s_rsa.ExportRSAPrivateKeyPem()])
        {
            Assert.True(IsSurely(pem, s_rsa));
            Assert.Null(Wrong(pem, s_rsa));
        }
    }

    [Fact]
    public void KeyOfAnother_DoesNotBelong()
    {
        foreach (var (pem, key) in ((string, AsymmetricAlgorithm)[])[(s_otherRsa.ExportPkcs8PrivateKeyPem(), s_rsa),
            (s_otherEc.ExportPkcs8PrivateKeyPem(), s_ec), (s_ec.ExportPkcs8PrivateKeyPem(), s_rsa), (s_rsa.ExportRSAPrivateKeyPem(), s_ec)])
        {
            Assert.False(IsSurely(pem, key));
            Assert.Equal("the private key does not belong to the certificate", Wrong(pem, key));
        }
    }

    // What is unusual is left to OpenSSL, whatever it says of it.
    [Fact]
    public void UnusualForm_IsAskedOfOpenSsl()
    {
        string pem = s_ec.ExportPkcs8PrivateKeyPem(), rsa = s_rsa.ExportPkcs8PrivateKeyPem();
        string body = rsa.Split('\n')[1];
        foreach (string odd in (string[])["x" + pem, pem + "x", pem + "\n" + pem, rsa.Replace(body + "\n", body, StringComparison.Ordinal),
            rsa.Replace(body, body.Insert(10, " "), StringComparison.Ordinal), pem[..^40], "", "-----BEGIN PRIVATE KEY-----",
            s_ec.ExportEncryptedPkcs8PrivateKeyPem("secret",
                new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1000))])
            Assert.False(IsSurely(odd, odd.Length > 500 ? s_rsa : s_ec));
    }

    // One bit after another of the key's structure and of its public half: never taken for the whole.
    [Fact]
    public void ChangedByte_IsNeverTakenWhereOpenSslDoesNotTakeIt()
    {
        byte[] der = s_ec.ExportPkcs8PrivateKey();
        for (int at = 0; at < der.Length; at++)
        {
            byte[] changed = [.. der];
            changed[at] ^= 0x40;
            string pem = PemEncoding.WriteString("PRIVATE KEY", changed);
            if (IsSurely(pem, s_ec)) Assert.NotEqual(0, OpenSslReads(pem));
        }
    }

    private static nint OpenSslReads(string pem)
    {
        nint key = Pem.ReadKey(TlsLibrary.Of(0), Encoding.ASCII.GetBytes(pem), "");
        if (key != 0) LibCrypto.EVP_PKEY_free(key);
        return key;
    }
}
