using System.Security.Cryptography;
using System.Text;

namespace Managed.Proxy.Core.Tls;

/// <summary>One of our own certificates with its chain and its key, read and checked; shared by all workers.</summary>
internal sealed class TlsCertificate
{
    private TlsCertificate(IReadOnlyList<PeerCertificate> chain) => Chain = chain;

    /// <summary>PEM, the certificate itself first.</summary>
    public required byte[] ChainPem { get; init; }
    public required byte[] KeyPem { get; init; }
    /// <summary>Of the key; empty when it has none.</summary>
    public required string Password { get; init; }
    /// <summary>What the chain says, the certificate itself first.</summary>
    public IReadOnlyList<PeerCertificate> Chain { get; }
    /// <summary>The certificate itself.</summary>
    public PeerCertificate Leaf => Chain[0];
    public OcspStaple? Staple { get; init; }

    /// <summary>The names that it is for: its DNS names, or without any alternative name its common name.</summary>
    public IReadOnlyList<string> HostNames { get; private init; } = [];

    /// <summary>For people: its first name.</summary>
    public string Title => HostNames.Count > 0 ? HostNames[0] : Leaf.Subject;

    /// <summary>The same for the same certificate with the same key, chain and staple.</summary>
    public string Digest => _digest ??= DigestOf(ChainPem, KeyPem, Password, Staple?.Der ?? []);
    private string? _digest;

    public static string DigestOf(byte[] chainPem, byte[] keyPem, string password, byte[] staple)
        => Convert.ToHexString(SHA256.HashData(
            [.. SHA256.HashData(chainPem), .. SHA256.HashData(keyPem), .. SHA256.HashData(Encoding.UTF8.GetBytes(password)),
                .. SHA256.HashData(staple)]));

    /// <summary>
    /// Reads them; null and the reason when something of it is wrong: no certificate, no key, or a key of another certificate.
    /// </summary>
    public static TlsCertificate? Read(byte[] chainPem, byte[] keyPem, string password, OcspStaple? staple, out string? wrong)
    {
        nint library = TlsLibrary.Of(0);
        var chain = Pem.ReadCertificates(library, chainPem);
        nint key = 0;
        try
        {
            List<PeerCertificate> read = [.. chain.Select(PeerCertificate.Read)];
            bool matches = password.Length == 0 && read is [{ KeyType: LibCrypto.KeyRsa or LibCrypto.KeyEc }, ..]
                && KeyPair.IsSurelyOf(keyPem, PeerCertificate.PublicKeyOf(chain[0]));
            if (!matches) key = Pem.ReadKey(library, keyPem, password);
            wrong = chain.Count == 0 ? "there is no certificate in PEM in it, or one of them cannot be read"
                : matches ? null
                : key == 0 ? password.Length > 0 ? "the private key cannot be read with this password"
                : "the private key cannot be read: it must be PEM, and without a password"
                : LibCrypto.X509_check_private_key(chain[0], key) != 1 ? "the private key does not belong to the certificate" : null;
            return wrong is not null ? null : new TlsCertificate(read)
            {
                ChainPem = chainPem, KeyPem = keyPem, Password = password, Staple = staple, HostNames = NamesOf(read[0]),
            };
        }
        finally
        {
            foreach (nint certificate in chain) LibCrypto.X509_free(certificate);
            if (key != 0) LibCrypto.EVP_PKEY_free(key);
            TlsLibrary.TakeError();
        }
    }

    private static IReadOnlyList<string> NamesOf(PeerCertificate leaf)
    {
        if (leaf.AlternativeNames.Count > 0) return [.. leaf.Names(SanType.Dns)];
        // The subject as RFC 2253 writes it; a name of a host has nothing that it would have escaped.
        foreach (string part in leaf.Subject.Split(','))
            if (part.StartsWith("CN=", StringComparison.Ordinal)) return [part[3..]];
        return [];
    }
}
