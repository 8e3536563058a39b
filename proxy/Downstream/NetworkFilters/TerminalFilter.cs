using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http;
using Managed.Proxy.Http.AccessLog;
using Managed.Proxy.Router;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Downstream.NetworkFilters;

/// <summary>The last network filter of a chain [3], built for one version and shared by all workers: it runs each connection to its end.</summary>
internal abstract class TerminalFilter
{
    /// <summary>Runs the connection; the caller closes it afterwards.</summary>
    public abstract IoTask<bool> RunAsync(DownstreamConnection connection);

    /// <summary>How long an idle connection is kept open for a request on its way, once it drains; 0: it has no such rule.</summary>
    public virtual long DrainMicros => 0;
}

/// <summary>Process-wide side of a network filter; listed in <see cref="ExtensionCatalog"/>.</summary>
public abstract class NetworkFilterDefinition
{
    /// <summary>Envoy's name, for example <c>envoy.filters.network.tcp_proxy</c>.</summary>
    public abstract string Name { get; }
    /// <summary>Envoy's type without the prefix <c>type.googleapis.com/</c>.</summary>
    public abstract string TypeName { get; }
    public abstract Type ConfigType { get; }
    /// <summary>One sentence for the filter reference.</summary>
    public abstract string Summary { get; }

    /// <summary>It runs the connection and ends the chain; otherwise it stands before such a one.</summary>
    public virtual bool IsTerminal => true;

    /// <summary>For a terminal filter; null when errors were added.</summary>
    internal virtual TerminalFilter? Build(ConfigNode? typedConfig, NetworkBuildContext context) => null;
    /// <summary>For any other; likewise.</summary>
    internal virtual NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context) => null;
}

/// <summary>What a network filter may use while one version is built, on the control thread.</summary>
internal sealed class NetworkBuildContext
{
    public required ConfigErrors Errors { get; init; }
    public required StatScope Stats { get; init; }
    public required SharedState Shared { get; init; }
    public required ListenerConfig Listener { get; init; }
    public required string ChainName { get; init; }
    public required IReadOnlyDictionary<string, Cluster> Clusters { get; init; }
    /// <summary>The route tables of this version's route_configurations.</summary>
    public required IReadOnlyDictionary<string, RouteTable> Routes { get; init; }
    /// <summary>All names under route_configurations, also of tables that did not build.</summary>
    public required IReadOnlySet<string> RouteNames { get; init; }
    public required IReadOnlySet<string> ClusterNames { get; init; }
    public required IReadOnlyDictionary<string, ConfigObject> SharedFilters { get; init; }
    public required AccessLogFiles AccessLogs { get; init; }

    public Cluster? FindCluster(ConfigNode? at, string field, string name)
    {
        if (Clusters.TryGetValue(name, out var cluster)) return cluster;
        string? near = Errors.IsFull ? null : Suggestions.Closest(name, Clusters.Keys);
        Errors.ErrorAt(at, field, ConfigCode.UnknownReference, $"cluster '{name}' does not exist", near is null ? null : $"did you mean '{near}'?");
        return null;
    }

    public FilterBuildContext ForFilter(string statPrefix, string filterName) => new()
    {
        Errors = Errors, Stats = Stats, Shared = Shared, StatPrefix = statPrefix,
        ClusterNames = ClusterNames, Clusters = Clusters, Identity = $"{Listener.Name}/{ChainName}/{filterName}",
    };
}
