using System.Net;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Tests.Downstream.Listener;

/// <summary>The choice of a chain as Envoy describes it, by asking every chain at every step.</summary>
internal static class ChainLoop
{
    private static readonly Func<FilterChainMatchConfig, ConnectionFacts, int>[] Steps =
    [
        static (m, f) => m.DestinationPort is not { } port ? 0 : port == f.Local!.Port ? 1 : -1,
        static (m, f) => Range(m.PrefixRanges, f.Local!.Address),
        static (m, f) => Name(m.ServerNames, f.ServerName),
        static (m, f) => m.TransportProtocol.Length == 0 ? 0 : m.TransportProtocol == f.TransportProtocol ? 1 : -1,
        static (m, f) => Protocol(m.ApplicationProtocols, f.ApplicationProtocols),
        static (m, f) => Range(m.DirectSourcePrefixRanges, f.DirectSource!.Address),
        static (m, f) => m.SourceType == ConnectionSourceType.Any ? 0
            : f.Source!.Address.Equals(f.Local!.Address) == (m.SourceType == ConnectionSourceType.SameIpOrLoopback) ? 1 : -1,
        static (m, f) => Range(m.SourcePrefixRanges, f.Source!.Address),
        static (m, f) => m.SourcePorts.Count == 0 ? 0 : m.SourcePorts.Contains(f.Source!.Port) ? 1 : -1,
    ];

    public static int Match(IReadOnlyList<FilterChainMatchConfig> chains, ConnectionFacts facts)
    {
        var left = Enumerable.Range(0, chains.Count).ToList();
        foreach (var step in Steps)
        {
            if (left.Count == 0) break;
            int best = left.Max(c => step(chains[c], facts));
            left.RemoveAll(c => best < 0 || step(chains[c], facts) != best);
        }
        return left.Count == 0 ? -1 : left[0];
    }

    private static int Range(IReadOnlyList<CidrRangeConfig> ranges, IPAddress address)
        => ranges.Count == 0 ? 0 : ranges.Where(r => new IPNetwork(Base(r), r.PrefixLen).Contains(address)).Select(r => r.PrefixLen + 1)
            .DefaultIfEmpty(-1).Max();

    private static IPAddress Base(CidrRangeConfig range)
    {
        byte[] bytes = IPAddress.Parse(range.AddressPrefix).GetAddressBytes();
        for (int bit = range.PrefixLen; bit < bytes.Length * 8; bit++) bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return new IPAddress(bytes);
    }

    private static int Name(IReadOnlyList<string> names, string name)
        => names.Count == 0 ? 0 : names.Select(n => n == name && name.Length > 0 ? 1000 : n.StartsWith("*.", StringComparison.Ordinal)
            && name.EndsWith(n[1..], StringComparison.Ordinal) ? n.Length : -1).Max();

    private static int Protocol(IReadOnlyList<string> wanted, IReadOnlyList<string> offered)
    {
        if (wanted.Count == 0) return 0;
        int first = offered.Count == 0 ? -1 : offered.ToList().FindIndex(wanted.Contains);
        return first < 0 ? -1 : 100 - first;
    }
}
