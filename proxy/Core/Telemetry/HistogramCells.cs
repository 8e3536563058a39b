using System.Numerics;

namespace Managed.Proxy.Core.Telemetry;

/// <summary>
/// Log-linear buckets: 16 per power of two, so a quantile is right within 1/16 of its value over the whole range of a long.
/// (The road not taken: HdrHistogram's package allocates per recorder flip and its precision is not needed here.)
/// </summary>
internal sealed class HistogramCells
{
    internal const int SubBits = 4, Sub = 1 << SubBits, Buckets = (64 - SubBits) * Sub;
    private readonly long[] _counts = new long[Buckets];
    private long _sum;

    public void Record(long value)
    {
        if (value < 0) value = 0;
        _counts[BucketOf(value)]++;
        _sum += value;
    }

    public void AddTo(HistogramSnapshot into)
    {
        for (int i = 0; i < Buckets; i++)
        {
            long n = Volatile.Read(ref _counts[i]);
            if (n == 0) continue;
            into.Counts[i] += n;
            into.Count += n;
        }
        into.Sum += Volatile.Read(ref _sum);
    }

    internal static int BucketOf(long value)
    {
        if (value < Sub) return (int)value;
        int exponent = 63 - BitOperations.LeadingZeroCount((ulong)value);
        int shift = exponent - SubBits;
        return ((shift + 1) << SubBits) + (int)((value >> shift) & (Sub - 1));
    }

    internal static double UpperBound(int bucket)
    {
        if (bucket < Sub) return bucket;
        int shift = (bucket >> SubBits) - 1;
        return (double)((long)(Sub + (bucket & (Sub - 1)) + 1) << shift);
    }
}

/// <summary>A histogram added up over the workers, since the process started.</summary>
public sealed class HistogramSnapshot
{
    internal readonly long[] Counts = new long[HistogramCells.Buckets];
    public long Count { get; internal set; }
    public long Sum { get; internal set; }

    /// <summary>The upper bound of the bucket that holds the quantile (0 to 1); 0 when empty.</summary>
    public double Quantile(double q)
    {
        long rank = (long)Math.Ceiling(q * Count), seen = 0;
        for (int i = 0; i < Counts.Length; i++)
            if ((seen += Counts[i]) >= rank && Counts[i] != 0) return HistogramCells.UpperBound(i);
        return 0;
    }

    /// <summary>How many values are at most <paramref name="bound"/>, within a bucket's width.</summary>
    public long CountUpTo(double bound)
    {
        long seen = 0;
        for (int i = 0; i < Counts.Length && HistogramCells.UpperBound(i) <= bound; i++) seen += Counts[i];
        return seen;
    }

    /// <summary>Puts so many equal values on top.</summary>
    public void Record(long value, long times)
    {
        Counts[HistogramCells.BucketOf(Math.Max(0, value))] += times;
        (Count, Sum) = (Count + times, Sum + value * times);
    }

    /// <summary>Puts another histogram of the same unit on top.</summary>
    public void Add(HistogramSnapshot other)
    {
        for (int i = 0; i < Counts.Length; i++) Counts[i] += other.Counts[i];
        Count += other.Count;
        Sum += other.Sum;
    }

    /// <summary>Becomes a copy of another one.</summary>
    public void Set(HistogramSnapshot other)
    {
        other.Counts.CopyTo(Counts, 0);
        (Count, Sum) = (other.Count, other.Sum);
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        if (Count == 0 && Sum == 0) return;
        Array.Clear(Counts);
        (Count, Sum) = (0, 0);
    }

    /// <summary>What came since an earlier reading of the same histograms; of those that have gone since, nothing.</summary>
    public HistogramSnapshot Since(HistogramSnapshot earlier)
    {
        var difference = new HistogramSnapshot { Sum = Math.Max(0, Sum - earlier.Sum) };
        for (int i = 0; i < Counts.Length; i++) difference.Count += difference.Counts[i] = Math.Max(0, Counts[i] - earlier.Counts[i]);
        return difference;
    }
}
