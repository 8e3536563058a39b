using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>Which of a name's addresses are used.</summary>
internal static class Addresses
{
    /// <summary>Each once, in one order whatever the order of the answer. Empty when the name has none of the family.</summary>
    public static IReadOnlyList<IPAddress> Of(IPAddress[] answer, DnsLookupFamily family)
    {
        var v4 = answer.Where(a => a.AddressFamily == AddressFamily.InterNetwork);
        var v6 = answer.Where(a => a.AddressFamily == AddressFamily.InterNetworkV6);
        // Envoy: AUTO prefers IPv6, V4_PREFERRED IPv4; the other family only when there is none of it.
        var chosen = family switch
        {
            DnsLookupFamily.V4Only => v4,
            DnsLookupFamily.V6Only => v6,
            DnsLookupFamily.V4Preferred => v4.Any() ? v4 : v6,
            DnsLookupFamily.All => answer,
            _ => v6.Any() ? v6 : v4,
        };
        return [.. chosen.Distinct().OrderBy(a => a.ToString(), StringComparer.Ordinal)];
    }
}
