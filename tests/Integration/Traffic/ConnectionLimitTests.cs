using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>Limits of connections: further ones are closed at once and counted, those that are there notice nothing.</summary>
public sealed class ConnectionLimitTests
{
    [Theory]
    [InlineData("connection_limit: 3", null, "downstream_cx_overflow")]
    [InlineData("", 3, "downstream_global_cx_overflow")]
    public async Task OverTheLimit_AConnectionIsClosedAtOnce_UntilOneEnds(string listener, int? most, string counter)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartLimitedAsync(
            (EdgeDocument.To(up) with { Listener = listener + "\nstat_prefix: edge" }).ToString(), most);
        var there = new List<RawClient>();
        for (int i = 0; i < 3; i++) there.Add(await proxy.ConnectAsync());
        await Eventually.Async(() => proxy.Stat("listener.edge.downstream_cx_active") == 3, "three to be accepted");

        for (int i = 0; i < 5; i++)
        {
            await using var refused = await proxy.ConnectAsync();
            Assert.True(await refused.EndsAsync());
        }

        Assert.Equal((5, 3), (proxy.Stat($"listener.edge.{counter}"), proxy.Stat("listener.edge.downstream_cx_total")));
        foreach (var client in there)
        {
            await client.GetAsync();
            Assert.Equal(200, (await client.ReadAsync()).Status);
        }
        await there[0].DisposeAsync();
        await Eventually.Async(() => proxy.Stat("listener.edge.downstream_cx_active") == 2, "one to go");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        foreach (var client in there) await client.DisposeAsync();
    }

    [Fact]
    public async Task AListenerThatIgnoresTheLimitOfTheProcess_IsNotBoundByIt()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartLimitedAsync(
            (EdgeDocument.To(up) with { Listener = "ignore_global_conn_limit: true\nstat_prefix: edge" }).ToString(), 1);
        await using var first = await proxy.ConnectAsync();
        await using var second = await proxy.ConnectAsync();

        await second.GetAsync();

        Assert.Equal(200, (await second.ReadAsync()).Status);
        Assert.Equal(0, proxy.Server.Overload.Connections.Open);
    }

    [Fact]
    public async Task TheLimit_HoldsOverAChangeOfTheListener()
    {
        await using var up = RecordingUpstream.Start();
        var document = EdgeDocument.To(up) with { Address = $"127.0.0.1:{FreePort.Next()}",
            Listener = "connection_limit: 2\nstat_prefix: edge" };
        await using var proxy = await ProxyFixture.StartLimitedAsync(document.ToString());
        await using var first = await proxy.ConnectAsync();
        await using var second = await proxy.ConnectAsync();
        await Eventually.Async(() => proxy.Stat("listener.edge.downstream_cx_active") == 2, "two to be accepted");

        await proxy.PublishAsync((document with { Listener = "connection_limit: 1\nstat_prefix: edge" }).ToString());
        await using (var refused = await proxy.ConnectAsync()) Assert.True(await refused.EndsAsync());
        await proxy.PublishAsync((document with { Listener = "connection_limit: 3\nstat_prefix: edge" }).ToString());

        Assert.Equal(200, (await proxy.GetAsync()).Status);
    }

    [Fact]
    public async Task UnderPressure_ConnectionsEnd_ThenRequests_ThenConnectionsAreRefused()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Listener = "stat_prefix: edge" }).ToString());
        var overload = proxy.Server.Overload;

        overload.Injected = 0.91;
        var ends = await proxy.GetAsync();
        overload.Injected = 0.93;
        var refused = await proxy.GetAsync();
        overload.Injected = 0.96;
        await using (var closed = await proxy.ConnectAsync()) Assert.True(await closed.EndsAsync());
        overload.Injected = 0.5;
        var served = await proxy.GetAsync();

        Assert.Equal((200, "close", 503, 200, null),
            (ends.Status, ends["connection"], refused.Status, served.Status, served["connection"]));
        Assert.Equal((1, 1), (proxy.Stat("http.edge.downstream_rq_overload_close"),
            proxy.Stat("listener.edge.downstream_cx_overload_reject")));
    }
}
