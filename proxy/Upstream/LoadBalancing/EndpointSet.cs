using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>
/// An immutable set of endpoints, by what is known of them. Made anew when an endpoint comes, goes or changes weight or health.
/// <para>Requests go to the healthy ones. Where these are fewer than it takes, a share of them goes to those that call themselves degraded,
/// and in panic all get some: then it is more likely that what is known is wrong (Envoy: panic threshold, degraded endpoints).</para>
/// </summary>
internal sealed class EndpointSet
{
    public static readonly EndpointSet Empty = new((IReadOnlyList<EndpointMember>)[]);

    // Envoy's overprovisioning factor: 72 % of the endpoints are taken to carry the load of all.
    private const double Overprovisioning = 140;

    /// <summary>With the weight and health that the endpoints have.</summary>
    public EndpointSet(IReadOnlyList<Endpoint> endpoints, double panicPercent = 50)
        : this([.. endpoints.Select(e => new EndpointMember(e, e.Weight, e.ConfiguredHealth))], panicPercent)
    {
    }

    /// <param name="members">All.</param>
    /// <param name="panicPercent">With fewer healthy ones there is panic; 0: never.</param>
    /// <param name="ignoresNew">Those that were not checked yet do not count for it.</param>
    /// <param name="balancer">Whose tables it needs; null: none.</param>
    public EndpointSet(IReadOnlyList<EndpointMember> members, double panicPercent = 50, bool ignoresNew = false,
        LoadBalancer? balancer = null)
    {
        All = [.. members.Select(m => m.Endpoint)];
        // Before anything was checked everything is as good as anything else.
        bool unknown = members.All(m => m.IsPending || m.IsUnchecked);
        var healthy = members.Where(m => m.IsHealthy(unknown)).ToList();
        var degraded = members.Where(m => m.IsDegraded(unknown)).ToList();
        Healthy = [.. healthy.Select(m => m.Endpoint)];
        int excluded = ignoresNew && !unknown ? members.Count(m => m.IsPending) : 0;
        double all = Math.Max(1, members.Count - excluded);
        double healthyShare = Math.Min(100, Overprovisioning * healthy.Count / all);
        double degradedShare = Math.Min(100, Overprovisioning * degraded.Count / all);
        double available = Math.Min(100, healthyShare + degradedShare);
        IsPanic = available < 100 && 100.0 * (healthy.Count + degraded.Count) / all < panicPercent;
        DegradedCount = degraded.Count;
        if (IsPanic)
        {
            Main = new EndpointGroup([.. members.Where(m => !m.IsDrained)], balancer);
            return;
        }
        Main = new EndpointGroup(healthy, balancer);
        if (degraded.Count == 0 || healthyShare >= 100) return;
        Degraded = new EndpointGroup(degraded, balancer);
        DegradedPercent = 100 - (int)Math.Round(100 * healthyShare / available);
    }

    public Endpoint[] All { get; }
    /// <summary>Those of which nothing speaks against.</summary>
    public Endpoint[] Healthy { get; }
    public int DegradedCount { get; }
    /// <summary>What is chosen among.</summary>
    public EndpointGroup Main { get; }
    /// <summary>So many of 100 requests go to these instead.</summary>
    public EndpointGroup Degraded { get; } = EndpointGroup.Empty;
    public int DegradedPercent { get; }
    public bool IsPanic { get; }
}
