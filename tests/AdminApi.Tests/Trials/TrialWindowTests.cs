using Managed.AdminApi.Telemetry;
using Managed.AdminApi.Trials;

namespace Managed.AdminApi.Tests.Trials;

/// <summary>The rule, with counters and a clock that are the test's.</summary>
public sealed class TrialWindowTests
{
    private readonly Dictionary<string, TrafficReading> _readings = new()
    {
        [""] = new(), ["listener:edge"] = new(), ["listener:other"] = new(), ["cluster:web"] = new(),
    };
    private DateTimeOffset _now = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(18, 1, null)] // too few to say
    [InlineData(18, 2, null)] // likewise two of twenty
    [InlineData(17, 3, "5xx was 15 % of 20 requests at listener 'edge', over 2 %; before it there were too few to say")]
    [InlineData(980, 20, null)] // the limit itself is not over it
    [InlineData(970, 30, "5xx was 3 % of 1000 requests at listener 'edge', over 2 %; before it there were too few to say")]
    public void Share_TakesSomeResponses(int good, int failed, string? why)
    {
        var window = Begin("5xx>2%");
        Answer("edge", good, failed);
        Assert.Equal(why, Next(window));
    }

    [Theory]
    [InlineData(10.0, 12, null)] // as bad as before, or a little worse
    [InlineData(10.0, 13, "5xx was 13 % of 100 requests at listener 'edge', over 2 %; before it 10 %")]
    [InlineData(0.0, 3, "5xx was 3 % of 100 requests at listener 'edge', over 2 %; before it 0 %")]
    public void Share_HasToBeWorseThanBefore(double before, int failed, string? why)
    {
        var window = Begin("5xx>2%", ("listener:edge", before), ("", before));
        Answer("edge", 100 - failed, failed);
        Assert.Equal(why, Next(window));
    }

    [Fact]
    public void OneListenerOfMany_IsEnough()
    {
        var window = Begin("5xx>20%");
        Answer("edge", 0, 50);
        Answer("other", 10_000, 0);
        Assert.Equal("5xx was 100 % of 50 requests at listener 'edge', over 20 %; before it there were too few to say", Next(window));
        Assert.Equal(("edge", 100.0), (window.Last[0].Listener, window.Last[0].Now!.Value));
    }

    [Fact]
    public void Clusters_AreNotAsked()
    {
        var window = Begin("5xx>2%");
        _readings["cluster:web"].Classes[4] = _readings["cluster:web"].Requests = 100; // what retries mended
        Assert.Null(Next(window));
    }

    [Fact]
    public void Quantile_TakesAHundredRequests()
    {
        var window = Begin("5xx>50%,p99>250ms");
        Answer("edge", 99, 0, ms: 300);
        Assert.Null(Next(window));
        Answer("edge", 1, 0, ms: 300);
        Assert.StartsWith("p99 was 3", Next(window), StringComparison.Ordinal);
        Assert.Equal([false, true], window.Last.Select(c => c.Holds));
    }

    [Fact]
    public void WhatWasBeforeThePublication_DoesNotCount()
    {
        Answer("edge", 0, 1000);
        var window = Begin("5xx>2%");
        Answer("edge", 1000, 0);
        Assert.Null(Next(window));
    }

    [Fact]
    public void LateFailure_IsNotLostAmongWhatWentWell()
    {
        var window = Begin("5xx>50%");
        Answer("edge", 100_000, 0);
        for (var minute = 0; minute < 3; minute++)
        {
            _now += TimeSpan.FromMinutes(1);
            Assert.Null(Next(window));
        }
        Answer("edge", 0, 100);
        Assert.NotNull(Next(window));
    }

    [Fact]
    public void CountersThatBeginAnew_AreReadFromZero()
    {
        Answer("edge", 1000, 0);
        var window = Begin("5xx>2%");
        _readings["listener:edge"] = new();
        Answer("edge", 10, 20);
        Assert.NotNull(Next(window));
    }

    [Fact]
    public void Rule_ComesBackFromItsText()
    {
        var rule = new RevertRule("5xx>2%,p99>250ms", new Dictionary<string, double?[]> { ["listener:Edge"] = [0.5, null] });
        var read = RevertRule.From(rule.ToJson())!;
        Assert.Equal(rule.RevertIf, read.RevertIf);
        Assert.Equal((0.5, null, null), (read.BeforeOf("listener:Edge", 0), read.BeforeOf("listener:Edge", 1), read.BeforeOf("", 0)));
        Assert.Null(RevertRule.From(null));
        Assert.Null(RevertRule.From("{"));
        Assert.Null(RevertRule.From("""{"revert_if":"of another program","before":{}}"""));
    }

    private TrialWindow Begin(string conditions, params (string Whose, double Share)[] before)
        => new(new(conditions, before.ToDictionary(b => b.Whose, b => new double?[] { b.Share })), _now, _readings);

    private string? Next(TrialWindow window) => window.Next(_now += TimeSpan.FromSeconds(1), _readings);

    private void Answer(string listener, int good, int failed, int ms = 1)
    {
        foreach (var whose in new[] { "", "listener:" + listener })
        {
            _readings[whose].Requests += good + failed;
            _readings[whose].Classes[1] += good;
            _readings[whose].Classes[4] += failed;
            _readings[whose].Latency.Record(ms * 1000, good + failed);
        }
    }
}
