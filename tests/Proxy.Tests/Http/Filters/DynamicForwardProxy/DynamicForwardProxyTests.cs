using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.DynamicForwardProxy;

/// <summary>Requests that go to whatever host they name: what is asked for, what is remembered, what clients cannot make grow.</summary>
public sealed class DynamicForwardProxyTests(DynamicForwardProxyFixture fixture) : IClassFixture<DynamicForwardProxyFixture>
{
    private ProxyFixture Proxy => fixture.Proxy;
    private int Port => fixture.Up.Port;

    [Theory]
    [InlineData("/x", "up.test:PORT", "", "up.test:PORT")]
    [InlineData("/x", "UP.test:PORT", "", "UP.test:PORT")]
    [InlineData("/x", "127.0.0.1:PORT", "", "127.0.0.1:PORT")]
    [InlineData("/literal", "elsewhere.test", "", "up.test:PORT")]
    [InlineData("/header", "elsewhere.test", "x-to: up.test:PORT\r\n", "up.test:PORT")]
    [InlineData("/header", "up.test:PORT", "", "up.test:PORT")]
    [InlineData("/header", "up.test:PORT", "x-to: no host\r\n", "up.test:PORT")]
    [InlineData("/plain", "elsewhere.test", "", "elsewhere.test")] // another kind of cluster
    public async Task Request_GoesToItsHost(string path, string host, string headers, string arrives)
    {
        string With(string text) => text.Replace("PORT", $"{Port}", StringComparison.Ordinal);
        string target = $"{path}?{host}{headers.Length}";
        var response = await Proxy.GetAsync(target, With(host), With(headers));
        Assert.Equal((200, $"up {target}"), (response.Status, response.Text));
        Assert.Equal(With(arrives), fixture.Up.Requests.Last(r => r.Target == target)["host"]);
    }

    [Theory]
    [InlineData("/x", "nowhere.test", "DF dns_resolution_failure", "DNS resolution failure")]
    [InlineData("/x", "up.test:0", "DF dns_resolution_failure", "DNS resolution failure")]
    // The filter is off: the cluster does not know it.
    [InlineData("/unasked", "a.test:80", "UH no_healthy_upstream", "no healthy upstream")]
    public async Task HostWithoutAnAddress_GetsNoEndpoint(string path, string host, string flags, string text)
    {
        var response = await Proxy.GetAsync(path, host);
        Assert.Equal((503, flags, text), (response.Status, response["x-flags"], response.Text));
    }

    [Fact]
    public async Task NameThatDoesNotResolve_IsAskedForOnce()
    {
        for (int i = 0; i < 3; i++) Assert.Equal(503, (await Proxy.GetAsync("/", "never.test")).Status);
        Assert.Equal(1, fixture.Asked["never.test"]);
        Assert.True(Proxy.Observed("dns_cache.all.dns_query_failure") >= 1);
    }

    [Fact]
    public async Task SlowName_HoldsItsOwnRequestsAlone_AndGoneClientsLeaveNothing()
    {
        fixture.Gate.Reset();
        await using var waits = await Proxy.ConnectAsync();
        await waits.GetAsync("/", $"slow2.test:{Port}");
        var leaves = await Proxy.ConnectAsync();
        await leaves.GetAsync("/", $"slow2.test:{Port}");
        await Eventually.Async(() => fixture.Asked.ContainsKey("slow2.test"), "asked for");
        Assert.Equal(200, (await Proxy.GetAsync("/", $"up.test:{Port}")).Status);
        leaves.Reset();
        await Eventually.Async(() => Proxy.Stat("http.edge.downstream_cx_active") <= 1, "gone");
        fixture.Gate.Set();
        Assert.Equal(200, (await waits.ReadAsync()).Status);
        Assert.Equal(1, fixture.Asked["slow2.test"]);
    }

    [Fact]
    public async Task Limits_HoldForWhateverClientsThinkOf()
    {
        fixture.Gate.Reset();
        await using var waits = await Proxy.ConnectAsync("few");
        await waits.GetAsync("/", $"slow.test:{Port}");
        await Eventually.Async(() => fixture.Asked.ContainsKey("slow.test"), "asked for");
        var second = await Proxy.GetAsync("/", $"slow.test:{Port}", listener: "few");
        Assert.Equal((503, "UO dynamic_forward_proxy_pending_request_overflow"), (second.Status, second["x-flags"]));
        var late = await waits.ReadAsync(); // after dns_query_timeout
        Assert.Equal((503, "DF dns_resolution_failure"), (late.Status, late["x-flags"]));
        Assert.Equal(1, Proxy.Observed("dns_cache.few.dns_query_timeout"));
        fixture.Gate.Set();
        // Three hosts at a time: names and ports alike.
        foreach (int port in (int[])[1, 2, 3])
            Assert.StartsWith("UF", (await Proxy.GetAsync("/", $"127.0.0.1:{port}", listener: "few"))["x-flags"], StringComparison.Ordinal);
        var fourth = await Proxy.GetAsync("/", $"up.test:{Port}", listener: "few");
        Assert.Equal((503, "UO dns_cache_overflow"), (fourth.Status, fourth["x-flags"]));
        Assert.Equal(1, Proxy.Observed("dns_cache.few.host_overflow"));
        // What nobody asks for is forgotten, the endpoint too, and there is room again.
        await Eventually.Async(() => Proxy.Observed("dns_cache.few.num_hosts") == 0
            && Proxy.Observed("cluster.few.membership_total") == 0, "forgotten");
        Assert.Equal(200, (await Proxy.GetAsync("/", $"up.test:{Port}", listener: "few")).Status);
    }

