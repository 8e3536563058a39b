using System.Runtime.CompilerServices;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy;

/// <summary>A certificate that the version in force uses.</summary>
/// <param name="Serial">Lower-case hexadecimal digits.</param>
/// <param name="Names">Kind (<c>dns</c>, <c>uri</c>, <c>ip_address</c>, …) and name.</param>
public sealed record CertificateFacts(string Title, string Serial, IReadOnlyList<(string Kind, string Name)> Names,
    DateTimeOffset NotBefore, DateTimeOffset NotAfter, string Sha256);

/// <summary>What one chain or cluster shows and trusts.</summary>
/// <param name="Owner">As statistics begin: <c>listener.edge</c> or <c>cluster.web</c>.</param>
/// <param name="Chain">The certificate itself first; empty where none is shown.</param>
/// <param name="Authorities">Those that the configuration gives.</param>
public sealed record CertificateUse(string Owner, IReadOnlyList<CertificateFacts> Chain, IReadOnlyList<CertificateFacts> Authorities);

/// <summary>Certificates, and when they expire.</summary>
public sealed partial class ProxyServer
{
    private const double NoCertificate = uint.MaxValue; // Envoy's value where nothing can expire

    /// <summary>Of the version in force; of each certificate one for each chain or cluster that uses it.</summary>
    /// <param name="endingBefore">Only those that expire before, and no authorities; null: all.</param>
    public IReadOnlyList<CertificateUse> Certificates(DateTimeOffset? endingBefore = null)
    {
        if (endingBefore is { } end)
            return [.. Identities().SelectMany(i => i.Identity.Certificates.Where(c => c.Leaf.NotAfter < end)
                .Select(c => new CertificateUse(i.Owner, [.. c.Chain.Select(Facts)], [])))];
        var uses = new List<CertificateUse>();
        foreach (var (owner, identity) in Identities())
        {
            var authorities = s_authorities.GetValue(identity.TrustedCa, FactsOf);
            foreach (var certificate in identity.Certificates) uses.Add(new(owner, [.. certificate.Chain.Select(Facts)], authorities));
            if (identity.Certificates.Count == 0 && authorities.Count > 0) uses.Add(new(owner, [], authorities));
        }
        return uses;
    }

    private IEnumerable<(string Owner, TlsIdentity Identity)> Identities()
    {
        if (Current is not { } version) yield break;
        foreach (var listener in version.Listeners)
            foreach (var chain in listener.Chains.Append(listener.DefaultChain))
                if (chain?.TransportSocket?.Identity is { } identity) yield return ($"listener.{listener.Stats.Prefix}", identity);
        foreach (var cluster in version.Clusters.Values)
            if (cluster.Socket?.Identity is { } identity) yield return ($"cluster.{cluster.Name}", identity);
    }

    // What is trusted stays in many versions; the systems' own list has a hundred and more.
    private static readonly ConditionalWeakTable<byte[], List<CertificateFacts>> s_authorities = [];

    private static List<CertificateFacts> FactsOf(byte[] pem)
    {
        var found = new List<CertificateFacts>();
        foreach (nint certificate in Pem.ReadCertificates(TlsLibrary.Of(0), pem))
        {
            found.Add(Facts(PeerCertificate.Read(certificate)));
            LibCrypto.X509_free(certificate);
        }
        return found;
    }

    private static CertificateFacts Facts(PeerCertificate read) => new(read.Names(SanType.Dns).FirstOrDefault() ?? read.Subject,
        read.SerialNumber, [.. read.AlternativeNames.Select(n => (KindOf(n.Type), n.Value))], read.NotBefore, read.NotAfter,
        Convert.ToHexStringLower(read.Sha256));

    private static string KindOf(SanType type) => type switch
    {
        SanType.Dns => "dns", SanType.Uri => "uri", SanType.IpAddress => "ip_address", SanType.Email => "email", _ => "other_name",
    };

    private double DaysUntilFirstExpires()
    {
        var ends = Identities().SelectMany(i => i.Identity.Certificates).Select(c => c.Leaf.NotAfter).ToList();
        return ends.Count == 0 ? NoCertificate : Math.Max(0, Math.Floor((ends.Min() - TimeProvider.System.GetUtcNow()).TotalDays));
    }

    private IEnumerable<(string Name, double Value)> Expirations()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (owner, identity) in Identities())
            foreach (var certificate in identity.Certificates.OrderBy(c => c.Leaf.NotAfter)) // of two with one name the one that ends first
            {
                string name = $"{owner}.ssl.certificate.{certificate.Title.Replace(':', '_')}.expiration_unix_time_seconds";
                if (seen.Add(name)) yield return (name, certificate.Leaf.NotAfter.ToUnixTimeSeconds());
            }
    }
}
