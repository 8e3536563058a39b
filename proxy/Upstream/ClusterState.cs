namespace Managed.Proxy.Upstream;

/// <summary>The live side of a cluster: endpoints, pools, limits, counters.</summary>
internal sealed class ClusterState
{
}
