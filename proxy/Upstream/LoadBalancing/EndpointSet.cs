using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>
/// An immutable set of endpoints with what the policies need precomputed. Made anew when an endpoint comes, goes or changes weight or
/// health.
/// </summary>
internal sealed class EndpointSet
{
    public static readonly EndpointSet Empty = new((IReadOnlyList<EndpointMember>)[]);

    // A schedule over this many turns spreads every weight of 1 to 128 over usual clusters exactly; larger sets fall back to chance by
    // weight.
    private const int MaxSchedule = 16384;

    /// <summary>With the weight and health that the endpoints have.</summary>
    public EndpointSet(IReadOnlyList<Endpoint> endpoints)
        : this([.. endpoints.Select(e => new EndpointMember(e, e.Weight, e.ConfiguredHealth))])
    {
    }

    public EndpointSet(IReadOnlyList<EndpointMember> members)
    {
        All = [.. members.Select(m => m.Endpoint)];
        var healthy = members.Where(m => m.IsHealthy).ToList();
        Healthy = [.. healthy.Select(m => m.Endpoint)];
        var weights = healthy.ConvertAll(m => m.EffectiveWeight);
        EqualWeights = weights.TrueForAll(w => w == weights[0]);
        Cumulative = new long[Healthy.Length];
        long sum = 0;
        for (int i = 0; i < Healthy.Length; i++) Cumulative[i] = sum += weights[i];
        if (!EqualWeights) Schedule = BuildSchedule(weights);
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
    private int[]? BuildSchedule(List<int> weights)
    {
        long divisor = weights.Aggregate(0L, (g, w) => Gcd(g, w));
        long turns = Cumulative[^1] / divisor;
        if (turns > MaxSchedule || turns * Healthy.Length > 4_000_000) return null;
        var schedule = new int[turns];
        var current = new long[Healthy.Length];
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

/// <summary>An endpoint as a version has it: the same one may have another weight in the next.</summary>
internal readonly record struct EndpointMember(Endpoint Endpoint, int Weight, EndpointHealthStatus Health)
{
    public ConfigObject? LbMetadata { get; init; }
    public int EffectiveWeight => Endpoint.WeightOverride > 0 ? Endpoint.WeightOverride : Weight;
    public bool IsHealthy => !Endpoint.DrainOverride
        && Health is EndpointHealthStatus.Unknown or EndpointHealthStatus.Healthy or EndpointHealthStatus.Degraded;
}