    [Fact]
    public async Task NameThatMoves_IsFollowed_AndOneThatIsLostKept()
    {
        Assert.Equal("up /", (await Proxy.GetAsync("/", $"moves.test:{Port}")).Text);
        Assert.Equal("up /", (await Proxy.GetAsync("/", $"lost.test:{Port}")).Text);
        fixture.Names["moves.test"] = "127.0.0.2";
        fixture.Names.TryRemove("lost.test", out _);
        await Eventually.TrueAsync(async () => (await Proxy.GetAsync("/", $"moves.test:{Port}")).Text == "other /", "the other address");
        await Eventually.Async(() => fixture.Asked["lost.test"] > 1, "asked again");
        Assert.Equal("up /", (await Proxy.GetAsync("/", $"lost.test:{Port}")).Text);
        await Eventually.Async(() => Proxy.Server.Clusters().Single(c => c.Name == "web").Endpoints
            .Any(e => e.Address == $"127.0.0.2:{Port}"), "shown");
    }

    [Fact]
    public async Task EndpointOfTls_HasToBeTheHostThatWasAskedFor()
    {
        Assert.Equal(200, (await Proxy.GetAsync("/tls", $"service.test:{fixture.Secure.Port}")).Status);
        var evil = await Proxy.GetAsync("/tls", $"evil.test:{fixture.Secure.Port}");
        Assert.Equal(503, evil.Status);
        Assert.StartsWith("UF", evil["x-flags"], StringComparison.Ordinal);
        Assert.Contains("service.test", fixture.Secure.Names);
    }

    [Fact]
    public async Task Connection_GoesToTheServerThatItAsksFor()
    {
        await using (var tls = await TlsYaml.ConnectAsync(Proxy.EndPoint("sni"), "service.test"))
        {
            await tls.WriteAsync(Encoding.ASCII.GetBytes("hello"));
            var got = new byte[5];
            await tls.ReadExactlyAsync(got, TestContext.Current.CancellationToken);
            Assert.Equal("hello", Encoding.ASCII.GetString(got));
        }
        await Assert.ThrowsAnyAsync<Exception>(() => TlsYaml.ConnectAsync(Proxy.EndPoint("sni"), "unknown.test"));
        await using var plain = await Proxy.ConnectAsync("sni");
        await plain.SendAsync("GET / HTTP/1.1\r\n\r\n"); // asks for nobody
        Assert.Empty(await plain.ReadToEndAsync());
    }

    [Theory]
    [InlineData("dns_cache_config: {name: x}", "", "", null)]
    [InlineData("dns_cache_config: {name: x, host_ttl: 1s}", "", "", "is given twice, and not alike")]
    [InlineData("sub_clusters_config: {}", "", "", "'sub_clusters_config' is not supported")]
    [InlineData("dns_cache_config: {name: x}, allow_coalesced_connections: true", "", "", "'allow_coalesced_connections' is not supported")]
    [InlineData("dns_cache_config: {name: x, key_value_config: {}}", "", "", "'key_value_config' is not supported")]
    [InlineData("dns_cache_config: {name: x}", "lb_policy: RANDOM,", "", "CLUSTER_PROVIDED")]
    [InlineData("dns_cache_config: {name: x}", "load_assignment: {endpoints: []},", "", "no list of endpoints")]
    [InlineData("dns_cache_config: {name: x}", "health_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, "
        + "tcp_health_check: {}}],", "", "'health_checks' is not supported")]
    [InlineData("dns_cache_config: {name: x}", "tls: {}, typed_extension_protocol_options: {a: {'@type': type.googleapis.com/"
        + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http_protocol_options: {}}}},", "",
        "auto_san_validation")]
    [InlineData("dns_cache_config: {name: x}", "", "save_upstream_address: true,", "'save_upstream_address' is not supported")]
    public void Mistake_IsSaid(string cluster, string more, string filter, string? message)
    {
        var built = Proxy.Build($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              routes: [{match: {prefix: /}, route: {cluster: web} }]
              http_filters:
              - name: dynamic_forward_proxy
                typed_config: { {{filter}} dns_cache_config: {name: x} }
            clusters:
            - {name: web, {{more}} cluster_type: {name: envoy.clusters.dynamic_forward_proxy, typed_config:
                {"@type": type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig, {{cluster}} } } }
            """);
        if (message is null) Assert.Empty(built.Errors);
        else Assert.Contains(built.Errors, e => $"{e.Detail} {e.Hint}".Contains(message, StringComparison.Ordinal));
        built.Snapshot?.Dispose();
    }
}
