using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>
/// Chooses the endpoint of a request, per worker; each worker begins its round at another place so that they do not march in step.
/// </summary>
internal sealed class LoadBalancer
{
    private const int Stride = 16; // a cache line between two workers' counters
    // An endpoint that is new is passed over as often as its share says. Where all are new that ends here: they share alike then.
    private const int MostPassed = 32;
    // So many others are asked by chance where one has its share of the load; that all of them have more than theirs is next to impossible.
    private const int MostAsked = 32;

    private readonly LbPolicy _policy;
    private readonly ClusterConfig _config;
    private readonly ClusterState? _state;
    private readonly int _choices, _workers, _balance;
    private readonly double _bias;
    private uint[]? _turns; // made when there is something to choose: many clusters never have two endpoints, or any request

    /// <param name="state">Whose requests count for bounded loads; null: there are none.</param>
    public LoadBalancer(ClusterConfig config, int workers = WorkerContext.MaxWorkers, ClusterState? state = null)
    {
        (_config, _policy, _workers, _state) = (config, config.LbPolicy, workers, state);
        var least = config.LeastRequestLbConfig;
        _choices = least.SelectionMethod == LeastRequestSelection.FullScan ? int.MaxValue : least.ChoiceCount;
        _bias = least.ActiveRequestBias?.DefaultValue ?? 1;
        _balance = config.CommonLbConfig.ConsistentHashingLbConfig?.HashBalanceFactor ?? 0;
        var slow = _policy switch
        {
            LbPolicy.RoundRobin => config.RoundRobinLbConfig.SlowStartConfig,
            LbPolicy.LeastRequest => least.SlowStartConfig,
            _ => null,
        };
        if (slow?.SlowStartWindow is not null) SlowStart = new SlowStart(slow);
    }

    public LoadBalancer(LbPolicy policy, int choiceCount)
        : this(new ClusterConfig { LbPolicy = policy, LeastRequestLbConfig = new() { ChoiceCount = choiceCount } })
    {
    }

    /// <summary>It goes by a hash of the request.</summary>
    public bool UsesHash => _policy is LbPolicy.RingHash or LbPolicy.Maglev;
    /// <summary>Null: endpoints get their share at once.</summary>
    public SlowStart? SlowStart { get; }

    /// <summary>For policies that go by a hash: made with each set of endpoints. Null for the others.</summary>
    /// <param name="weights">Where those are not the endpoints' own; 0: it is not in it.</param>
    public HashTable? TableOf(IReadOnlyList<EndpointMember> members, double[]? weights = null)
    {
        if (members.Count < 2 || !UsesHash) return null;
        bool byName = _config.CommonLbConfig.ConsistentHashingLbConfig?.UseHostnameForHashing == true;
        var ring = _config.RingHashLbConfig;
        weights ??= [.. members.Select(m => (double)m.EffectiveWeight)];
        return _policy == LbPolicy.RingHash
            ? new RingTable(members, weights, Math.Min(ring.MinimumRingSize, ring.MaximumRingSize), ring.MaximumRingSize, byName)
            : new MaglevTable(members, weights, _config.MaglevLbConfig.TableSize, byName);
    }

    /// <summary>Null when no endpoint may be chosen.</summary>
    /// <param name="set">Among these.</param>
    /// <param name="worker">Whose request it is.</param>
    /// <param name="hash">Of the request; null: it has none, and a policy that goes by it chooses by chance.</param>
    /// <param name="attempt">How often another one than before was asked for.</param>
    /// <param name="tried">Priorities that are left out, one bit each.</param>
    public Endpoint? Pick(EndpointSet set, WorkerContext worker, ulong? hash = null, int attempt = 0, UInt128 tried = default)
    {
        var group = tried == 0 ? set.Choose(worker.RandomSource) : set.Choose(worker.RandomSource, tried);
        while (group.HasParts) group = group.PartOf(worker.NextRandom());
        if (group.Zone != ZoneRoute.None && _state is not null) Count(group.Zone, worker);
        var members = group.Members;
        if (members.Length <= 1) return members.Length == 0 ? null : members[0];
        bool slowly = group.SlowUntil > worker.NowMicros;
        switch (_policy)
        {
            case LbPolicy.RoundRobin:
                int next = NextInTurn(group, worker);
                for (int i = 0; slowly && i < MostPassed && IsPassedOver(members[next], worker); i++) next = NextInTurn(group, worker);
                return members[next];
            case LbPolicy.LeastRequest:
                return _choices == int.MaxValue ? LeastBusyOfAll(group, worker, slowly) : LeastBusy(group, worker, slowly);
            case LbPolicy.RingHash or LbPolicy.Maglev when group.Table is { } table:
                ulong key = hash ?? worker.NextRandom();
                if (attempt > 0) key ^= ulong.MaxValue - (ulong)attempt + 1;
                int found = table.Find(key);
                return members[_balance == 0 || _state is null ? found : Bounded(group, found, key)];
            default:
                return members[group.ByWeight(worker.NextRandom())];
        }
    }

