using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters;

/// <summary>Filters that say whether a connection may come: connection_limit, both local_ratelimit; and sni_cluster.</summary>
public sealed class AdmissionTests
{
    private static string Chain(string filters, string terminal = "{name: echo}")
        => $"filter_chains: [{{name: main, filters: [{filters}, {terminal}]}}]";

    private static string Limit(string fields)
        => Chain("{name: connection_limit, typed_config: {stat_prefix: l, max_connections: 2, " + fields + "}}");

    private static string Rate(string listener, string key, int tokens)
        => $"- {{name: {listener}, address: \"127.0.0.1:0\", "
            + Chain($"{{name: local_ratelimit, typed_config: {{stat_prefix: {listener}, {key} token_bucket: {{max_tokens: {tokens}, "
                + $"fill_interval: 1h}}}}}}") + "}\n";

    private static async Task<bool> IsServedAsync(RawClient client)
    {
        try
        {
            await client.SendAsync("x");
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(Eventually.Limit));
            return await client.Socket.ReceiveAsync(new byte[1], System.Net.Sockets.SocketFlags.None, limit.Token) == 1;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    [Fact]
    public async Task ConnectionsOverTheLimit_AreClosedAndCountedOverVersions()
    {
        string Document(int version) => $"listeners: [{{name: edge, address: \"127.0.0.1:0\", stat_prefix: v{version}, {Limit("")}}}]";
        await using var proxy = await ProxyFixture.StartAsync(Document(0), workers: 2);
        await using var first = await proxy.ConnectAsync();
        await using (var second = await proxy.ConnectAsync())
        {
            Assert.True(await IsServedAsync(first));
            Assert.True(await IsServedAsync(second));
            await using var third = await proxy.ConnectAsync();
            Assert.False(await IsServedAsync(third));
            Assert.Equal(2, proxy.Stat("connection_limit.l.active_connections"));
            Assert.Equal(1, proxy.Stat("connection_limit.l.limited_connections"));
            await proxy.PublishAsync(Document(1));
            await using var fourth = await proxy.ConnectAsync();
            Assert.False(await IsServedAsync(fourth));
        }
        await Eventually.Async(() => proxy.Stat("connection_limit.l.active_connections") == 1, "a place is free");
        await using var fifth = await proxy.ConnectAsync();
        Assert.True(await IsServedAsync(fifth));
    }

    [Fact]
    public async Task RefusedOne_WaitsForItsDelayAndIsLetGoBefore()
    {
        await using var proxy = await ProxyFixture.StartAsync(
            $"listeners: [{{name: edge, address: \"127.0.0.1:0\", stat_prefix: e, drain_timeout: 100ms, {Limit("delay: 3600s")}}}]");
        await using var first = await proxy.ConnectAsync();
        await using var second = await proxy.ConnectAsync();
        Assert.True(await IsServedAsync(first) && await IsServedAsync(second));
        await using (var waiting = await proxy.ConnectAsync())
        {
            await waiting.SendAsync("x");
            await Eventually.Async(() => proxy.Stat("connection_limit.l.limited_connections") == 1, "it is refused");
            Assert.Equal(3, proxy.Stat("listener.e.downstream_cx_active"));
        }
        await Eventually.Async(() => proxy.Stat("listener.e.downstream_cx_active") == 2, "who leaves is forgotten");
        // A publication that takes the listener away ends it.
        await using var another = await proxy.ConnectAsync();
        await Eventually.Async(() => proxy.Stat("connection_limit.l.limited_connections") == 2, "it is refused");
        await proxy.PublishAsync("listeners: []");
        Assert.Empty(await another.ReadToEndAsync());
    }

    [Fact]
    public async Task Delay_EndsByItself()
    {
        await using var proxy = await ProxyFixture.StartAsync(
            $"listeners: [{{name: edge, address: \"127.0.0.1:0\", {Limit("delay: 100ms")}}}]");
        await using var first = await proxy.ConnectAsync();
        await using var second = await proxy.ConnectAsync();
        Assert.True(await IsServedAsync(first) && await IsServedAsync(second));
        await using var third = await proxy.ConnectAsync();
        await Eventually.Async(() => proxy.Stat("connection_limit.l.limited_connections") == 1, "it is refused");
        Assert.Empty(await third.ReadToEndAsync());
    }

    [Fact]
    public async Task SwitchedOff_LimitsNobody()
    {
        await using var proxy = await ProxyFixture.StartAsync(
            $"listeners: [{{name: edge, address: \"127.0.0.1:0\", {Limit("runtime_enabled: {default_value: false}")}}}]");
        await using var first = await proxy.ConnectAsync();
        await using var second = await proxy.ConnectAsync();
        await using var third = await proxy.ConnectAsync();
        Assert.True(await IsServedAsync(first) && await IsServedAsync(second) && await IsServedAsync(third));
    }

    [Fact]
    public async Task Tokens_AreOfOneFilterOrOfAKey()
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners:\n" + Rate("one", "", 1) + Rate("two", "", 1)
            + Rate("first", "share_key: k,", 2) + Rate("second", "share_key: k,", 2) + Rate("other", "share_key: k,", 1)
            + "- {name: accepted, address: \"127.0.0.1:0\", listener_filters: [{name: local_ratelimit, typed_config: {stat_prefix: a, "
            + "token_bucket: {max_tokens: 1, fill_interval: 1h}}}], " + Chain("{name: connection_limit, typed_config: {stat_prefix: n, "
            + "max_connections: 9}}") + "}\n");
        foreach (var (listener, served) in ((string, bool)[])[("one", true), ("two", true), ("one", false), ("two", false),
            ("first", true), ("second", true), ("first", false), ("second", false), ("other", true), ("other", false),
            ("accepted", true), ("accepted", false)])
        {
            await using var client = await proxy.ConnectAsync(listener);
            Assert.True(served == await IsServedAsync(client), listener);
        }
        Assert.Equal((1, 1, 1), (proxy.Stat("local_rate_limit.one.rate_limited"), proxy.Stat("local_rate_limit.second.rate_limited"),
            proxy.Stat("listener_local_ratelimit.a.rate_limited")));
    }

    [Fact]
    public async Task SniCluster_GoesToTheClusterOfTheName()
    {
        using var authority = new TestAuthority();
        await using var web = new TlsEcho(authority.Issue("CN=web", ["web.test"]));
        await using var other = new TlsEcho(authority.Issue("CN=other", ["other.test"]));
        string chain = Chain("{name: sni_cluster}", "{name: tcp_proxy, typed_config: {stat_prefix: t, cluster: other}}");
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners: [{name: edge, address: "127.0.0.1:0", {{chain}} }]
            clusters: [{name: web.test, endpoints: ["127.0.0.1:{{web.Port}}"]}, {name: other, endpoints: ["127.0.0.1:{{other.Port}}"]}]
            """);
        await using (var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "WEB.test"))
            Assert.Equal("CN=web", client.RemoteCertificate!.Subject);
        // Without a name the filter says nothing.
        await using (var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "127.0.0.1"))
            Assert.Equal("CN=other", client.RemoteCertificate!.Subject);
        await Assert.ThrowsAnyAsync<Exception>(() => TlsYaml.ConnectAsync(proxy.EndPoint(), "nobody.test"));
        Assert.Equal(1, proxy.Stat("tcp.t.downstream_cx_no_route"));
    }
}
