using System.Diagnostics;
using System.Numerics;

namespace Managed.Load.Traffic;

/// <summary>Counts by latency, with buckets that are at most 1.6 % wide. One thread writes.</summary>
internal sealed class LatencyHistogram
{
    private const int Bits = 6;
    private readonly long[] _counts = new long[(40 - Bits) << Bits];

    public long Count { get; private set; }

    /// <param name="ticks">In ticks of <see cref="Stopwatch"/>.</param>
    public void Add(long ticks)
    {
        long micros = Math.Clamp(ticks * 1_000_000 / Stopwatch.Frequency, 0, (1L << 38) - 1);
        _counts[Bucket(micros)]++;
        Count++;
    }

    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        Count += other.Count;
    }

    /// <summary>In milliseconds: the upper end of the bucket that holds it.</summary>
    public double Quantile(double q)
    {
        long rank = Math.Max(1, (long)Math.Ceiling(q * Count));
        for (var i = 0; i < _counts.Length; i++)
            if ((rank -= _counts[i]) <= 0) return Upper(i) / 1000.0;
        return 0;
    }

    // Values below 2^(Bits+1) have a bucket each; above, every power of two is cut into 2^Bits.
    private static int Bucket(long micros)
    {
        int shift = Math.Max(0, BitOperations.Log2((ulong)micros | 1) - Bits);
        return (shift << Bits) + (int)(micros >> shift);
    }

    private static long Upper(int bucket)
    {
        int shift = Math.Max(0, (bucket >> Bits) - 1);
        return (bucket - ((long)shift << Bits) + 1) << shift;
    }
}
