using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;

namespace Managed.Proxy.Upstream;

/// <summary>
/// A cluster of one version: its configuration, immutable, over the state that lives on from version to version under the same name.
/// </summary>
public sealed class Cluster
{
    private readonly IReadOnlyList<EndpointTarget> _targets;

    internal Cluster(ClusterConfig config, ClusterState state, IReadOnlyList<EndpointTarget> targets)
    {
        Config = config;
        State = state;
        _targets = targets;
        LoadBalancer = new LoadBalancer(config.LbPolicy, config.LeastRequestLbConfig.ChoiceCount, state?.Workers ?? Worker.MaxWorkers);
    }

    public string Name => Config.Name;
    public ClusterConfig Config { get; }
    internal ClusterState State { get; }
    internal LoadBalancer LoadBalancer { get; }
    /// <summary>
    /// This version's endpoints: a request that began on an earlier version keeps choosing among that version's. DNS replaces the set of
    /// the version that is live.
    /// </summary>
    internal volatile EndpointSet Endpoints = EndpointSet.Empty;
    internal IReadOnlyList<EndpointTarget> Targets => _targets;
    internal bool NeedsDns => _targets.Any(t => t.Address is null);

    /// <summary>Makes the live state follow this version.</summary>
    internal void Activate()
    {
        State.Configure(Config);
        State.Follow(this);
    }
}
