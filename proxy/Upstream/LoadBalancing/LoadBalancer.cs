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

    /// <summary>Null when no endpoint may be chosen.</summary>
    public Endpoint? Pick(EndpointSet set, WorkerContext worker)
    {
        var group = set.DegradedPercent > 0 && (int)(worker.NextRandom() % 100) < set.DegradedPercent ? set.Degraded : set.Main;
        var members = group.Members;
        if (members.Length <= 1) return members.Length == 0 ? null : members[0];
        switch (policy)
        {
            case LbPolicy.RoundRobin:
                uint turn = (_turns ?? MakeTurns())[worker.Id * Stride]++ + (uint)worker.Id * 7;
                if (group.EqualWeights) return members[turn % (uint)members.Length];
                return members[group.Schedule is { } schedule ? schedule[turn % (uint)schedule.Length]
                    : group.ByWeight(worker.NextRandom())];
            case LbPolicy.LeastRequest:
                return LeastBusy(group, worker);
            default:
                return members[group.ByWeight(worker.NextRandom())];
        }
    }

    private Endpoint LeastBusy(EndpointGroup group, WorkerContext worker)
    {
        var members = group.Members;
        int first = group.ByWeight(worker.NextRandom());
        var best = members[first];
        for (int i = 1; i < choiceCount; i++)
        {
            int other = group.ByWeight(worker.NextRandom());
            // Comparing one with itself is no choice.
            if (other == first) other = (int)(worker.NextRandom() % (ulong)members.Length);
            if (other == first) other = (first + 1) % members.Length;
            if (Volatile.Read(ref members[other].ActiveRequests) < Volatile.Read(ref best.ActiveRequests)) best = members[other];
        }
        return best;
    }

    private uint[] MakeTurns()
    {
        var made = new uint[workers * Stride];
        return Interlocked.CompareExchange(ref _turns, made, null) ?? made;
    }
}
