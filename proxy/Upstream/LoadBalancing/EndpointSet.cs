using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>
/// An immutable set of endpoints, by priority and by what is known of them. Made anew when an endpoint comes, goes or changes weight or
/// health.
/// <para>Requests go to the healthy ones of the first priority. As far as these are too few, a share of them goes to the next priorities,
/// and then to those that call themselves degraded; in panic all get some, for it is more likely then that what is known is wrong (Envoy:
/// priority levels, degraded endpoints, panic threshold).</para>
/// </summary>
internal sealed class EndpointSet
{
    public static readonly EndpointSet Empty = new((IReadOnlyList<EndpointMember>)[]);

    private readonly PriorityLevel[] _levels;
    private readonly int[] _healthyLoad, _degradedLoad;
    private readonly IReadOnlyList<EndpointMember> _members;
    private readonly bool _unknown; // nothing was checked yet
    private Dictionary<string, Endpoint>? _byAddress; // made for the first who asks

    /// <summary>With the weight and health that the endpoints have.</summary>
    public EndpointSet(IReadOnlyList<Endpoint> endpoints, double panicPercent = 50)
        : this([.. endpoints.Select(e => new EndpointMember(e, e.Weight, e.ConfiguredHealth))], panicPercent)
    {
    }

    /// <param name="members">All.</param>
    /// <param name="panicPercent">With fewer healthy ones there is panic; 0: never.</param>
    /// <param name="ignoresNew">Those that were not checked yet do not count for it.</param>
    /// <param name="balancer">Whose tables it needs; null: none.</param>
    /// <param name="overprovisioning">In percent: 140 is that 72 % of the endpoints are taken to carry the load of all.</param>
    /// <param name="byLocality">Localities get requests by their weights.</param>
    /// <param name="zones">Requests stay in this proxy's zone; null: zones are not told apart.</param>
    public EndpointSet(IReadOnlyList<EndpointMember> members, double panicPercent = 50, bool ignoresNew = false,
        LoadBalancer? balancer = null, int overprovisioning = 140, bool byLocality = false, ZoneRouting? zones = null)
    {
        All = [.. members.Select(m => m.Endpoint)];
        var byPriority = members.ToLookup(m => m.Priority);
        // Before anything was checked everything is as good as anything else.
        bool unknown = _unknown = members.All(m => m.IsPending || m.IsUnchecked);
        _members = members;
        int count = members.Count == 0 ? 1 : members.Max(m => m.Priority) + 1;
        _levels = [.. Enumerable.Range(0, count).Select(p => new PriorityLevel([.. byPriority[p]], unknown, ignoresNew, overprovisioning))];
        Healthy = [.. _levels.SelectMany(l => l.Healthy.Select(m => m.Endpoint))];
        DegradedCount = _levels.Sum(l => l.Degraded.Count);
        int available = Math.Min(100, _levels.Sum(l => l.HealthyShare + l.DegradedShare));
        Available = available;
        bool everywhere = available < 100;
        foreach (var level in _levels)
        {
            bool panic = available < 100 && level.IsBelow(panicPercent);
            level.Complete(panic, balancer, byLocality, level == _levels[0] ? zones : null);
            everywhere &= panic;
            IsPanic |= panic;
        }
        (_healthyLoad, _degradedLoad) = (new int[count], new int[count]);
        if (everywhere && All.Length > 0) SpreadByCount(_healthyLoad);
        else Spread(_levels, tried: default, _healthyLoad, _degradedLoad);
    }

    /// <summary>The same, divided by <see cref="Subsets"/>.</summary>
    public EndpointSet(EndpointSet all)
        => (_levels, _members, _unknown, _healthyLoad, _degradedLoad, All, Healthy, DegradedCount, IsPanic, Available) = (all._levels,
            all._members, all._unknown, all._healthyLoad, all._degradedLoad, all.All, all.Healthy, all.DegradedCount, all.IsPanic,
            all.Available);

    public Endpoint[] All { get; }
    /// <summary>The same with what the version says of each.</summary>
    public IReadOnlyList<EndpointMember> Members => _members;
    /// <summary>Those of which nothing speaks against.</summary>
    public Endpoint[] Healthy { get; }
    public int DegradedCount { get; }
    /// <summary>How much of the load all are taken to carry, in percent, no more than 100.</summary>
    public int Available { get; }
    /// <summary>The endpoints divided by their metadata; null: they are not.</summary>
    public SubsetTable? Subsets { get; init; }
    /// <summary>Of a priority at least.</summary>
    public bool IsPanic { get; }
    public int Priorities => _levels.Length;

    /// <summary>What is chosen among in the first priority, but for the degraded ones.</summary>
    public EndpointGroup Main => _levels[0].Main;
    /// <summary>How many of 100 requests go to a priority, and to its degraded endpoints.</summary>
    public (int Healthy, int Degraded) LoadOf(int priority) => (_healthyLoad[priority], _degradedLoad[priority]);

