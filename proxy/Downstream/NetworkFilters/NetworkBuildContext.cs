using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http;
using Managed.Proxy.Router;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Downstream.NetworkFilters;

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
    /// <summary>The chain of this name in the version before: what has not changed is taken from it.</summary>
    public FilterChain? Former { get; init; }
    /// <summary>The HTTP filters that there are.</summary>
    public required HttpFilterCatalog HttpFilters { get; init; }

    public Cluster? FindCluster(ConfigNode? at, string field, string name)
    {
        if (Clusters.TryGetValue(name, out var cluster)) return cluster;
        string? near = Errors.IsFull ? null : Suggestions.Closest(name, Clusters.Keys);
        Errors.ErrorAt(at, field, ConfigCode.UnknownReference, $"cluster '{name}' does not exist",
            near is null ? null : $"did you mean '{near}'?");
        return null;
    }

    public FilterBuildContext ForFilter(string statPrefix, string filterName) => new()
    {
        Errors = Errors, Stats = Stats, Shared = Shared, StatPrefix = statPrefix,
        ClusterNames = ClusterNames, Clusters = Clusters, Catalog = HttpFilters, Identity = $"{Listener.Name}/{ChainName}/{filterName}",
    };
}
