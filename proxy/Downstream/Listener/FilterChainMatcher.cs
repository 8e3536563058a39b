using System.Net.Sockets;
using System.Net;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>What is known of a connection when its chain is chosen. Names of TLS and ALPN are empty until an inspector has looked.</summary>
internal readonly record struct ChainQuery(IPEndPoint? Local, IPEndPoint? Source, IPEndPoint? DirectSource, string ServerName, string TransportProtocol, IReadOnlyList<string> ApplicationProtocols);

/// <summary>
/// Envoy's fixed order: destination port, destination IP, server name, transport protocol, application protocols, direct source IP,
/// source type, source IP, source port. At each step the most specific value that matches wins and the others are out, even when a
/// later step then leaves none.
/// </summary>
internal sealed class FilterChainMatcher(FilterChain[] chains, FilterChain? defaultChain)
{
    private delegate int Score(FilterChainMatchConfig match, in ChainQuery query);

    private static readonly (string Name, Score Score)[] Steps =
    [
        ("destination_port", static (m, in q) => m.DestinationPort is not { } port ? 0 : port == q.Local?.Port ? 1 : -1),
        ("prefix_ranges", static (m, in q) => Range(m.PrefixRanges, q.Local?.Address)),
        ("server_names", static (m, in q) => ServerName(m.ServerNames, q.ServerName)),
        ("transport_protocol", static (m, in q) => m.TransportProtocol.Length == 0 ? 0 : m.TransportProtocol == q.TransportProtocol ? 1 : -1),
        ("application_protocols", static (m, in q) => Protocols(m.ApplicationProtocols, q.ApplicationProtocols)),
        ("direct_source_prefix_ranges", static (m, in q) => Range(m.DirectSourcePrefixRanges, q.DirectSource?.Address)),
        ("source_type", static (m, in q) => SourceType(m.SourceType, q)),
        ("source_prefix_ranges", static (m, in q) => Range(m.SourcePrefixRanges, q.Source?.Address)),
        ("source_ports", static (m, in q) => m.SourcePorts.Count == 0 ? 0 : q.Source is { } s && m.SourcePorts.Contains(s.Port) ? 1 : -1),
    ];

    // The usual listener: nothing to choose.
    private readonly FilterChain? _only = chains.Length == 1 && chains[0].Config.FilterChainMatch is null ? chains[0] : null;

    public bool IsTrivial => _only is not null;
    public FilterChain? Only => _only;

    /// <summary>Null when the connection is to be closed.</summary>
    public FilterChain? Match(in ChainQuery query, List<MatchStep>? trace = null)
    {
        if (_only is not null && trace is null) return _only;
        var left = new List<FilterChain>(chains);
        foreach (var (name, score) in Steps)
        {
            int best = -1;
            foreach (var chain in left) best = Math.Max(best, Of(chain, score, query));
            for (int i = left.Count - 1; i >= 0; i--)
            {
                int mine = Of(left[i], score, query);
                if (mine == best && mine >= 0) continue;
                trace?.Add(new MatchStep("filter_chain", left[i].Name, false, mine < 0 ? $"{name} does not match" : $"{name} of another chain is more specific"));
                left.RemoveAt(i);
            }
        }
        var found = left.Count > 0 ? left[0] : defaultChain;
        if (found is not null) trace?.Add(new MatchStep("filter_chain", found.Name, true, left.Count > 0 ? "all criteria match" : "default_filter_chain"));
        return found;
    }

    /// <summary>The same for two chains that would match alike: the second could never be chosen.</summary>
    public static string CriteriaOf(FilterChainMatchConfig? match) => Text(match ?? Everything);

    private static string Text(FilterChainMatchConfig m) => string.Join('|', m.DestinationPort, Ranges(m.PrefixRanges), string.Join(',', m.ServerNames.Order()), m.TransportProtocol,
        string.Join(',', m.ApplicationProtocols.Order()), Ranges(m.DirectSourcePrefixRanges), m.SourceType, Ranges(m.SourcePrefixRanges), string.Join(',', m.SourcePorts.Order()));

    private static string Ranges(IReadOnlyList<CidrRangeConfig> ranges) => string.Join(',', ranges.Select(r => $"{r.AddressPrefix}/{r.PrefixLen}").Order());

    private static int Of(FilterChain chain, Score score, in ChainQuery query) => score(chain.Config.FilterChainMatch ?? Everything, query);

    private static readonly FilterChainMatchConfig Everything = new();

    private static int Range(IReadOnlyList<CidrRangeConfig> ranges, IPAddress? address)
    {
        if (ranges.Count == 0) return 0;
        int best = -1;
        foreach (var range in ranges) if (address is not null && Contains(range, address)) best = Math.Max(best, range.PrefixLen + 1);
        return best;
    }

    internal static bool Contains(CidrRangeConfig range, IPAddress address)
    {
        if (!IPAddress.TryParse(range.AddressPrefix, out var prefix) || prefix.AddressFamily != address.AddressFamily) return false;
        Span<byte> a = stackalloc byte[16], b = stackalloc byte[16];
        prefix.TryWriteBytes(a, out int length);
        address.TryWriteBytes(b, out _);
        for (int bit = 0; bit < Math.Min(range.PrefixLen, length * 8); bit++)
            if (((a[bit / 8] ^ b[bit / 8]) & (0x80 >> (bit % 8))) != 0) return false;
        return true;
    }

    private static int ServerName(IReadOnlyList<string> names, string name)
    {
        if (names.Count == 0) return 0;
        int best = -1;
        foreach (string candidate in names)
        {
            if (candidate.Equals(name, StringComparison.OrdinalIgnoreCase)) return int.MaxValue;
            if (candidate.StartsWith("*.", StringComparison.Ordinal) && name.Length > candidate.Length - 1 && name.EndsWith(candidate[1..], StringComparison.OrdinalIgnoreCase))
                best = Math.Max(best, candidate.Length);
        }
        return best;
    }

    private static int Protocols(IReadOnlyList<string> wanted, IReadOnlyList<string> offered)
    {
        if (wanted.Count == 0) return 0;
        foreach (string protocol in offered) if (wanted.Contains(protocol)) return 1;
        return -1;
    }

    private static int SourceType(ConnectionSourceType type, in ChainQuery query)
    {
        if (type == ConnectionSourceType.Any) return 0;
        bool local = query.Source is null || query.Source.AddressFamily == AddressFamily.Unix || IPAddress.IsLoopback(query.Source.Address) || query.Source.Address.Equals(query.Local?.Address);
        return local == (type == ConnectionSourceType.SameIpOrLoopback) ? 1 : -1;
    }
}
