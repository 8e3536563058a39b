using Managed.Proxy.Core.Telemetry;
using Xunit;

namespace Managed.Proxy.Tests.Core.Telemetry;

public sealed class ShortTimesTests
{
    [Fact]
    public void Times_FallIntoTheBucketsOfTheLargeOne_AndTheLongestIntoTheLast()
    {
        var (shortTimes, cells) = (new ShortTimes(), new HistogramCells());
        for (long micros = 0; micros <= uint.MaxValue; micros = micros * 5 / 4 + 1)
        {
            shortTimes.Record(micros);
            cells.Record(micros);
        }
        var (one, other) = (new HistogramSnapshot(), new HistogramSnapshot());
        shortTimes.AddTo(one);
        cells.AddTo(other);
        Assert.Equal((other.Count, other.Sum), (one.Count, one.Sum));
        foreach (double q in new[] { 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 1 }) Assert.Equal(other.Quantile(q), one.Quantile(q));

        shortTimes.Record(long.MaxValue / 2);
        shortTimes.Record(-1);
        one.Clear();
        shortTimes.AddTo(one);
        Assert.Equal(other.Count + 2, one.Count);
        Assert.Equal(HistogramCells.UpperBound(HistogramCells.BucketOf(uint.MaxValue)), one.Quantile(1));
    }

    // Whoever asks for each of 100,000 routes makes that many.
    [Fact]
    public void MoreThanThereIsRoomFor_AreNotMade()
    {
        var made = new List<ShortTimes>();
        while (made.Count <= ShortTimes.Most && ShortTimes.TryMake() is { } times) made.Add(times);
        Assert.InRange(made.Count, 1, ShortTimes.Most);
        Assert.Null(ShortTimes.TryMake());
        GC.KeepAlive(made);
    }
}