    /// <summary>What the endpoint of a request is chosen among.</summary>
    /// <param name="random">Decides where there is more than one priority, or a degraded share.</param>
    public EndpointGroup Choose(Func<ulong> random)
        => _healthyLoad[0] == 100 ? _levels[0].Main : ByLoad(random(), _healthyLoad, _degradedLoad);

    /// <summary>The same without priorities that were tried, one bit each; when all were, all count again.</summary>
    public EndpointGroup Choose(Func<ulong> random, UInt128 tried)
    {
        Span<int> healthy = stackalloc int[_levels.Length], degraded = stackalloc int[_levels.Length];
        return Spread(_levels, tried, healthy, degraded) ? ByLoad(random(), healthy, degraded) : Choose(random);
    }

    /// <summary>How many healthy ones each locality has.</summary>
    public Dictionary<string, int> HealthyByLocality()
        => _members.Where(m => m.IsHealthy(_unknown)).GroupBy(m => m.Locality?.Name ?? "").ToDictionary(l => l.Key, l => l.Count());

    /// <summary>Which ones a filter may choose itself; null: the healthy and the degraded.</summary>
    public IReadOnlyList<EndpointHealthStatus>? Choosable { get; init; }

    /// <summary>The one at <c>address:port</c>, or the first one at <c>address</c>, that may be chosen; null: there is none.</summary>
    public Endpoint? Find(string address)
    {
        var found = _byAddress;
        if (found is null)
        {
            found = [];
            foreach (var member in _members)
                if (MayBeChosen(member)) found.TryAdd(member.Endpoint.Text, member.Endpoint);
            foreach (var member in _members)
                if (MayBeChosen(member) && member.Endpoint.Text.LastIndexOf(':') is > 0 and var end)
                    found.TryAdd(member.Endpoint.Text[..end], member.Endpoint);
            _byAddress = found;
        }
        return found.GetValueOrDefault(address);
    }

    private bool MayBeChosen(in EndpointMember member)
    {
        var status = member.StatusOf(_unknown);
        if (Choosable is null) return status is EndpointHealthStatus.Healthy or EndpointHealthStatus.Degraded;
        foreach (var one in Choosable)
            if (one == status || (one == EndpointHealthStatus.Unknown && status == EndpointHealthStatus.Healthy)) return true;
        return false;
    }

    /// <summary>-1: it is not among these.</summary>
    public int PriorityOf(Endpoint endpoint) => Array.FindIndex(_levels, l => l.Has(endpoint));

    private EndpointGroup ByLoad(ulong random, ReadOnlySpan<int> healthy, ReadOnlySpan<int> degraded)
    {
        int point = (int)(random % 100);
        for (int i = 0; i < healthy.Length; i++)
            if ((point -= healthy[i]) < 0) return _levels[i].Main;
        for (int i = 0; i < degraded.Length; i++)
            if ((point -= degraded[i]) < 0) return _levels[i].DegradedGroup;
        return _levels[0].Main;
    }

    // First to the healthy ones in the order of the priorities, each as much as it is taken to carry, then to the degraded.
    private static bool Spread(PriorityLevel[] levels, UInt128 tried, Span<int> healthy, Span<int> degraded)
    {
        int available = 0, left = 100;
        for (int i = 0; i < levels.Length; i++)
            if (!Was(tried, i)) available += levels[i].HealthyShare + levels[i].DegradedShare;
        available = Math.Min(100, available);
        if (available == 0)
        {
            healthy[0] = 100;
            return false;
        }
        int first = -1, firstDegraded = -1;
        for (int i = 0; i < levels.Length; i++)
        {
            if (Was(tried, i) || levels[i].HealthyShare == 0) continue;
            if (first < 0) first = i;
            left -= healthy[i] = Math.Min(left, levels[i].HealthyShare * 100 / available);
        }
        for (int i = 0; i < levels.Length; i++)
        {
            if (Was(tried, i) || levels[i].DegradedShare == 0) continue;
            if (firstDegraded < 0) firstDegraded = i;
            left -= degraded[i] = Math.Min(left, levels[i].DegradedShare * 100 / available);
        }
        if (first >= 0) healthy[first] += left; else degraded[firstDegraded] += left;
        return true;
    }

    private static bool Was(UInt128 tried, int priority) => (tried >> priority & 1) != 0;

    private void SpreadByCount(int[] load)
    {
        int left = 100;
        for (int i = 0; i < load.Length; i++) left -= load[i] = 100 * _levels[i].Count / All.Length;
        load[Array.FindIndex(_levels, l => l.Count > 0)] += left;
    }
}
