using System.Net;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.NetworkFilters;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>A listener of one version, immutable. The sockets are not its own: they belong to the address and outlive versions.</summary>
internal sealed class Listener
{
    public required ListenerConfig Config { get; init; }
    public required SocketAddressBytes Address { get; init; }
    /// <summary>The address in one spelling: what makes two listeners of different versions the same.</summary>
    public required string AddressKey { get; init; }
    public required ListenerStats Stats { get; init; }
    public FilterChain[] Chains { get; set; } = [];
    public FilterChain? DefaultChain { get; set; }
    public FilterChainMatcher Matcher { get; set; } = null!;
    public Http.AccessLog.AccessLog? AccessLog { get; set; }
    /// <summary>With the port the system chose; null for a Unix socket or before the bind.</summary>
    public IPEndPoint? BoundAddress { get; set; }

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
    /// <summary>The network filters before the last, in their order.</summary>
    public NetworkFilterFactory[] Filters { get; init; } = [];
    /// <summary>The last network filter: it runs the connection.</summary>
    public TerminalFilter Terminal { get; set; } = null!;
}

/// <summary>A listener's counters under Envoy's names.</summary>
internal sealed class ListenerStats(StatsRegistry stats, string prefix)
{
    public readonly Counter CxTotal = stats.Counter($"listener.{prefix}.downstream_cx_total"), CxDestroy = stats.Counter($"listener.{prefix}.downstream_cx_destroy"),
        NoFilterChainMatch = stats.Counter($"listener.{prefix}.no_filter_chain_match"), CxOverflow = stats.Counter($"listener.{prefix}.downstream_cx_overflow"),
        GlobalCxOverflow = stats.Counter($"listener.{prefix}.downstream_global_cx_overflow");
    public readonly Gauge CxActive = stats.Gauge($"listener.{prefix}.downstream_cx_active");
    public readonly string Prefix = prefix;
}
