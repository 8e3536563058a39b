namespace Managed.Proxy.Http.Filters.BandwidthLimit;

/// <summary>
/// Bytes that may pass, shared by all workers without a lock: one number, the moment at which the bucket was empty, changed by
/// compare-and-swap. What has come since is <c>now - empty</c> at so many bytes a second, of which at most a second's are kept.
/// </summary>
/// <param name="bytesPerSecond">More than 0.</param>
/// <param name="firstMicros">So much time's worth is there at first.</param>
internal sealed class ByteBucket(long bytesPerSecond, long firstMicros)
{
    private const long Second = 1_000_000_000;
    private long _empty = long.MinValue; // nanoseconds of the worker's clock

    /// <summary>Takes as many as there are, up to what is wanted.</summary>
    public int Take(int wanted, long nowMicros)
    {
        long now = nowMicros * 1000;
        if (Volatile.Read(ref _empty) == long.MinValue) Interlocked.CompareExchange(ref _empty, now - firstMicros * 1000, long.MinValue);
        while (true)
        {
            long empty = Volatile.Read(ref _empty), from = Math.Max(empty, now - Second);
            double there = Math.Max(0, now - from) * (double)bytesPerSecond / Second;
            int taken = (int)Math.Min(wanted, there);
            if (taken == 0) return 0;
            // Rounded up: the limit is never passed.
            long after = from + (long)Math.Ceiling(taken * (double)Second / bytesPerSecond);
            if (Interlocked.CompareExchange(ref _empty, after, empty) == empty) return taken;
        }
    }
}
