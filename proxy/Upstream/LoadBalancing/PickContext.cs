using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>What a request says about its endpoint.</summary>
/// <param name="Host"><c>address</c> or <c>address:port</c> to prefer; null: as the cluster's policy says.</param>
/// <param name="IsStrict">No other will do.</param>
/// <param name="Hash">For policies that go by one; null: there is none.</param>
internal readonly record struct PickContext(string? Host, bool IsStrict, ulong? Hash = null)
{
    /// <summary>What its metadata has to be, where the cluster is divided by that; null: anything.</summary>
    public SubsetCriteria? Criteria { get; init; }
    /// <summary>Of a cluster that has endpoints for whatever is asked for: this one; null: there is none.</summary>
    public Endpoint? OnDemand { get; init; }
}
