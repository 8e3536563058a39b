using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>The endpoints of one priority, and how much of the load they are taken to carry.</summary>
internal sealed class PriorityLevel
{
    private readonly IReadOnlyList<EndpointMember> _members;
    private readonly bool _unknown, _ignoresNew;
    private readonly int _counted, _overprovisioning;
    private HashSet<Endpoint>? _own;

    /// <param name="unknown">Nothing was checked yet.</param>
    public PriorityLevel(IReadOnlyList<EndpointMember> members, bool unknown, bool ignoresNew, int overprovisioning)
    {
        (_members, _unknown, _ignoresNew, _overprovisioning) = (members, unknown, ignoresNew, overprovisioning);
        Healthy = [.. members.Where(m => m.IsHealthy(unknown))];
        Degraded = [.. members.Where(m => m.IsDegraded(unknown))];
        _counted = Counted(members);
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

    public bool Has(Endpoint endpoint) => (_own ??= [.. _members.Select(m => m.Endpoint)]).Contains(endpoint);

    /// <param name="panic">What is known of their health is not believed.</param>
    /// <param name="byLocality">Localities get requests by their weights.</param>
    /// <param name="zones">Requests stay in this proxy's zone; null: zones are not told apart.</param>
    public void Complete(bool panic, LoadBalancer? balancer, bool byLocality, ZoneRouting? zones)
    {
        Main = !panic ? zones?.GroupOf(Healthy, balancer) ?? GroupOf(Healthy, balancer, byLocality)
            : zones is { FailsInPanic: true } ? EndpointGroup.Empty
            : new EndpointGroup([.. _members.Where(m => !m.IsDrained)], balancer);
        if (Degraded.Count > 0) DegradedGroup = zones?.GroupOf(Degraded, balancer) ?? GroupOf(Degraded, balancer, byLocality);
    }

    private int Counted(IReadOnlyCollection<EndpointMember> members)
        => members.Count - members.Count(m => m.IsExcluded || (_ignoresNew && !_unknown && m.IsPending));

    // A locality counts for its weight, and for less where fewer of it are well than are taken to carry its load (Envoy: locality
    // weighted load balancing). Where nothing has a weight all are chosen among alike.
    private EndpointGroup GroupOf(IReadOnlyList<EndpointMember> eligible, LoadBalancer? balancer, bool byLocality)
    {
        if (!byLocality) return new EndpointGroup(eligible, balancer);
        if (balancer is { UsesHash: true }) return new EndpointGroup(eligible, balancer, WeightsByLocality(eligible));
        var all = _members.GroupBy(m => m.Locality).ToDictionary(l => l.Key ?? Nowhere, l => Counted([.. l]));
        var parts = new List<(EndpointGroup, double)>();
        foreach (var part in eligible.GroupBy(m => m.Locality ?? Nowhere))
        {
            var there = part.ToList();
            double share = Math.Min(1, _overprovisioning / 100.0 * there.Count / Math.Max(1, all[part.Key]));
            if (part.Key.Weight > 0) parts.Add((new EndpointGroup(there, balancer), part.Key.Weight * share));
        }
        return parts.Count switch
        {
            0 => new EndpointGroup(eligible, balancer),
            1 => parts[0].Item1,
            _ => new EndpointGroup(eligible, parts),
        };
    }

    private static readonly EndpointLocality Nowhere = new("", 0);

    // Ring and table have no choice of a locality before them: an endpoint counts for its share of its locality's weight.
    private static double[]? WeightsByLocality(IReadOnlyList<EndpointMember> eligible)
    {
        var sums = eligible.GroupBy(m => m.Locality ?? Nowhere).ToDictionary(l => l.Key, l => l.Sum(m => (double)m.EffectiveWeight));
        double[] weights = [.. eligible.Select(m => (m.Locality?.Weight ?? 0) * m.EffectiveWeight / sums[m.Locality ?? Nowhere])];
        return Array.Exists(weights, w => w > 0) ? weights : null;
    }
}
