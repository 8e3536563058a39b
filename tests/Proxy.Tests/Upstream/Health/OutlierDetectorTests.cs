using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Health;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Health;

/// <summary>Ten endpoints, answers and a clock that the test makes, and every counter worked out by hand.</summary>
public sealed class OutlierDetectorTests
{
    private const long Second = 1_000_000;

    private readonly StatsRegistry _stats = new();
    private readonly List<string> _told = [];
    private readonly Endpoint[] _hosts = [.. Enumerable.Range(0, 10).Select(_ => Endpoints.Of(1))];
    private readonly OutlierStats _counts;
    private readonly OutlierDetector _detector;
    private ulong _random;
    private long _now = 1000 * Second;

    public OutlierDetectorTests()
    {
        var cells = _stats.AddWorker(static (action, state) => action(state));
        var scope = _stats.Begin();
        _counts = new OutlierStats(scope, "up");
        scope.Use();
        _detector = new OutlierDetector(cells, () => _random,
            (e, type) => _told.Add($"{Array.IndexOf(_hosts, e)} {(type is { } t ? OutlierStats.NameOf(t) : "back")}"));
    }

    [Fact]
    public void ServerErrorsOneAfterAnother_EjectUntilTheTimeIsOver()
    {
        Use(new OutlierDetectionConfig());
        Answers(0, 500, 4);
        Answers(0, 200, 1);
        Answers(0, 500, 4);
        Assert.Empty(_told);
        Answers(0, 500, 1);
        Assert.Equal(["0 consecutive_5xx"], _told);
        Assert.Equal((1, 1, 1, 1, 1, 0), (Stat("ejections_active"), Stat("ejections_enforced_total"), Stat("ejections_total"),
            Stat("ejections_detected_consecutive_5xx"), Stat("ejections_enforced_consecutive_5xx"), Stat("ejections_overflow")));
        Answers(0, 500, 5); // of one that is ejected already
        Assert.Equal(1, Stat("ejections_detected_consecutive_5xx"));
        Pass(29);
        Assert.True(IsEjected(0));
        Pass(1);
        Assert.False(IsEjected(0));
        Assert.Equal(["0 consecutive_5xx", "0 back"], _told);
        Assert.Equal(0, Stat("ejections_active"));
    }

    [Fact]
    public void EachFurtherEjection_LastsLonger_UpToTheLongest()
    {
        Use(new OutlierDetectionConfig { MaxEjectionTime = TimeSpan.FromSeconds(60), MaxEjectionTimeJitter = TimeSpan.FromSeconds(2) });
        _random = 2 * Second; // the longest jitter
        foreach (int seconds in (int[])[32, 62, 62])
        {
            Answers(0, 500, 5);
            Pass(seconds - 1);
            Assert.True(IsEjected(0));
            Pass(1);
            Assert.False(IsEjected(0));
        }
        // Two quiet intervals, and it is as at the beginning.
        Pass(1);
        Pass(1);
        Answers(0, 500, 5);
        Pass(32);
        Assert.False(IsEjected(0));
    }

    [Theory]
    [InlineData(10, false, 1, 2)]
    [InlineData(11, false, 2, 1)]
    [InlineData(100, false, 3, 0)]
    [InlineData(0, false, 0, 3)]
    [InlineData(0, true, 1, 2)]
    public void SoManyPercent_AreEjectedAtMost(int percent, bool always, int ejected, int overflow)
    {
        Use(new OutlierDetectionConfig { MaxEjectionPercent = percent, AlwaysEjectOneHost = always });
        for (int host = 0; host < 3; host++) Answers(host, 500, 5);
        Assert.Equal((ejected, overflow, 3), (Stat("ejections_active"), Stat("ejections_overflow"),
            Stat("ejections_detected_consecutive_5xx")));
    }

    [Theory]
    [InlineData(0, 49, true)]
    [InlineData(0, 50, false)]
    public void WhatIsFound_IsEnforcedInSoManyCases(int host, int random, bool ejected)
    {
        Use(new OutlierDetectionConfig { EnforcingConsecutive5xx = 50 });
        _random = (ulong)random;
        Answers(host, 500, 5);
        Assert.Equal(ejected, IsEjected(host));
        Assert.Equal((1, ejected ? 1 : 0, 1), (Stat("ejections_detected_consecutive_5xx"), Stat("ejections_enforced_consecutive_5xx"),
            Stat("ejections_total")));
    }

    [Fact]
    public void GatewayErrors_CountForThemselves()
    {
        Use(new OutlierDetectionConfig { ConsecutiveGatewayFailure = 3, EnforcingConsecutiveGatewayFailure = 100, Consecutive5xx = 100 });
        Answers(0, 503, 2);
        _hosts[0].Outliers!.Connected(); // an answer is still to come
        _hosts[0].Outliers!.Connected(isAll: true);
        Answers(0, 503, 2);
        Answers(0, 500, 1);
        Answers(0, 502, 2);
        Assert.Empty(_told);
        Answers(0, 504, 1);
        Assert.Equal(["0 consecutive_gateway_failure"], _told);
    }

