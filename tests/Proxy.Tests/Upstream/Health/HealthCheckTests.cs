using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Health;

/// <summary>Checks and ejections on real sockets: what they find, who gets requests, and who is told.</summary>
public sealed class HealthCheckTests(HealthFixture fixture) : IClassFixture<HealthFixture>
{
    private ProxyFixture Proxy => fixture.Proxy;

    [Theory]
    [InlineData("ok", "")]
    [InlineData("no", "failed_active_hc")]
    [InlineData("expected", "")]
    [InlineData("degraded", "degraded_active_hc")]
    [InlineData("body", "")]
    [InlineData("otherbody", "failed_active_hc")]
    [InlineData("post", "")]
    [InlineData("service", "")]
    [InlineData("otherservice", "failed_active_hc")]
    [InlineData("anew", "")]
    [InlineData("slow", "failed_active_hc active_hc_timeout")]
    [InlineData("two", "")]
    [InlineData("grpc", "")]
    [InlineData("othergrpc", "failed_active_hc")]
    [InlineData("connect", "")]
    [InlineData("dead", "failed_active_hc")]
    [InlineData("bytes", "")]
    public async Task Check_FindsHowTheEndpointIs(string cluster, string flags)
    {
        await ChecksAsync(cluster, 3);
        Assert.Equal(flags, string.Join(' ', Assert.Single(Endpoints(cluster)).Flags));
        bool well = !flags.Contains("failed", StringComparison.Ordinal);
        await Eventually.Async(() => Proxy.Stat($"cluster.{cluster}.health_check.healthy") == (well ? 1 : 0), "the gauge");
        Assert.True(Proxy.Stat($"cluster.{cluster}.health_check.{(well ? "success" : "failure")}") >= 3);
        Assert.Equal(0, Proxy.Stat($"cluster.{cluster}.health_check.{(well ? "failure" : "success")}"));
    }

    [Fact]
    public async Task EndpointsOfTheirOwn_AreCheckedAsTheySay()
    {
        await ChecksAsync("elsewhere", 6);
        Assert.Equal(["", "failed_active_hc", ""], Endpoints("elsewhere").Select(e => string.Join(' ', e.Flags)));
    }

    /// <summary>Nobody is left: 503 UH where there is no panic, and where there is one all are tried.</summary>
    [Fact]
    public async Task WhereNobodyIsWell_ThePanicThresholdDecides()
    {
        await ChecksAsync("no", 2);
        await ChecksAsync("panic", 2);
        await Eventually.TrueAsync(async () => (await AskAsync("no")).Status == 503, "the endpoint gets no requests");
        Assert.Equal("no healthy upstream", (await AskAsync("no")).Text);
        Assert.Equal(200, (await AskAsync("panic")).Status);
        await Eventually.Async(() => Proxy.Stat("cluster.panic.lb_healthy_panic") > 0, "panic is counted");
    }

    /// <summary>
    /// Any answer may say so (Envoy: x-envoy-immediate-health-check-fail). It counts at once whatever the threshold, and the one that is
    /// gone is not one of two that are unwell: there is no panic.
    /// </summary>
    [Fact]
    public async Task EndpointThatTakesItselfOut_GetsNothingMore_AndDoesNotCount()
    {
        await ChecksAsync("leaver", 2);
        await Eventually.TrueAsync(async () => (await AskAsync("leaver", "/leave")).Text == "gone", "the one that leaves is asked");
        await Eventually.Async(() => Flags("leaver").SequenceEqual(["", "failed_active_hc excluded_via_immediate_hc_fail"]), "its flags");
        await Eventually.Async(() => Proxy.Server.Current!.Clusters["leaver"].Endpoints is { Healthy.Length: 1, Available: 100 },
            "the other carries all");
        for (int i = 0; i < 4; i++) Assert.StartsWith("up ", (await AskAsync("leaver", "/leave")).Text, StringComparison.Ordinal);
        Assert.Equal(1, Proxy.Stat("cluster.leaver.health_check.passive_failure"));
        Assert.Equal(1, Proxy.Stat("cluster.leaver.health_check.failure"));
        Assert.Equal("health check: it says so in an answer", Endpoints("leaver")[1].Reason);
    }

