using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>Endpoints that are chosen among, with what the policies need precomputed. Immutable.</summary>
internal sealed class EndpointGroup
{
    public static readonly EndpointGroup Empty = new([]);

    // A schedule over this many turns spreads every weight of 1 to 128 over usual clusters exactly; larger sets fall back to chance by
    // weight.
    private const int MaxSchedule = 16384;

    private readonly EndpointGroup[] _parts = [];
    private readonly ulong[] _upTo = []; // the sum of the shares up to each part, the last one is 2^32
    private readonly AliasTable? _byWeight; // null: all weigh the same

    /// <param name="members">What is chosen among.</param>
    /// <param name="balancer">Whose tables it needs; null: none.</param>
    /// <param name="hashWeights">By which tables are made, where those are not the endpoints' own; 0: it is not in them.</param>
    public EndpointGroup(IReadOnlyList<EndpointMember> members, LoadBalancer? balancer = null, double[]? hashWeights = null)
        : this(members)
    {
        if (balancer is null) return;
        Table = balancer.TableOf(members, hashWeights);
        if (balancer.SlowStart is { } slow && members.Count > 1)
            SlowUntil = members.Max(m => m.Endpoint.SinceMicros) + slow.WindowMicros;
    }

    /// <summary>In parts: one is chosen by its share, and then in it.</summary>
    public EndpointGroup(IReadOnlyList<EndpointMember> members, IReadOnlyList<(EndpointGroup Part, double Share)> parts) : this(members)
    {
        _parts = [.. parts.Select(p => p.Part)];
        _upTo = new ulong[parts.Count];
        double sum = parts.Sum(p => p.Share), at = 0;
        for (int i = 0; i < _upTo.Length; i++) _upTo[i] = (ulong)Math.Round((at += parts[i].Share) / sum * (1L << 32));
        _upTo[^1] = 1UL << 32;
    }

    private EndpointGroup(IReadOnlyList<EndpointMember> members)
    {
        Members = [.. members.Select(m => m.Endpoint)];
        Weights = [.. members.Select(m => m.EffectiveWeight)];
        EqualWeights = Array.TrueForAll(Weights, w => w == Weights[0]);
        foreach (int weight in Weights) TotalWeight += weight;
        if (EqualWeights) return;
        _byWeight = new AliasTable(Weights, TotalWeight);
        Schedule = BuildSchedule(Weights);
    }

    public Endpoint[] Members { get; }
    /// <summary>For policies that go by a hash; null for the others.</summary>
    public HashTable? Table { get; }
    public int[] Weights { get; }
    public bool EqualWeights { get; }
    public long TotalWeight { get; }
    /// <summary>Indexes into <see cref="Members"/>, smoothly interleaved; null when too long or not needed.</summary>
    public int[]? Schedule { get; }
    /// <summary>Until then some of them get less than their share; worker-clock microseconds.</summary>
    public long SlowUntil { get; }
    /// <summary>How it came about that these are chosen among.</summary>
    public ZoneRoute Zone { get; init; }
    public bool HasParts => _parts.Length > 0;

    public EndpointGroup PartOf(ulong random)
    {
        ulong point = random >> 32;
        int i = 0;
        while (point >= _upTo[i]) i++;
        return _parts[i];
    }

    /// <summary>By chance, in proportion to the weights: an index.</summary>
    public int ByWeight(ulong random) => _byWeight is { } table ? table.Draw(random) : Evenly(random);

    /// <summary>By chance alone: an index. Multiplied rather than divided, which is several times faster.</summary>
    public int Evenly(ulong random) => (int)Math.BigMul(random, (ulong)Members.Length, out _);

    // Smooth weighted round robin, as nginx does it step by step: the one with the largest current weight goes next.
    private int[]? BuildSchedule(int[] weights)
    {
        long divisor = weights.Aggregate(0L, (g, w) => Gcd(g, w));
        long turns = TotalWeight / divisor;
        if (turns > MaxSchedule || turns * Members.Length > 4_000_000) return null;
        var schedule = new int[turns];
        var current = new long[Members.Length];
        for (int t = 0; t < schedule.Length; t++)
        {
            int best = 0;
            for (int i = 0; i < current.Length; i++)
            {
                current[i] += weights[i];
                if (current[i] > current[best]) best = i;
            }
            current[best] -= TotalWeight;
            schedule[t] = best;
        }
        return schedule;
    }

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);
}
