using Managed.Proxy.Configuration;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Router;

/// <summary>What the routes of one version are built with, on the control thread.</summary>
public sealed class RouteBuildContext
{
    public required ConfigErrors Errors { get; init; }
    /// <summary>The clusters of this version by name.</summary>
    public required IReadOnlyDictionary<string, Cluster> Clusters { get; init; }
    public required StatScope Stats { get; init; }
    public required SharedState Shared { get; init; }
    /// <summary>For building per-route filter configurations; its identity is extended by table, virtual host, route and filter.</summary>
    public required FilterBuildContext Filters { get; init; }
    /// <summary>The same table in the version before: what has not changed is taken from it.</summary>
    public RouteTable? Former { get; init; }
    /// <summary>The filters that <c>typed_per_filter_config</c> may name.</summary>
    public IReadOnlyList<HttpFilterDefinition> FilterDefinitions { get; init; } = ExtensionCatalog.HttpFilters;

    /// <summary>Counts what was leased, and what was taken from the machine, in this build so far.</summary>
    internal long Taken => Shared.LeaseCount + Stats.Count + Errors.Host.Asked;
}
