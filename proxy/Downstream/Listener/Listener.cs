using System.Net;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>A listener of one version, immutable. The sockets are not its own: they belong to the address and outlive versions.</summary>
internal sealed class Listener
{
    public required ListenerConfig Config { get; init; }
    /// <summary>Its addresses, the first one at least.</summary>
    public required ListenPlace[] Places { get; init; }
    /// <summary>What makes two listeners of different versions the same: the first address, see <see cref="ListenPlace.Key"/>.</summary>
    public string AddressKey => Places[0].Key;
    /// <summary>Null: the system spreads its connections.</summary>
    public ExactBalance? Balance { get; init; }
    public required ListenerStats Stats { get; init; }
    /// <summary>Of its address, whatever the version.</summary>
    public required ConnectionCount Connections { get; init; }
    public FilterChain[] Chains { get; set; } = [];
    public FilterChain? DefaultChain { get; set; }
    public FilterChainMatcher Matcher { get; set; } = null!;
    /// <summary>Look at the first bytes before a chain is chosen; in their order.</summary>
    public ListenerFilterFactory[] Filters { get; set; } = [];
    /// <summary>The same while authorities may connect (<see cref="ChallengeHandshake"/>); null: here none is answered.</summary>
    public ListenerFilterFactory[]? ChallengeFilters { get; set; }
    public Streams.AccessLog.AccessLog? AccessLog { get; set; }
    /// <summary>Of its first address: see <see cref="ListenPlace.Bound"/>.</summary>
    public IPEndPoint? BoundAddress => Places[0].Bound;

    public string Name => Config.Name;

    public FilterChain? FindChain(string name)
    {
        foreach (var chain in Chains) if (chain.Name == name) return chain;
        return DefaultChain?.Name == name ? DefaultChain : null;
    }
}

/// <summary>A filter chain of one version [3], immutable.</summary>
internal sealed class FilterChain
{
    public required string Name { get; init; }
    public required Listener Listener { get; init; }
    public required FilterChainConfig Config { get; init; }
    /// <summary>Null: the connection's own socket.</summary>
    public TransportSocket? TransportSocket { get; set; }
    /// <summary>The network filters before the last, in their order.</summary>
    public NetworkFilterFactory[] Filters
    {
        get;
        init
        {
            field = value;
            BytesFilters = value.All(f => f.SeesBytes) ? value : [.. value.Where(f => f.SeesBytes)];
        }
    } = [];

    /// <summary>Those of them that see bytes.</summary>
    public NetworkFilterFactory[] BytesFilters { get; private init; } = [];
    /// <summary>The last network filter: it runs the connection.</summary>
    public TerminalFilter Terminal { get; set; } = null!;
}

/// <summary>A listener's counters under Envoy's names.</summary>
internal sealed class ListenerStats
{
    private static readonly StatGroup Names =
        new(["downstream_cx_total", "downstream_cx_destroy", "no_filter_chain_match", "downstream_cx_overflow",
        "downstream_global_cx_overflow", "downstream_pre_cx_timeout", "downstream_cx_overload_reject",
            "downstream_cx_transport_socket_connect_timeout"], ["downstream_cx_active", "downstream_pre_cx_active"], []);

    public readonly Counter CxTotal, CxDestroy, NoFilterChainMatch, CxOverflow, GlobalCxOverflow, PreCxTimeout, CxOverloadReject,
        CxTransportSocketConnectTimeout;
    public readonly Gauge CxActive, PreCxActive;
    public readonly string Prefix;

    public ListenerStats(StatScope stats, string prefix)
    {
        var group = stats.Group($"listener.{prefix}.", Names);
        CxTotal = group.Counter("downstream_cx_total");
        CxDestroy = group.Counter("downstream_cx_destroy");
        NoFilterChainMatch = group.Counter("no_filter_chain_match");
        CxOverflow = group.Counter("downstream_cx_overflow");
        GlobalCxOverflow = group.Counter("downstream_global_cx_overflow");
        PreCxTimeout = group.Counter("downstream_pre_cx_timeout");
        CxOverloadReject = group.Counter("downstream_cx_overload_reject");
        CxTransportSocketConnectTimeout = group.Counter("downstream_cx_transport_socket_connect_timeout");
        CxActive = group.Gauge("downstream_cx_active");
        PreCxActive = group.Gauge("downstream_pre_cx_active");
        Prefix = prefix;
    }
}
