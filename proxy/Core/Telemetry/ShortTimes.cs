namespace Managed.Proxy.Core.Telemetry;

/// <summary>
/// <see cref="HistogramCells"/> for things of which there are thousands: the same buckets up to 71 minutes, which is all that longer times
/// are, counted in 32 bits. 1.8 KB instead of 7.7. One writer.
/// </summary>
internal sealed class ShortTimes
{
    /// <summary>At one time in the process: 36 MB. What comes later is counted without its times.</summary>
    public const int Most = 20_000;

    private static int s_alive;
    private static readonly int s_buckets = HistogramCells.BucketOf(uint.MaxValue) + 1;
    private readonly uint[] _counts = new uint[s_buckets];
    private long _sum;

    public ShortTimes() => Interlocked.Increment(ref s_alive);

    ~ShortTimes() => Interlocked.Decrement(ref s_alive);

    /// <summary>Null when there are enough.</summary>
    public static ShortTimes? TryMake() => Volatile.Read(ref s_alive) < Most ? new() : null;

    public void Record(long micros)
    {
        _counts[Math.Min(HistogramCells.BucketOf(Math.Max(0, micros)), s_buckets - 1)]++;
        _sum += micros;
    }

    public void AddTo(HistogramSnapshot into)
    {
        for (int i = 0; i < _counts.Length; i++)
        {
            uint n = Volatile.Read(ref _counts[i]);
            into.Counts[i] += n;
            into.Count += n;
        }
        into.Sum += Volatile.Read(ref _sum);
    }
}
