using System.Numerics;

namespace Managed.Proxy.Http.Filters.AdaptiveConcurrency;

/// <summary>
/// Times that all workers add to without a lock, in 32 steps for each power of two: a percentile is off by at most 3 %.
/// </summary>
internal sealed class TimeSamples
{
    private const int StepBits = 5, Steps = 1 << StepBits, Powers = 40;

    private readonly int[] _counts = new int[Powers * Steps];
    private int _total;

    public int Count => Volatile.Read(ref _total);

    /// <param name="micros">At least 0; beyond 12 days it is 12 days.</param>
    public void Add(long micros)
    {
        Interlocked.Increment(ref _counts[IndexOf(micros)]);
        Interlocked.Increment(ref _total);
    }

    /// <summary>Microseconds; what is added meanwhile counts or does not. Then there are none any more.</summary>
    public long TakePercentile(double percent)
    {
        long wanted = Math.Max(1, (long)Math.Ceiling(Count * percent / 100)), seen = 0;
        int found = -1;
        for (int i = 0; i < _counts.Length; i++)
        {
            int count = Interlocked.Exchange(ref _counts[i], 0);
            if (count == 0) continue;
            Interlocked.Add(ref _total, -count);
            seen += count;
            if (seen - count < wanted) found = i;
        }
        return found < 0 ? 0 : ValueOf(found);
    }

    private static int IndexOf(long micros)
    {
        long value = Math.Clamp(micros, 0, (1L << (Powers - 1)) - 1);
        int power = Math.Max(0, BitOperations.Log2((ulong)value | 1) - StepBits);
        return (power << StepBits) + (int)(value >> power);
    }

    private static long ValueOf(int index)
    {
        if (index < 2 * Steps) return index;
        int power = (index >> StepBits) - 1;
        long low = (long)(index - (power << StepBits)) << power;
        return low + (1L << power) / 2;
    }
}
