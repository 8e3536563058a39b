using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream;

/// <summary>Limits of a cluster and of each endpoint, as requests and statistics see them.</summary>
public sealed class BreakerTests
{
    [Fact]
    public async Task LimitOfAnEndpoint_HoldsForIt_AndWhatIsLeftIsTold()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var up = RecordingUpstream.Start();
        up.OnHead = (_, _) => gate.Task;
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners: [{name: edge, address: "127.0.0.1:0", routes: [{match: {prefix: /}, route: {cluster: web} }]}]
            clusters:
            - name: web
              endpoints: ["{{up.Address}}"]
              circuit_breakers:
                thresholds: [{max_connections: 10, max_pending_requests: 1, max_requests: 20, track_remaining: true}]
                per_host_thresholds: [{max_connections: 2}]
            """);
        double Gauge(string name) => proxy.Observed($"cluster.web.circuit_breakers.default.{name}");
        Assert.Equal((0, 10, 20, 1, 3), (Gauge("cx_open"), Gauge("remaining_cx"), Gauge("remaining_rq"), Gauge("remaining_pending"),
            Gauge("remaining_retries")));
        var clients = new List<RawClient>();
        for (int i = 0; i < 3; i++)
        {
            clients.Add(await proxy.ConnectAsync());
            await clients[i].GetAsync();
            int asked = i + 1;
            await Eventually.Async(() => Gauge("remaining_rq") == 20 - asked, "it is under way");
        }
        await Eventually.Async(() => Gauge("rq_pending_open") == 1, "the third waits");
        Assert.Equal((8, 0), (Gauge("remaining_cx"), Gauge("remaining_pending")));
        Assert.Equal(1, proxy.Stat("cluster.web.upstream_cx_overflow"));
        Assert.Equal(503, (await proxy.GetAsync()).Status); // nobody else may wait
        gate.SetResult();
        foreach (var client in clients)
        {
            Assert.Equal(200, (await client.ReadAsync()).Status);
            await client.DisposeAsync();
        }
        Assert.Equal(2, up.Accepted);
        await Eventually.Async(() => Gauge("remaining_rq") == 20 && Gauge("rq_pending_open") == 0, "all is given back");
    }

    [Theory]
    [InlineData("per_host_thresholds: [{max_requests: 1}]", "'max_requests' is not supported")]
    [InlineData("per_host_thresholds: [{priority: HIGH, max_connections: 1}]", "'HIGH' is not supported")]
    [InlineData("thresholds: [{max_connection_pools: 1}]", "'max_connection_pools' is not supported")]
    public async Task Mistake_IsSaid(string config, string message)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        var built = proxy.Build($$"""
            clusters: [{name: web, endpoints: [], circuit_breakers: { {{config}} } }]
            """);
        Assert.Contains(built.Errors, e => e.Detail.Contains(message, StringComparison.Ordinal));
    }
}
