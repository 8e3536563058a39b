using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Pools;

public sealed class PreconnectTests
{
    private static string Document(string address, string more) => $$"""
        clusters: [{name: up, endpoints: ["{{address}}"]{{more}} }]
        listeners: [{name: edge, address: 127.0.0.1:0, routes: [{match: {prefix: /}, route: {cluster: up} }]}]
        """;

    [Theory]
    [InlineData("", 1, 1)]
    [InlineData(", preconnect_policy: {per_upstream_preconnect_ratio: 1.5}", 1, 2)]
    [InlineData(", preconnect_policy: {per_upstream_preconnect_ratio: 1.5}", 2, 3)]
    [InlineData(", preconnect_policy: {per_upstream_preconnect_ratio: 3}", 2, 6)]
    [InlineData(", preconnect_policy: {per_upstream_preconnect_ratio: 3}, circuit_breakers: {thresholds: [{max_connections: 2}]}", 1, 2)]
    public async Task Requests_FindConnectionsAhead(string policy, int requests, int connections)
    {
        await using var up = RecordingUpstream.Start();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        up.OnHead = (_, _) => gate.Task;
        await using var proxy = await ProxyFixture.StartAsync(Document(up.Address, policy));
        var waiting = new List<Task<RawResponse>>();
        for (int i = 1; i <= requests; i++)
        {
            waiting.Add(proxy.GetAsync());
            int now = i;
            await Eventually.Async(() => proxy.Stat("cluster.up.upstream_rq_active") == now, "they are on their way");
        }
        await Eventually.Async(() => up.Accepted == connections && proxy.Stat("cluster.up.upstream_cx_active") == connections,
            $"{connections} connections, not {up.Accepted}");
        gate.SetResult();
        foreach (var one in waiting) Assert.Equal(200, (await one).Status);
        // What rests is used, and no more are made than the ratio asks for.
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(connections, up.Accepted);
        Assert.Equal(connections, proxy.Stat("cluster.up.upstream_cx_total"));
    }

    [Fact]
    public async Task EndpointThatRefuses_CostsTheRequestNothing()
    {
        var up = RecordingUpstream.Start();
        string policy = ", preconnect_policy: {per_upstream_preconnect_ratio: 3}";
        await using var proxy = await ProxyFixture.StartAsync(Document(up.Address, policy));
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_cx_active") == 3, "two beside the one");
        await up.DisposeAsync();
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_cx_active") == 0, "they are gone with it");
        Assert.Equal(503, (await proxy.GetAsync()).Status);
    }

    [Theory]
    [InlineData("{per_upstream_preconnect_ratio: 4}", "per_upstream_preconnect_ratio")]
    [InlineData("{predictive_preconnect_ratio: 2}", "'predictive_preconnect_ratio' is not supported")]
    public async Task WrongPolicy_IsRefused(string policy, string says)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build(Document("127.0.0.1:1", $", preconnect_policy: {policy}")).Errors,
            e => e.ToString().Contains(says, StringComparison.Ordinal));
    }
}
