using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>An immutable set of endpoints with what the policies need precomputed. Made anew when an endpoint comes, goes or changes weight or health.</summary>
internal sealed class EndpointSet
{
    public static readonly EndpointSet Empty = new([]);

    // A schedule over this many turns spreads every weight of 1 to 128 over usual clusters exactly; larger sets fall back to chance by weight.
    private const int MaxSchedule = 16384;

    public EndpointSet(IReadOnlyList<Endpoint> endpoints)
    {
        All = [.. endpoints];
        Healthy = [.. endpoints.Where(e => e.IsHealthy)];
        EqualWeights = Healthy.All(e => e.EffectiveWeight == Healthy[0].EffectiveWeight);
        Cumulative = new long[Healthy.Length];
        long sum = 0;
        for (int i = 0; i < Healthy.Length; i++) Cumulative[i] = sum += Healthy[i].EffectiveWeight;
        if (!EqualWeights) Schedule = BuildSchedule();
    }

    public Endpoint[] All { get; }
    public Endpoint[] Healthy { get; }
    public bool EqualWeights { get; }
    public long[] Cumulative { get; }
    /// <summary>Indexes into <see cref="Healthy"/>, smoothly interleaved; null when too long or not needed.</summary>
    public int[]? Schedule { get; }

    /// <summary>By chance, in proportion to the weights.</summary>
    public Endpoint ByWeight(ulong random)
    {
        if (EqualWeights) return Healthy[random % (ulong)Healthy.Length];
        long point = (long)(random % (ulong)Cumulative[^1]);
        int low = 0, high = Cumulative.Length - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Cumulative[middle] > point) high = middle; else low = middle + 1;
        }
        return Healthy[low];
    }

    // Smooth weighted round robin, as nginx does it step by step: the one with the largest current weight goes next.
    private int[]? BuildSchedule()
    {
        long divisor = Healthy.Aggregate(0L, (g, e) => Gcd(g, e.EffectiveWeight));
        long turns = Cumulative[^1] / divisor;
        if (turns > MaxSchedule || turns * Healthy.Length > 4_000_000) return null;
        var schedule = new int[turns];
        var current = new long[Healthy.Length];
        for (int t = 0; t < schedule.Length; t++)
        {
            int best = 0;
            for (int i = 0; i < current.Length; i++)
            {
                current[i] += Healthy[i].EffectiveWeight;
                if (current[i] > current[best]) best = i;
            }
            current[best] -= Cumulative[^1];
            schedule[t] = best;
        }
        return schedule;
    }

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);
}
