using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.LoadBalancing;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

/// <summary>Where connections go.</summary>
/// <param name="Criteria">What the endpoint's metadata has to be; null: anything.</param>
/// <param name="UpTo">The sum of the weights up to this one.</param>
internal sealed record TcpTarget(Cluster Cluster, SubsetCriteria? Criteria, long UpTo);
