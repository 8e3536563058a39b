using System.Diagnostics;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>The first filters in a chain, on real sockets.</summary>
public sealed class FilterTests
{
    [Fact]
    public async Task LocalRateLimit_OneBucketForAllWorkers()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            Filters = "- {name: local_ratelimit, typed_config: {stat_prefix: rl, token_bucket: {max_tokens: 10, tokens_per_fill: 10, "
                + "fill_interval: 3600s}, filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: "
                    + "{numerator: 100}}}}",
        }).ToString(), workers: 2);

        var statuses = new List<int>();
        for (int i = 0; i < 40; i++) statuses.Add((await proxy.GetAsync()).Status);

        Assert.Equal(10, statuses.Count(s => s == 200));
        Assert.Equal(30, statuses.Count(s => s == 429));
    }

    [Fact]
    public async Task Fault_DelaysAndAborts()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            Filters = "- {name: fault, typed_config: {delay: {fixed_delay: 0.2s, percentage: {numerator: 100}}, abort: {http_status: "
                + "418, percentage: {numerator: 100}}, headers: [{name: x-fault, present_match: true}]}}",
        }).ToString());

        var clock = Stopwatch.StartNew();
        var aborted = await proxy.GetAsync(headers: "x-fault: 1\r\n");
        var took = clock.ElapsedMilliseconds;
        var plain = await proxy.GetAsync();

        Assert.Equal((418, 200), (aborted.Status, plain.Status));
        Assert.True(took >= 180, $"{took} ms");
        Assert.Single(up.Requests);
    }

    [Fact]
    public async Task HeaderMutation_StampsBothWays_AndARouteAddsItsOwn()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            Filters = """
                - name: header_mutation
                  typed_config:
                    mutations:
                      request_mutations: [{append: {header: {key: x-a, value: "1"}}}]
                      response_mutations: [{append: {header: {key: x-b, value: "2"}}}]
                """,
            Routes = """
                - match: {prefix: /special}
                  route: {cluster: up}
                  typed_per_filter_config:
                    header_mutation: {mutations: {request_mutations: [{append: {header: {key: x-route, value: "3"}}}]}}
                - {match: {prefix: /}, route: {cluster: up}}
                """,
        }).ToString());

        var response = await proxy.GetAsync("/");
        await proxy.GetAsync("/special");

        Assert.Equal("2", response["x-b"]);
        Assert.Equal(("1", null), (up.Requests[0]["x-a"], up.Requests[0]["x-route"]));
        Assert.Equal("3", up.Requests[1]["x-route"]);
    }
}
