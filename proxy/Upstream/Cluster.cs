using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Upstream;

/// <summary>
/// A cluster of one version: its configuration, immutable, over the state that lives on from version to version while what shapes it
/// stays the same.
/// </summary>
public sealed class Cluster
{
    public string Name => Config.Name;
    public ClusterConfig Config { get; }
    internal ClusterState State { get; }
    internal LoadBalancer LoadBalancer { get; }

    internal Cluster(ClusterConfig config, ClusterState state)
    {
        Config = config;
        State = state;
        LoadBalancer = new LoadBalancer(config.LbPolicy, config.LeastRequestLbConfig.ChoiceCount);
    }
}
