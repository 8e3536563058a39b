using Managed.Proxy.Core;
using Managed.Proxy.Core.Limits;

namespace Managed.Proxy.Http.Filters.LocalRateLimit;

/// <summary>
/// A bucket for each connection; connections never leave their worker, so each worker has its own. A bucket that is full again is as
/// good as none, so full ones are swept out when there are many: what stays is bounded by the connections of the last refill.
/// </summary>
internal sealed class ConnectionBuckets(Func<TokenBucket> create)
{
    private const int FirstSweep = 1024;

    private sealed class Own
    {
        public readonly Dictionary<ulong, TokenBucket> ById = [];
        public int SweepAt = FirstSweep;
    }

    private readonly Own?[] _workers = new Own?[WorkerContext.MaxWorkers];

    public TokenBucket Of(int workerId, ulong connectionId, long nowMicros)
    {
        var own = _workers[workerId] ??= new Own();
        if (own.ById.TryGetValue(connectionId, out var bucket)) return bucket;
        if (own.ById.Count >= own.SweepAt)
        {
            foreach (var (id, held) in own.ById)
                if (held.IsFull(nowMicros)) own.ById.Remove(id);
            own.SweepAt = Math.Max(FirstSweep, own.ById.Count * 2);
        }
        own.ById.Add(connectionId, bucket = create());
        return bucket;
    }

    /// <summary>How many buckets a worker holds.</summary>
    internal int CountOf(int workerId) => _workers[workerId]?.ById.Count ?? 0;
}
