using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>Endpoints that are chosen among, with what the policies need precomputed. Immutable.</summary>
internal sealed class EndpointGroup
{
    public static readonly EndpointGroup Empty = new([]);

    // A schedule over this many turns spreads every weight of 1 to 128 over usual clusters exactly; larger sets fall back to chance by
    // weight.
    private const int MaxSchedule = 16384;

    public EndpointGroup(IReadOnlyList<EndpointMember> members, LoadBalancer? balancer = null)
    {
        Table = balancer?.TableOf(members);
        Members = [.. members.Select(m => m.Endpoint)];
        Weights = [.. members.Select(m => m.EffectiveWeight)];
        EqualWeights = Array.TrueForAll(Weights, w => w == Weights[0]);
        Cumulative = new long[Members.Length];
        long sum = 0;
        for (int i = 0; i < Members.Length; i++) Cumulative[i] = sum += Weights[i];
        if (!EqualWeights) Schedule = BuildSchedule(Weights);
    }

    public Endpoint[] Members { get; }
    /// <summary>For policies that go by a hash; null for the others.</summary>
    public HashTable? Table { get; }
    public int[] Weights { get; }
    public bool EqualWeights { get; }
    public long[] Cumulative { get; }
    /// <summary>Indexes into <see cref="Members"/>, smoothly interleaved; null when too long or not needed.</summary>
    public int[]? Schedule { get; }

    /// <summary>By chance, in proportion to the weights: an index.</summary>
    public int ByWeight(ulong random)
    {
        if (EqualWeights) return (int)(random % (ulong)Members.Length);
        long point = (long)(random % (ulong)Cumulative[^1]);
        int low = 0, high = Cumulative.Length - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Cumulative[middle] > point) high = middle; else low = middle + 1;
        }
        return low;
    }

    // Smooth weighted round robin, as nginx does it step by step: the one with the largest current weight goes next.
    private int[]? BuildSchedule(int[] weights)
    {
        long divisor = weights.Aggregate(0L, (g, w) => Gcd(g, w));
        long turns = Cumulative[^1] / divisor;
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
            current[best] -= Cumulative[^1];
            schedule[t] = best;
        }
        return schedule;
    }

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);
}
