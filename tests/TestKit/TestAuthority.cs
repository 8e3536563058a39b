using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Managed.TestKit;

/// <summary>A certificate authority of a test, and what it issues.</summary>
public sealed class TestAuthority : IDisposable
{
    private readonly X509Certificate2 _certificate;
    private readonly TestAuthority? _issuer;
    private readonly List<(byte[] Serial, DateTimeOffset When)> _revoked = [];

    public TestAuthority(string name = "Test CA", TestAuthority? issuer = null)
    {
        _issuer = issuer;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign
            | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = DateTimeOffset.UtcNow;
        if (issuer is null) _certificate = request.CreateSelfSigned(now.AddDays(-10), now.AddDays(100));
        else
        {
            using var issued = request.Create(issuer._certificate, now.AddDays(-9), now.AddDays(99), Serial());
            _certificate = issued.CopyWithPrivateKey(key);
        }
    }

    public X509Certificate2 Certificate => _certificate;

    /// <summary>The authority's own certificate.</summary>
    public string Pem => _certificate.ExportCertificatePem() + "\n";

    public string KeyPem => _certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem() + "\n";

    /// <summary>A certificate for these names (IP addresses become such), with the chain up to but without the root.</summary>
    public TestCertificate Issue(string subject, IReadOnlyList<string>? names = null, bool rsa = false, DateTimeOffset? from = null,
        DateTimeOffset? until = null,
        Action<SubjectAlternativeNameBuilder>? more = null, bool forClients = false)
    {
        var now = DateTimeOffset.UtcNow;
        using AsymmetricAlgorithm key = rsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = key is RSA r ? new CertificateRequest(subject, r, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(subject, (ECDsa)key, HashAlgorithmName.SHA256);
        var san = new SubjectAlternativeNameBuilder();
        foreach (string name in names ?? [])
            if (IPAddress.TryParse(name, out var address)) san.AddIpAddress(address); else san.AddDnsName(name);
        more?.Invoke(san);
        if (names is { Count: > 0 } || more is not null) request.CertificateExtensions.Add(san.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid(forClients ? "1.3.6.1.5.5.7.3.2" : "1.3.6.1.5.5.7.3.1")], false));
        using var issued = request.Create(_certificate.SubjectName,
            X509SignatureGenerator.CreateForECDsa(_certificate.GetECDsaPrivateKey()!), from ?? now.AddDays(-1), until ?? now.AddDays(30),
                Serial());
        var chain = new StringBuilder().Append(issued.ExportCertificatePem()).Append('\n');
        for (var above = this; above._issuer is not null; above = above._issuer) chain.Append(above.Pem);
        string keyPem = key.ExportPkcs8PrivateKeyPem() + "\n";
        return new TestCertificate(chain.ToString(), keyPem, Convert.ToHexStringLower(issued.GetCertHash(HashAlgorithmName.SHA256)),
            issued.SerialNumberBytes.ToArray(),
            Convert.ToBase64String(SHA256.HashData(issued.PublicKey.ExportSubjectPublicKeyInfo())));
    }

    public void Revoke(TestCertificate certificate) => _revoked.Add((certificate.Serial, DateTimeOffset.UtcNow.AddHours(-1)));

    /// <summary>The list of what was revoked.</summary>
    public string RevocationList()
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (var (serial, when) in _revoked) builder.AddEntry(serial, when);
        byte[] der = builder.Build(_certificate, 1, DateTimeOffset.UtcNow.AddDays(2), HashAlgorithmName.SHA256);
        return PemEncoding.WriteString("X509 CRL", der) + "\n";
    }

    public void Dispose() => _certificate.Dispose();

    private static byte[] Serial()
    {
        byte[] serial = RandomNumberGenerator.GetBytes(12);
        serial[0] = (byte)(serial[0] & 0x7F | 0x40);
        return serial;
    }
}

/// <summary>What an authority of a test has issued.</summary>
/// <param name="Chain">PEM, the certificate first.</param>
/// <param name="Sha256">Of the certificate, lower-case hexadecimal digits.</param>
/// <param name="KeySha256">Of the public key, base64.</param>
public sealed record TestCertificate(string Chain, string Key, string Sha256, byte[] Serial, string KeySha256)
{
    /// <summary>For .NET's own TLS.</summary>
    public X509Certificate2 ForDotNet()
    {
        using var pem = X509Certificate2.CreateFromPem(Chain, Key);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }
}
