using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>
/// Chooses the endpoint of a request, per worker; each worker begins its round at another place so that they do not march in step.
/// </summary>
internal sealed class LoadBalancer(LbPolicy policy, int choiceCount, int workers = WorkerContext.MaxWorkers)
{
    private uint[]? _turns; // made when there is something to choose: many clusters never have two endpoints, or any request
    private const int Stride = 16; // a cache line between two workers' counters

    /// <summary>Null when no endpoint is healthy.</summary>
    public Endpoint? Pick(EndpointSet set, WorkerContext worker)
    {
        if (set.Healthy.Length == 0) return null;
        if (set.Healthy.Length == 1) return set.Healthy[0];
        switch (policy)
        {
            case LbPolicy.RoundRobin:
                uint turn = (_turns ?? MakeTurns())[worker.Id * Stride]++ + (uint)worker.Id * 7;
                if (set.EqualWeights) return set.Healthy[turn % (uint)set.Healthy.Length];
                return set.Schedule is { } schedule ? set.Healthy[schedule[turn % (uint)schedule.Length]]
                    : set.ByWeight(worker.NextRandom());
            case LbPolicy.LeastRequest:
                var first = set.ByWeight(worker.NextRandom());
                var best = first;
                for (int i = 1; i < choiceCount; i++)
                {
                    var other = set.ByWeight(worker.NextRandom());
                    // Comparing one with itself is no choice.
                    if (ReferenceEquals(other, first)) other = set.Healthy[(int)(worker.NextRandom() % (ulong)set.Healthy.Length)];
                    if (ReferenceEquals(other, first)) other = set.Healthy[(Array.IndexOf(set.Healthy, first) + 1) % set.Healthy.Length];
                    if (Volatile.Read(ref other.ActiveRequests) < Volatile.Read(ref best.ActiveRequests)) best = other;
                }
                return best;
            default:
                return set.ByWeight(worker.NextRandom());
        }
    }

    private uint[] MakeTurns()
    {
        var made = new uint[workers * Stride];
        return Interlocked.CompareExchange(ref _turns, made, null) ?? made;
    }
}
