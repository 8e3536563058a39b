using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Health;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Health;

/// <summary>
/// What checks find (h healthy, d degraded, u says no, r says not now, n no connection, t no answer) and what the endpoint is behind each:
/// H healthy, D degraded, U unhealthy. Three failures and two successes are needed.
/// </summary>
public sealed class HealthVerdictTests
{
    [Theory]
    [InlineData(true, "hhh", "HHH")]
    [InlineData(true, "nhh", "UUH")] // of one that nobody knows the first check decides
    [InlineData(true, "uhh", "UUH")]
    [InlineData(false, "nnh", "HHH")]
    [InlineData(false, "nnn", "HHU")]
    [InlineData(false, "nhnn", "HHHH")] // one after another
    [InlineData(false, "rtnhh", "HHUUH")]
    [InlineData(false, "u", "U")] // it says so itself
    [InlineData(false, "huhnhh", "HUUUUH")]
    [InlineData(false, "dhd", "DHD")]
    [InlineData(false, "dnnnhd", "DDDUUD")]
    public void Checks_MakeAnEndpointWhatItIs(bool isNew, string results, string expected)
    {
        var endpoint = Endpoints.Of(1);
        if (isNew) endpoint.Set(HealthFlags.PendingActiveHealthCheck);
        var verdict = new HealthVerdict(endpoint);
        string states = "";
        string before = isNew ? "" : "H";
        foreach (char c in results)
        {
            bool changed = verdict.Take(c switch
            {
                'h' => CheckResult.Healthy, 'd' => CheckResult.Degraded, 'u' => CheckResult.Unhealthy, 'r' => CheckResult.Retriable,
                'n' => CheckResult.Network, _ => CheckResult.Timeout,
            }, healthyThreshold: 2, unhealthyThreshold: 3, out bool healthy);
            string now = !healthy ? "U" : (endpoint.Flags & HealthFlags.DegradedActiveHealthCheck) != 0 ? "D" : "H";
            Assert.Equal(now != before, changed);
            states += before = now;
        }
        Assert.Equal(expected, states);
    }

    [Fact]
    public void NoAnswerInTime_IsSaid()
    {
        var endpoint = Endpoints.Of(1);
        var verdict = new HealthVerdict(endpoint);
        verdict.Take(CheckResult.Timeout, 1, 1, out _);
        Assert.Equal(HealthFlags.FailedActiveHealthCheck | HealthFlags.ActiveHealthCheckTimeout, endpoint.Flags);
        verdict.Take(CheckResult.Healthy, 1, 1, out _);
        Assert.Equal(HealthFlags.None, endpoint.Flags);
    }

    [Theory]
    [InlineData(true, false, true, 5)]
    [InlineData(true, true, true, 4)]
    [InlineData(false, false, true, 2)]
    [InlineData(false, true, true, 1)]
    [InlineData(true, false, false, 7)]
    [InlineData(false, true, false, 60)]
    public void Pause_IsThatOfWhatTheEndpointIs(bool healthy, bool changed, bool traffic, long expected)
    {
        var plan = new HealthCheckPlan { Source = new Managed.Proxy.Configuration.ConfigObject(), Kind = CheckKind.Tcp, Http = null,
            IntervalMicros = 5, HealthyEdgeMicros = 4, UnhealthyMicros = 2, UnhealthyEdgeMicros = 1, NoTrafficHealthyMicros = 7,
            NoTrafficMicros = 60 };
        Assert.Equal(expected, plan.Pause(healthy, changed, traffic, random: 12345));
    }

    [Fact]
    public void Jitter_IsAddedUpToWhatIsSaid()
    {
        var plan = new HealthCheckPlan { Source = new Managed.Proxy.Configuration.ConfigObject(), Kind = CheckKind.Tcp, Http = null,
            IntervalMicros = 1000, JitterMicros = 10, JitterPercent = 5 };
        Assert.Equal([1000, 1059], new ulong[] { 60, 59 }.Select(r => plan.Pause(true, false, true, r)));
    }
}