    [Fact]
    public async Task EndpointThatBecomesUnwell_GetsNothing_AndComesBack()
    {
        await ChecksAsync("pair", 4);
        fixture.OtherStatus = "503";
        await Eventually.Async(() => Flags("pair").SequenceEqual(["", "failed_active_hc"]), "one is unwell");
        await Eventually.Async(() => Proxy.Server.Current!.Clusters["pair"].Endpoints.Healthy.Length == 1, "it is left out");
        var unwell = fixture.Events.Last(e => e.Type == "endpoint.health_changed" && Equals(e.Data["cluster"], "pair"));
        Assert.Equal(("UNHEALTHY", fixture.Other.Address), (unwell.Data["health"], unwell.Data["endpoint"]));
        for (int i = 0; i < 6; i++) Assert.StartsWith("up ", (await AskAsync("pair")).Text, StringComparison.Ordinal);
        // A version that changes something else changes nothing of it.
        await Proxy.PublishAsync(fixture.Document.Replace("{name: ok,", "{name: ok, connect_timeout: 4s,", StringComparison.Ordinal));
        Assert.Equal(["", "failed_active_hc"], Flags("pair"));
        for (int i = 0; i < 6; i++) Assert.StartsWith("up ", (await AskAsync("pair")).Text, StringComparison.Ordinal);
        fixture.OtherStatus = "200";
        await Eventually.Async(() => Proxy.Server.Current!.Clusters["pair"].Endpoints.Healthy.Length == 2, "it is back");
        Assert.Equal(["", ""], Flags("pair"));
        // A version without checks knows nothing against anybody.
        fixture.OtherStatus = "503";
        await Eventually.Async(() => Flags("pair")[1] == "failed_active_hc", "it is unwell again");
        var lines = fixture.Document.Split('\n').Select(l => l.StartsWith("- {name: pair", StringComparison.Ordinal)
            ? $"- {{name: pair, endpoints: ['{fixture.Up.Address}', '{fixture.Other.Address}']}}" : l);
        await Proxy.PublishAsync(string.Join('\n', lines));
        await Eventually.Async(() => Flags("pair").SequenceEqual(["", ""]), "nobody asks any more");
        await Eventually.Async(() => Proxy.Server.Current!.Clusters["pair"].Endpoints.Healthy.Length == 2, "both get requests");
        await Proxy.PublishAsync(fixture.Document);
    }

    [Fact]
    public async Task EndpointThatFails_IsEjected_AndItsEjectionIsTold()
    {
        // Failures before the watch has taken over the version are not counted.
        await Eventually.TrueAsync(async () =>
        {
            await AskAsync("outlier", "/bad");
            return Proxy.Server.Current!.Clusters["outlier"].Endpoints.Healthy.Length == 1;
        }, "it is ejected");
        Assert.Equal(["failed_outlier_check", ""], Flags("outlier"));
        Assert.Equal("ejected: consecutive_5xx", Endpoints("outlier")[0].Reason);
        for (int i = 0; i < 6; i++) Assert.StartsWith("other ", (await AskAsync("outlier", "/bad")).Text, StringComparison.Ordinal);
        Assert.Equal((1, 1, 1), (Proxy.Stat("cluster.outlier.outlier_detection.ejections_active"),
            Proxy.Stat("cluster.outlier.outlier_detection.ejections_enforced_consecutive_5xx"),
            Proxy.Stat("cluster.outlier.outlier_detection.ejections_enforced_total")));
        var told = Assert.Single(fixture.Events, e => e.Type == "endpoint.ejected");
        Assert.Equal(("outlier", fixture.Up.Address, "consecutive_5xx"),
            (told.Data["cluster"], told.Data["endpoint"], told.Data["reason"]));
    }

    private List<EndpointStatus> Endpoints(string cluster) => [.. Proxy.Server.Clusters().Single(c => c.Name == cluster).Endpoints];
    private string[] Flags(string cluster) => [.. Endpoints(cluster).Select(e => string.Join(' ', e.Flags))];

    private Task ChecksAsync(string cluster, int count)
        => Eventually.Async(() => Proxy.Stat($"cluster.{cluster}.health_check.attempt") >= count, $"{count} checks of {cluster}");

    private Task<RawResponse> AskAsync(string cluster, string target = "/") => Proxy.GetAsync(target, headers: $"x-cluster: {cluster}\r\n");
}
