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

    private readonly LbPolicy _policy;
    private readonly ClusterConfig _config;
    private readonly int _choices, _workers;
    private readonly double _bias;
    private uint[]? _turns; // made when there is something to choose: many clusters never have two endpoints, or any request

    public LoadBalancer(ClusterConfig config, int workers = WorkerContext.MaxWorkers)
    {
        (_config, _policy, _workers) = (config, config.LbPolicy, workers);
        var least = config.LeastRequestLbConfig;
        _choices = least.SelectionMethod == LeastRequestSelection.FullScan ? int.MaxValue : least.ChoiceCount;
        _bias = least.ActiveRequestBias?.DefaultValue ?? 1;
    }

    public LoadBalancer(LbPolicy policy, int choiceCount)
        : this(new ClusterConfig { LbPolicy = policy, LeastRequestLbConfig = new() { ChoiceCount = choiceCount } })
    {
    }

    /// <summary>It goes by a hash of the request.</summary>
    public bool UsesHash => _policy is LbPolicy.RingHash or LbPolicy.Maglev;

    /// <summary>For policies that go by a hash: made with each set of endpoints. Null for the others.</summary>
    public HashTable? TableOf(IReadOnlyList<EndpointMember> members)
    {
        if (members.Count < 2) return null;
        bool byName = _config.CommonLbConfig.ConsistentHashingLbConfig?.UseHostnameForHashing == true;
        var ring = _config.RingHashLbConfig;
        return _policy switch
        {
            LbPolicy.RingHash => new RingTable(members, Math.Min(ring.MinimumRingSize, ring.MaximumRingSize), ring.MaximumRingSize, byName),
            LbPolicy.Maglev => new MaglevTable(members, _config.MaglevLbConfig.TableSize, byName),
            _ => null,
        };
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
        var members = group.Members;
        if (members.Length <= 1) return members.Length == 0 ? null : members[0];
        switch (_policy)
        {
            case LbPolicy.RoundRobin:
                uint turn = (_turns ?? MakeTurns())[worker.Id * Stride]++ + (uint)worker.Id * 7;
                if (group.EqualWeights) return members[turn % (uint)members.Length];
                return members[group.Schedule is { } schedule ? schedule[turn % (uint)schedule.Length]
                    : group.ByWeight(worker.NextRandom())];
            case LbPolicy.LeastRequest:
                return _choices == int.MaxValue ? LeastBusyOfAll(group, worker) : LeastBusy(group, worker);
            case LbPolicy.RingHash or LbPolicy.Maglev when group.Table is { } table:
                ulong key = hash ?? worker.NextRandom();
                return members[table.Find(attempt == 0 ? key : key ^ (ulong.MaxValue - (ulong)attempt + 1))];
            default:
                return members[group.ByWeight(worker.NextRandom())];
        }
    }

    private Endpoint LeastBusy(EndpointGroup group, WorkerContext worker)
    {
        var members = group.Members;
        int first = group.ByWeight(worker.NextRandom()), best = first;
        for (int i = 1; i < _choices; i++)
        {
            int other = group.ByWeight(worker.NextRandom());
            // Comparing one with itself is no choice.
            if (other == first) other = (int)(worker.NextRandom() % (ulong)members.Length);
            if (other == first) other = (first + 1) % members.Length;
            if (IsLessBusy(group, other, best)) best = other;
        }
        return members[best];
    }

    // From anywhere, so that among those that are equal it is not always the same.
    private Endpoint LeastBusyOfAll(EndpointGroup group, WorkerContext worker)
    {
        int count = group.Members.Length, best = group.ByWeight(worker.NextRandom()), start = (int)(worker.NextRandom() % (ulong)count);
        for (int i = 0; i < count; i++)
            if (IsLessBusy(group, (start + i) % count, best)) best = (start + i) % count;
        return group.Members[best];
    }

    // By its active requests, in proportion to its weight; with a bias of 0 weights alone count.
    private bool IsLessBusy(EndpointGroup group, int one, int other)
    {
        if (_bias == 0) return false;
        double a = Volatile.Read(ref group.Members[one].ActiveRequests), b = Volatile.Read(ref group.Members[other].ActiveRequests);
        if (_bias != 1) (a, b) = (Math.Pow(a, _bias), Math.Pow(b, _bias));
        return group.EqualWeights ? a < b : a * group.Weights[other] < b * group.Weights[one];
    }

    private uint[] MakeTurns()
    {
        var made = new uint[_workers * Stride];
        return Interlocked.CompareExchange(ref _turns, made, null) ?? made;
    }
}
