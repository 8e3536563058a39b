using Managed.Proxy.Http.Filters.AdaptiveConcurrency;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.AdaptiveConcurrency;

public sealed class AdaptiveConcurrencyTests
{
    private const string Params = "min_rtt_calc_params: {interval: 3600s, request_count: 5, min_concurrency: 2}";

    private static string Document(RecordingUpstream up, string calculation, string more = "") => "clusters: [{name: up, endpoints: ['"
        + up.Address + "']}]\nlisteners: [{name: edge, address: '127.0.0.1:0', http_filters: [{name: adaptive_concurrency, typed_config: "
        + $"{{gradient_controller_config: {{concurrency_limit_params: {{concurrency_update_interval: 0.001s}}, {calculation}}}{more}}}}}], "
        + "routes: [{match: {prefix: /}, route: {cluster: up}}]}]";

    private static long Stat(ProxyFixture proxy, string name)
        => proxy.Stat("http.edge.adaptive_concurrency.gradient_controller." + name);

    [Fact]
    public async Task WhileTheMinimumIsMeasured_FewMayBeUnderWay()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Document(up, Params, ", concurrency_limit_exceeded_status: {code: 429}"));
        using var open = new SemaphoreSlim(0);
        up.Answer = _ => { open.Wait(TimeSpan.FromSeconds(Eventually.Limit)); return null; };
        var first = proxy.GetAsync();
        var second = proxy.GetAsync();
        await up.WaitForAsync(2);
        Assert.Equal((1, 2), (Stat(proxy, "min_rtt_calculation_active"), Stat(proxy, "concurrency_limit")));
        var refused = await proxy.GetAsync();
        Assert.Equal((429, "reached concurrency limit", 1), (refused.Status, refused.Text, Stat(proxy, "rq_blocked")));
        open.Release(1000);
        Assert.Equal((200, 200), ((await first).Status, (await second).Status));
        for (int i = 0; i < 4; i++) Assert.Equal(200, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => Stat(proxy, "min_rtt_calculation_active") == 0, "measured");
        // Quick answers as quick as the minimum: the limit grows.
        await Eventually.TrueAsync(async () => (await proxy.GetAsync()).Status == 200 && Stat(proxy, "concurrency_limit") > 2, "it grows");
    }

    [Fact]
    public async Task ClientThatGoes_GivesItsPlaceBack()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Document(up,
            "min_rtt_calc_params: {fixed_value: 0.01s, min_concurrency: 1}"));
        using var open = new SemaphoreSlim(0);
        up.Answer = _ => { open.Wait(TimeSpan.FromSeconds(Eventually.Limit)); return null; };
        await using (var client = await proxy.ConnectAsync())
        {
            await client.GetAsync();
            await up.WaitForAsync(1);
            Assert.Equal(503, (await proxy.GetAsync()).Status);
            client.Reset();
        }
        open.Release(1000);
        await Eventually.TrueAsync(async () => (await proxy.GetAsync()).Status == 200, "its place is free");
    }

    [Fact]
    public async Task Disabled_LimitsNothing()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Document(up, Params, ", enabled: {default_value: false}"));
        Assert.Equal((200, 0), ((await proxy.GetAsync()).Status, Stat(proxy, "concurrency_limit")));
    }

    [Theory]
    [InlineData(50, 50_000)]
    [InlineData(90, 90_000)]
    [InlineData(100, 100_000)]
    [InlineData(0, 1000)]
    public void Percentile_IsNearlyRight(double percent, long micros)
    {
        var samples = new TimeSamples();
        for (int i = 100; i > 0; i--) samples.Add(i * 1000);
        Assert.InRange(samples.TakePercentile(percent), micros * 0.97, micros * 1.03);
        Assert.Equal((0, 0), (samples.Count, samples.TakePercentile(50)));
        samples.Add(-5);
        samples.Add(long.MaxValue);
        Assert.Equal(0, samples.TakePercentile(50));
    }

    [Theory]
    [InlineData("gradient_controller_config: {concurrency_limit_params: {}, min_rtt_calc_params: {interval: 1s}}",
        "'concurrency_update_interval' is missing")]
    [InlineData("gradient_controller_config: {concurrency_limit_params: {concurrency_update_interval: 1s}, min_rtt_calc_params: {}}",
        "one of these is missing: interval, fixed_value")]
    [InlineData("gradient_controller_config: {concurrency_limit_params: {concurrency_update_interval: 1s, max_concurrency_limit: 2}, "
        + "min_rtt_calc_params: {interval: 1s}}", "is below the lowest, 3")]
    [InlineData("enabled: {default_value: true}", "'gradient_controller_config' is missing")]
    public async Task WrongConfiguration_IsRefused(string config, string says)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: "
            + $"adaptive_concurrency, typed_config: {{{config}}}}}]}}]").Errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
    }
}
