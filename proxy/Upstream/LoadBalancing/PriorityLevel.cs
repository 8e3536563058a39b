using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>The endpoints of one priority, and how much of the load they are taken to carry.</summary>
internal sealed class PriorityLevel
{
    private readonly IReadOnlyList<EndpointMember> _members;
    private readonly int _counted;

    /// <param name="unknown">Nothing was checked yet.</param>
    public PriorityLevel(IReadOnlyList<EndpointMember> members, bool unknown, bool ignoresNew, int overprovisioning)
    {
        _members = members;
        Healthy = [.. members.Where(m => m.IsHealthy(unknown))];
        Degraded = [.. members.Where(m => m.IsDegraded(unknown))];
        _counted = members.Count - (ignoresNew && !unknown ? members.Count(m => m.IsPending) : 0);
        HealthyShare = Share(Healthy.Count);
        DegradedShare = Share(Degraded.Count);

        int Share(int count) => _counted == 0 ? 0 : (int)Math.Min(100, (long)overprovisioning * count / _counted);
    }

    public IReadOnlyList<EndpointMember> Healthy { get; }
    public IReadOnlyList<EndpointMember> Degraded { get; }
    public int Count => _members.Count;
    /// <summary>In percent of all of the load, no more than 100.</summary>
    public int HealthyShare { get; }
    public int DegradedShare { get; }
    public EndpointGroup Main { get; private set; } = EndpointGroup.Empty;
    public EndpointGroup DegradedGroup { get; private set; } = EndpointGroup.Empty;

    public bool IsBelow(double percent) => 100.0 * (Healthy.Count + Degraded.Count) / Math.Max(1, _counted) < percent;

    public bool Has(Endpoint endpoint) => _members.Any(m => m.Endpoint == endpoint);

    public void Complete(bool panic, LoadBalancer? balancer)
    {
        Main = new EndpointGroup(panic ? [.. _members.Where(m => !m.IsDrained)] : Healthy, balancer);
        if (Degraded.Count > 0) DegradedGroup = new EndpointGroup(Degraded, balancer);
    }
}