    private void Count(ZoneRoute route, WorkerContext worker) => worker.Stats.Increment(route switch
    {
        ZoneRoute.Direct => _state!.Stats.ZoneDirect,
        ZoneRoute.Stays => _state!.Stats.ZoneStays,
        _ => _state!.Stats.ZoneLeaves,
    });

    private int NextInTurn(EndpointGroup group, WorkerContext worker)
    {
        uint turn = (_turns ?? MakeTurns())[worker.Id * Stride]++ + (uint)worker.Id * 7;
        if (group.EqualWeights) return (int)(turn % (uint)group.Members.Length);
        return group.Schedule is { } schedule ? schedule[turn % (uint)schedule.Length] : group.ByWeight(worker.NextRandom());
    }

    private bool IsPassedOver(Endpoint endpoint, WorkerContext worker)
    {
        double share = SlowStart!.ShareOf(endpoint, worker.NowMicros);
        return share < 1 && (worker.NextRandom() >> 11) * (1.0 / (1L << 53)) >= share;
    }

    private int Draw(EndpointGroup group, WorkerContext worker, bool slowly)
    {
        int drawn = group.ByWeight(worker.NextRandom());
        for (int i = 0; slowly && i < MostPassed && IsPassedOver(group.Members[drawn], worker); i++)
            drawn = group.ByWeight(worker.NextRandom());
        return drawn;
    }

    private Endpoint LeastBusy(EndpointGroup group, WorkerContext worker, bool slowly)
    {
        var members = group.Members;
        int first = Draw(group, worker, slowly), best = first;
        for (int i = 1; i < _choices; i++)
        {
            int other = Draw(group, worker, slowly);
            // Comparing one with itself is no choice.
            if (other == first && !slowly) other = group.Evenly(worker.NextRandom());
            if (other == first && !slowly) other = (first + 1) % members.Length;
            if (IsLessBusy(group, other, best, worker, slowly)) best = other;
        }
        return members[best];
    }

    // From anywhere, so that among those that are equal it is not always the same.
    private Endpoint LeastBusyOfAll(EndpointGroup group, WorkerContext worker, bool slowly)
    {
        int count = group.Members.Length, best = Draw(group, worker, slowly), start = group.Evenly(worker.NextRandom());
        for (int i = 0; i < count; i++)
            if (IsLessBusy(group, (start + i) % count, best, worker, slowly)) best = (start + i) % count;
        return group.Members[best];
    }

    // By its active requests, in proportion to its weight; with a bias of 0 weights alone count.
    private bool IsLessBusy(EndpointGroup group, int one, int other, WorkerContext worker, bool slowly)
    {
        if (_bias == 0) return false;
        double a = Volatile.Read(ref group.Members[one].ActiveRequests), b = Volatile.Read(ref group.Members[other].ActiveRequests);
        if (_bias != 1) (a, b) = (Math.Pow(a, _bias), Math.Pow(b, _bias));
        if (!slowly) return group.EqualWeights ? a < b : a * group.Weights[other] < b * group.Weights[one];
        // With nothing to do both are equal; one that is new gets its first request as one that would then have it.
        var (x, y) = (SlowStart!.ShareOf(group.Members[one], worker.NowMicros), SlowStart.ShareOf(group.Members[other], worker.NowMicros));
        return (a + 1) * group.Weights[other] * y < (b + 1) * group.Weights[one] * x;
    }

    // Envoy: hash_balance_factor, after "Consistent hashing with bounded loads": who has his share and so much above it is passed over for
    // others, in an order that the hash alone decides.
    private int Bounded(EndpointGroup group, int first, ulong key)
    {
        long all = Math.Max(1, Volatile.Read(ref _state!.Requests)); // this one among them
        if (HasRoom(group, first, all)) return first;
        int count = group.Members.Length, least = first;
        for (ulong i = 1; i <= MostAsked; i++)
        {
            int other = (int)(Mix(key + i) % (ulong)count);
            if (HasRoom(group, other, all)) return other;
            if (IsLessLoaded(group, other, least)) least = other;
        }
        for (int i = 1; i < count; i++)
        {
            int other = (int)(((uint)first + (uint)i) % (uint)count);
            if (HasRoom(group, other, all)) return other;
            if (IsLessLoaded(group, other, least)) least = other;
        }
        return least;
    }

    private bool HasRoom(EndpointGroup group, int index, long all)
    {
        long active = Volatile.Read(ref group.Members[index].ActiveRequests);
        if (active == 0) return true; // one is always allowed
        double slots = Math.Ceiling(all * (_balance / 100.0) * group.Weights[index] / group.TotalWeight);
        return active + 1 <= slots;
    }

    private static bool IsLessLoaded(EndpointGroup group, int one, int other)
        => (double)Volatile.Read(ref group.Members[one].ActiveRequests) * group.Weights[other]
            < (double)Volatile.Read(ref group.Members[other].ActiveRequests) * group.Weights[one];

    // A finaliser of splitmix64: neighbours have nothing in common.
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    private uint[] MakeTurns()
    {
        var made = new uint[_workers * Stride];
        return Interlocked.CompareExchange(ref _turns, made, null) ?? made;
    }
}
