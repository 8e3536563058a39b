using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Managed.AdminApi.Acme;

/// <summary>What has to do with certificates themselves: keys, requests for them, those of challenges, and a look at what was
/// issued.</summary>
internal static class CertificateWork
{
    private const int MostInChain = 10;
    private const string AcmeIdentifier = "1.3.6.1.5.5.7.1.31"; // RFC 8737 section 6.1

    /// <summary>PEM.</summary>
    public static string NewKey(bool rsa)
    {
        using AsymmetricAlgorithm key = rsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportPkcs8PrivateKeyPem();
    }

    /// <summary>The request for a certificate (RFC 2986, DER) of these names; they stand in it as alternative names alone.</summary>
    public static byte[] SigningRequest(string keyPem, IReadOnlyList<string> domains)
    {
        using var key = Read(keyPem);
        var subject = new X500DistinguishedName("");
        var request = key is RSA rsa ? new CertificateRequest(subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(subject, (ECDsa)key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var domain in domains)
            names.AddDnsName(domain);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSigningRequest();
    }

    /// <summary>RFC 8737 section 3: self-signed, for the one name, with the digest of the key authorization. PEM both.</summary>
    public static (byte[] Chain, byte[] Key) ChallengeCertificate(string domain, string keyAuthorization, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=acme-tls-alpn-01", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(domain);
        request.CertificateExtensions.Add(names.Build());
        byte[] digest = [0x04, 32, .. SHA256.HashData(Encoding.ASCII.GetBytes(keyAuthorization))]; // an OCTET STRING
        request.CertificateExtensions.Add(new X509Extension(AcmeIdentifier, digest, critical: true));
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(7));
        return (Encoding.ASCII.GetBytes(certificate.ExportCertificatePem()), Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()));
    }

    /// <summary>What an issued certificate says of itself.</summary>
    /// <param name="RenewalId">RFC 9773 section 4.1; null when the certificate names no key of its authority.</param>
    public sealed record Facts(string ChainPem, DateTimeOffset NotBefore, DateTimeOffset NotAfter, string Serial, string Sha256,
        string? RenewalId);

    /// <summary>
    /// The chain that the authority gave, if it is for our key and all names, is valid at some time to come, and each certificate is issued
    /// by the next: what is not would break the listener that it is put into.
    /// </summary>
    /// <exception cref="AcmeException">It is not.</exception>
    public static Facts Check(byte[] body, string keyPem, IReadOnlyList<string> domains, DateTimeOffset now)
    {
        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(Encoding.ASCII.GetString(body));
            if (chain.Count is 0 or > MostInChain)
                throw Wrong($"the chain has {chain.Count} certificates");
            var leaf = chain[0];
            using var key = Read(keyPem);
            if (!leaf.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
                throw Wrong("the certificate is of another key than the one that was asked for");
            var names = leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(e => e.EnumerateDnsNames())
                .Select(n => n.ToLowerInvariant()).ToHashSet();
            if (domains.FirstOrDefault(d => !names.Contains(d)) is { } missing)
                throw Wrong($"the certificate is not for {missing}");
            if (leaf.NotAfter.ToUniversalTime() <= now.UtcDateTime)
                throw Wrong($"the certificate ended at {leaf.NotAfter.ToUniversalTime():u}");
            for (var i = 1; i < chain.Count; i++)
                if (!chain[i - 1].IssuerName.RawData.AsSpan().SequenceEqual(chain[i].SubjectName.RawData))
                    throw Wrong("the certificates do not follow one another");
            return FactsOf(leaf, string.Concat(chain.Select(c => c.ExportCertificatePem() + "\n")));
        }
        catch (CryptographicException e)
        {
            throw Wrong($"what the authority gave is no chain of certificates in PEM ({e.Message})");
        }
        finally
        {
            foreach (var certificate in chain)
                certificate.Dispose();
        }
    }

    /// <summary>Of one that was looked at when it came.</summary>
    public static Facts FactsOf(string chainPem)
    {
        using var leaf = X509Certificate2.CreateFromPem(chainPem);
        return FactsOf(leaf, chainPem);
    }

    private static Facts FactsOf(X509Certificate2 leaf, string chainPem)
    {
        var authority = leaf.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().FirstOrDefault()?.KeyIdentifier;
        return new(chainPem, leaf.NotBefore.ToUniversalTime(), leaf.NotAfter.ToUniversalTime(),
            Convert.ToHexStringLower(leaf.SerialNumberBytes.Span), Convert.ToHexStringLower(leaf.GetCertHash(HashAlgorithmName.SHA256)),
            authority is { } id ? Base64Url.EncodeToString(id.Span) + "." + Base64Url.EncodeToString(leaf.SerialNumberBytes.Span) : null);
    }

    private static AsymmetricAlgorithm Read(string keyPem)
    {
        try
        {
            var key = ECDsa.Create();
            key.ImportFromPem(keyPem);
            return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            var key = RSA.Create();
            key.ImportFromPem(keyPem);
            return key;
        }
    }

    private static AcmeException Wrong(string what) => new("certificate", what);
}
