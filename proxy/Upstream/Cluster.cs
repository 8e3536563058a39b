using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Health;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.OnDemand;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Upstream;

/// <summary>
/// A cluster of one version: its configuration, immutable, over the state that lives on from version to version under the same name.
/// </summary>
public sealed class Cluster
{
    private readonly IReadOnlyList<EndpointTarget> _targets;

    internal Cluster(ClusterConfig config, ClusterMembers members, IReadOnlyList<EndpointTarget> targets)
    {
        Config = config;
        Members = members;
        State = members?.State!;
        _targets = targets;
        Limits = new ClusterLimits(config);
        Division = config.LbSubsetConfig is { SubsetSelectors.Count: > 0 } division ? division : null;
        LoadBalancer = new LoadBalancer(config, members?.State.Workers ?? WorkerContext.MaxWorkers, members?.State);
    }

    public string Name => Config.Name;
    public ClusterConfig Config { get; }
    internal ClusterState State { get; }
    /// <summary>Null: connections as they are.</summary>
    internal UpstreamSocket? Socket { get; init; }
    /// <summary>Which HTTP is spoken.</summary>
    internal UpstreamHttp Http { get; init; } = UpstreamHttp.Http1;
    internal ClusterMembers Members { get; }
    /// <summary>What is to be known of the endpoints' health; null: nothing.</summary>
    internal HealthPlan? Health { get; init; }
    internal LoadBalancer LoadBalancer { get; }
    /// <summary>This proxy's zone and the proxies of all zones; null: zones are not told apart.</summary>
    internal (string Own, Cluster Proxies)? Zone { get; set; }
    /// <summary>The proxies as they were when its endpoints were last looked at.</summary>
    internal volatile EndpointSet? ProxiesSeen;
    /// <summary>It stands for others; null: it does not.</summary>
    internal AggregateCluster? Aggregate { get; set; }
    /// <summary>Whatever is asked for is an endpoint; null: those are in a list.</summary>
    internal OnDemandPlan? OnDemand { get; init; }
    /// <summary>Null: the endpoints are not divided.</summary>
    internal LbSubsetConfig? Division { get; }
    /// <summary>This version's.</summary>
    internal ClusterLimits Limits { get; }
    /// <summary>
    /// This version's endpoints: a request that began on an earlier version keeps choosing among that version's. DNS replaces the set of
    /// the version that is live.
    /// </summary>
    internal volatile EndpointSet Endpoints = EndpointSet.Empty;

    /// <summary>The endpoint of a request; null: there is none for it.</summary>
    /// <param name="attempt">How often another one than before was asked for.</param>
    /// <param name="tried">Priorities that are left out, one bit each.</param>
    internal Endpoint? Pick(WorkerContext worker, in PickContext pick, int attempt = 0, UInt128 tried = default)
    {
        if (OnDemand is not null)
            return pick.OnDemand is { DrainOverride: false } asked && (asked.Flags & HealthFlags.FailedOutlierCheck) == 0 ? asked : null;
        var endpoints = Endpoints;
        if (pick.Host is { } wanted)
        {
            if (endpoints.Find(wanted) is { } named) return named;
            if (pick.IsStrict) return null;
        }
        if (endpoints.IsPanic) worker.Stats.Increment(State.Stats.HealthyPanic);
        return endpoints.Subsets is { } subsets ? subsets.Pick(LoadBalancer, worker, pick, attempt, tried)
            : LoadBalancer.Pick(endpoints, worker, pick.Hash, attempt, tried);
    }

    internal IReadOnlyList<EndpointTarget> Targets => _targets;
    /// <summary>What its user was told of it.</summary>
    internal IReadOnlyList<ConfigNote> Notes { get; set; } = [];
    internal bool NeedsDns => _targets.Any(t => t.Address is null);
}
