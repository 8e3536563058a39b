using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>
/// What the proxy answers itself has the response headers of its route, virtual host and table, and is counted as its cluster's.
/// </summary>
public sealed class LocalReplyHeadersTests
{
    private const string Table =
        "response_headers_to_add: [{header: {key: x-table, value: \"%RESPONSE_CODE%\"}}], response_headers_to_remove: [x-gone],";
    private const string Host = "response_headers_to_add: [{header: {key: x-host, value: h}}],";
    private const string Level = "response_headers_to_add: [{header: {key: x-route, value: r}}]";

    private static string Document(string endpoint, string route = "cluster: up", string filters = "", string cluster = "",
        string? action = null) =>
        Edge.Document(endpoint, table: Table, host: Host, routes: $"{{match: {{prefix: /}}, {action ?? $"route: {{{route}}}"}, {Level}}}",
            filters: filters, cluster: cluster);

    private static void HasAll(RawResponse answer, int status)
        => Assert.Equal((status, status.ToString(), "h", "r"), (answer.Status, answer["x-table"], answer["x-host"], answer["x-route"]));

    [Theory]
    [InlineData(404, "non_forwarding_action: {}")]
    [InlineData(418, "direct_response: {status: 418}")]
    [InlineData(301, "redirect: {https_redirect: true}")]
    public async Task RoutesOwnAnswers_HaveThemOnce(int status, string action)
    {
        await using var proxy = await ProxyFixture.StartAsync(Document("127.0.0.1:1", action: action));
        HasAll(await proxy.GetAsync(), status);
    }

    [Theory]
    [InlineData(429,
        "{name: local_ratelimit, typed_config: {stat_prefix: l, token_bucket: {max_tokens: 1, tokens_per_fill: 1, fill_interval: "
            + "3600s}, filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: {numerator: 100}}}},")]
    [InlineData(503, "{name: fault, typed_config: {abort: {http_status: 503, percentage: {numerator: 100}}}},")]
    [InlineData(403,
        "{name: lua, typed_config: {inline_code: \"function envoy_on_request(h) h:respond({[':status'] = '403'}, 'no') end\"}},")]
    public async Task FiltersAnswers_HaveThem(int status, string filter)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Document(up.Address, filters: filter));
        var answer = await proxy.GetAsync();
        if (status == 429) answer = await proxy.GetAsync();
        HasAll(answer, status);
        Assert.Equal(0, proxy.Stat("cluster.up.upstream_rq_5xx"));
    }

    [Fact]
    public async Task NoRoute_HasNone()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            Edge.Document(up, table: Table, host: Host, routes: "{match: {prefix: /a}, route: {cluster: up}}"));
        var answer = await proxy.GetAsync("/b");
        Assert.Equal((404, null, null), (answer.Status, answer["x-table"], answer["x-host"]));
    }

    [Theory]
    [InlineData("refused", 503)]
    [InlineData("closed", 503)]
    [InlineData("reset", 503)]
    [InlineData("nonsense", 502)]
    [InlineData("late", 504)]
    [InlineData("short", 502)]
    [InlineData("none", 503)]
    [InlineData("full", 503)]
    public async Task AnUpstreamThatFails_IsCountedAndHasThem(string how, int status)
    {
        await using var up = RecordingUpstream.Start();
        string address = up.Address, cluster = "", route = "cluster: up";
        switch (how)
        {
            case "refused": address = "127.0.0.1:1"; break;
            case "closed": up.Script = static async peer => await peer.ReadUntilAsync("\r\n\r\n"); break;
            case "reset": up.Script = static async peer => { await peer.ReadUntilAsync("\r\n\r\n"); peer.Close(reset: true); }; break;
            case "nonsense": up.Answer = _ => "SSH-2.0\r\n\r\n"; break;
            case "late": up.Script = static async peer => await peer.ReadUntilAsync("never"); route += ", timeout: 0.05s"; break;
            case "short": up.Script = static async peer =>
            {
                await peer.ReadUntilAsync("\r\n\r\n");
                await peer.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense");
            }; break;
            case "none": cluster = ", type: STRICT_DNS"; address = "no-such-name.invalid:80"; break;
            case "full": cluster = ", circuit_breakers: {thresholds: [{max_requests: 0}]}"; break;
        }
        await using var proxy = await ProxyFixture.StartAsync(Document(address, route, cluster: cluster));

        var answer = await proxy.GetAsync();

        HasAll(answer, status);
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_rq_completed") == 1, "counted");
        Assert.Equal((1, 1, 0), (proxy.Stat("cluster.up.upstream_rq_5xx"), proxy.Stat($"cluster.up.upstream_rq_{status}"),
            proxy.Stat("cluster.up.upstream_rq_2xx")));
        Assert.Equal(how == "late" ? 1 : 0, proxy.Stat("cluster.up.upstream_rq_timeout"));
    }

    [Fact]
    public async Task AnAnswerOfTheUpstream_IsCountedOnce()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
        await using var proxy = await ProxyFixture.StartAsync(Document(up.Address));
        HasAll(await proxy.GetAsync(), 503);
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_rq_completed") == 1, "counted");
        Assert.Equal((1, 1), (proxy.Stat("cluster.up.upstream_rq_5xx"), proxy.Stat("cluster.up.upstream_rq_503")));
    }

    [Fact]
    public async Task AnAnswerThatIsCut_IsCountedAsWhatItWas()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = static async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + new string('x', 50000));
        };
        await using var proxy = await ProxyFixture.StartAsync(Document(up.Address));
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        await client.ReadToEndAsync();
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_rq_completed") == 1, "counted");
        Assert.Equal((1, 0), (proxy.Stat("cluster.up.upstream_rq_200"), proxy.Stat("cluster.up.upstream_rq_5xx")));
    }
}
