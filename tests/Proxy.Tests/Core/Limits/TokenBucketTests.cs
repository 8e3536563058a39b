using Managed.Proxy.Core.Limits;
using Managed.Proxy.Http.Filters.LocalRateLimit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Limits;

public sealed class TokenBucketTests
{
    [Fact]
    public void EightThreads_TakeExactlyWhatThereIs()
    {
        const int max = 50_000, fills = 20, perFill = 1_000;
        var bucket = new TokenBucket(max, perFill, fillMicros: 1_000);
        long clock = 5_000_000;
        long taken = 0;
        bucket.TryTake(clock, out _); // the first use is where the intervals begin
        taken++;
        var threads = Enumerable.Range(0, 8).Select(t => new Thread(() =>
        {
            long mine = 0;
            for (int i = 0; i < 20_000; i++)
            {
                // One thread moves the time on; the others' clocks are sometimes behind.
                if (t == 0 && i % 1_000 == 999) Interlocked.Add(ref clock, 1_000);
                if (bucket.TryTake(Volatile.Read(ref clock) - (t % 3) * 1_000, out uint _)) mine++;
            }
            Interlocked.Add(ref taken, mine);
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        while (bucket.TryTake(clock, out _)) taken++;
        // Nothing was lost to the brim: far more was asked for than there was from the first fill on.
        Assert.InRange(taken, max, max + fills * perFill);
        long before = taken;
        clock += 3_000;
        while (bucket.TryTake(clock, out _)) taken++;
        Assert.Equal(before + 3 * perFill, taken);
    }

    [Fact]
    public void EightThreadsWithoutFills_TakeTheExactTotal()
    {
        var bucket = new TokenBucket(100_000, 1, fillMicros: long.MaxValue / 4);
        long taken = 0;
        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            long mine = 0;
            for (int i = 0; i < 30_000; i++) if (bucket.TryTake(1, out uint _)) mine++;
            Interlocked.Add(ref taken, mine);
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.Equal(100_000, taken);
    }

    [Fact]
    public void Fills_ComeAtWholeIntervalsAfterTheFirstUse()
    {
        var bucket = new TokenBucket(3, 2, 1_000_000);
        const long start = 77_123_456;
        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => bucket.TryTake(start, out uint _)));
        Assert.False(bucket.TryTake(start + 999_999, out _));
        Assert.Equal(1, bucket.MicrosToNextFill(start + 999_999));
        Assert.True(bucket.TryTake(start + 1_000_000, out uint remaining));
        Assert.Equal(1u, remaining);
        Assert.True(bucket.TryTake(start + 1_000_000, out _));
        Assert.False(bucket.TryTake(start + 1_999_999, out _));
        // never above the brim
        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => bucket.TryTake(start + 9_000_000, out uint _)));
    }

    [Fact]
    public void ClockThatIsBehind_TakesNothingBack()
    {
        var bucket = new TokenBucket(2, 2, 1_000);
        Assert.True(bucket.TryTake(10_000, out _));
        Assert.True(bucket.TryTake(11_000, out uint remaining));
        Assert.Equal(1u, remaining);
        Assert.True(bucket.TryTake(10_500, out _)); // an older time: no fill, no loss
        Assert.False(bucket.TryTake(10_500, out _));
        Assert.False(bucket.TryTake(11_500, out _)); // and the fill is not counted twice
    }

    [Fact]
    public void LargestNumbers_DoNotOverflow()
    {
        var bucket = new TokenBucket(uint.MaxValue, uint.MaxValue, 50_000);
        Assert.True(bucket.TryTake(0, out uint remaining));
        Assert.Equal(uint.MaxValue - 1, remaining);
        Assert.True(bucket.TryTake(long.MaxValue / 2, out _));
    }

    [Fact]
    public void BucketsOfConnections_AreSweptWhenFullAgain()
    {
        var buckets = new ConnectionBuckets(() => new TokenBucket(1, 1, 1_000));
        for (ulong id = 0; id < 5_000; id++)
        {
            long now = 1_000_000 + (long)id * 10;
            Assert.True(buckets.Of(0, id, now).TryTake(now, out _));
        }
        Assert.InRange(buckets.CountOf(0), 1, 1_200);
        Assert.False(buckets.Of(0, 4_999, 1_049_990).TryTake(1_049_990, out _)); // the newest is still the same one
    }
}