    [Fact]
    public void FailuresOnOurSide_CountAsAnswersUnlessSplit()
    {
        Use(new OutlierDetectionConfig());
        for (int i = 0; i < 5; i++) _hosts[0].Outliers!.Fail(timeout: i % 2 == 0);
        Assert.Equal(["0 consecutive_5xx"], _told);
        Assert.Equal(1, Stat("ejections_detected_consecutive_gateway_failure")); // found, not enforced

        Use(new OutlierDetectionConfig
            { SplitExternalLocalOriginErrors = true, ConsecutiveLocalOriginFailure = 3, MaxEjectionPercent = 50 });
        for (int i = 0; i < 2; i++) _hosts[1].Outliers!.Fail(timeout: false);
        _hosts[1].Outliers!.Connected();
        for (int i = 0; i < 2; i++) _hosts[1].Outliers!.Fail(timeout: true);
        Answers(1, 500, 4);
        Assert.False(IsEjected(1));
        _hosts[1].Outliers!.Fail(timeout: true);
        Assert.Equal("1 consecutive_local_origin_failure", _told[^1]);
    }

    [Fact]
    public void SuccessRateFarBelowTheMean_Ejects()
    {
        Use(new OutlierDetectionConfig { Consecutive5xx = 10_000 });
        // Nine at 100 %, one at 80 %: mean 98, deviation 6, threshold 98 - 1.9 * 6 = 86.6.
        for (int host = 0; host < 9; host++) Answers(host, 200, 100);
        Answers(9, 200, 80);
        Answers(9, 500, 20);
        Pass(10);
        Assert.Equal(["9 success_rate"], _told);
        Assert.Equal((1, 1, 1), (Stat("ejections_detected_success_rate"), Stat("ejections_enforced_success_rate"),
            Stat("ejections_success_rate")));
        // An interval without requests says nothing.
        Pass(10);
        Assert.Equal(1, Stat("ejections_detected_success_rate"));
    }

    [Theory]
    [InlineData(99, 5, 0)] // too few requests
    [InlineData(100, 11, 0)] // too few endpoints
    [InlineData(100, 10, 1)]
    public void SuccessRates_AreComparedWhereThereIsEnough(int volume, uint hosts, int ejected)
    {
        Use(new OutlierDetectionConfig { Consecutive5xx = 10_000, SuccessRateMinimumHosts = hosts, FailurePercentageMinimumHosts = 100 });
        for (int host = 0; host < 9; host++) Answers(host, 200, volume);
        Answers(9, 500, volume);
        Pass(10);
        Assert.Equal(ejected, Stat("ejections_active"));
    }

    [Theory]
    [InlineData(85, 50, true)]
    [InlineData(84, 50, false)]
    [InlineData(85, 49, false)]
    public void FailurePercentage_EjectsWhereItIsEnforced(int failed, int volume, bool ejected)
    {
        Use(new OutlierDetectionConfig { Consecutive5xx = 10_000, EnforcingSuccessRate = 0, EnforcingFailurePercentage = 100 });
        for (int host = 0; host < 9; host++) Answers(host, 200, volume);
        Answers(9, 500, (int)Math.Ceiling(failed * volume / 100.0));
        Answers(9, 200, volume - (int)Math.Ceiling(failed * volume / 100.0));
        Pass(10);
        Assert.Equal((ejected, ejected ? 1 : 0), (IsEjected(9), Stat("ejections_enforced_failure_percentage")));
    }

    [Fact]
    public void LocalOriginRates_CountForThemselves()
    {
        Use(new OutlierDetectionConfig { SplitExternalLocalOriginErrors = true, ConsecutiveLocalOriginFailure = 10_000 });
        foreach (var host in _hosts[..9]) for (int i = 0; i < 100; i++) host.Outliers!.Connected();
        for (int i = 0; i < 100; i++) _hosts[9].Outliers!.Fail(timeout: false);
        Pass(10);
        Assert.Equal(["9 local_origin_success_rate"], _told);
        Assert.Equal((1, 1), (Stat("ejections_enforced_local_origin_success_rate"),
            Stat("ejections_detected_local_origin_failure_percentage")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void HealthCheckThatSucceeds_EndsAnEjection_WhereItMay(bool may)
    {
        Use(new OutlierDetectionConfig { SuccessfulActiveHealthCheckUnejectHost = may });
        Answers(0, 500, 5);
        _detector.OnHealthy(_hosts[0]);
        Assert.Equal(!may, IsEjected(0));
    }

    [Fact]
    public void EndpointsThatGo_AndADetectionThatEnds_LeaveNothing()
    {
        Use(new OutlierDetectionConfig { MaxEjectionPercent = 100 });
        Answers(0, 500, 5);
        Answers(1, 500, 5);
        _detector.Follow(new OutlierDetectionConfig(), _counts, _hosts[1..], Limits(new OutlierDetectionConfig()));
        Assert.Equal((1, false, true), (Stat("ejections_active"), IsEjected(0), IsEjected(1)));
        _detector.End();
        Assert.Equal((0, false), (Stat("ejections_active"), IsEjected(1)));
        Assert.All(_hosts, h => Assert.Null(h.Outliers));
    }

    private void Use(OutlierDetectionConfig config) => _detector.Follow(config, _counts, _hosts, Limits(config));

    private OutlierLimits Limits(OutlierDetectionConfig c) => new(c.Consecutive5xx, c.ConsecutiveGatewayFailure,
        c.ConsecutiveLocalOriginFailure, c.SplitExternalLocalOriginErrors, (e, type) => _detector.OnFound(e, type, _now));

    private void Answers(int host, int status, int count)
    {
        for (int i = 0; i < count; i++) _hosts[host].Outliers!.Answer(status);
    }

    // An interval ends then.
    private void Pass(int seconds)
    {
        _now += seconds * Second;
        _detector.OnInterval(_now);
    }

    private bool IsEjected(int host) => (_hosts[host].Flags & HealthFlags.FailedOutlierCheck) != 0;
    private long Stat(string name) => _stats.Value("cluster.up.outlier_detection." + name);
}
