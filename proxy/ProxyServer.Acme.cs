using Managed.Proxy.Core.Tls;
using Managed.Proxy.Security;

namespace Managed.Proxy;

/// <summary>Certificates that an authority issues.</summary>
public sealed partial class ProxyServer
{
    /// <summary>Where builds find them, and what listeners answer to authorities meanwhile.</summary>
    public AcmeCertificates Acme { get; }

    /// <summary>What the version in force wants, with the owners as statistics name them; each certificate once.</summary>
    public IReadOnlyList<(AcmeRequest Request, IReadOnlyList<string> UsedBy)> AcmeRequests() =>
        [.. Identities().SelectMany(i => i.Identity.Acme.Select(r => (Request: r, i.Owner)))
            .GroupBy(p => p.Request.Id, StringComparer.Ordinal)
            .Select(g => (g.First().Request, (IReadOnlyList<string>)[.. g.Select(p => p.Owner).Distinct()]))];
}
