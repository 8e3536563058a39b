using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Http.LocalReply;
using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>What the proxy says to gRPC requests by itself, and how long it lets them take.</summary>
public sealed class GrpcTests
{
    private const string Path = "/shop.Orders/Get";

    [Theory]
    [InlineData("1H", 3_600_000_000L)]
    [InlineData("2M", 120_000_000L)]
    [InlineData("3S", 3_000_000L)]
    [InlineData("99999999m", 99_999_999_000L)]
    [InlineData("5u", 5L)]
    [InlineData("1500n", 2L)]
    [InlineData("0m", 0L)]
    [InlineData("", -1L)]
    [InlineData("m", -1L)]
    [InlineData("5", -1L)]
    [InlineData("123456789m", -1L)]
    [InlineData("-1m", -1L)]
    [InlineData("+1m", -1L)]
    [InlineData("1 m", -1L)]
    [InlineData("1x", -1L)]
    public void Timeout_IsReadAsTheProtocolHasIt(string text, long micros)
    {
        var headers = new HeaderMap();
        headers.Add("grpc-timeout", text);
        Assert.Equal(micros, GrpcTimeout.Of(headers));
        Assert.Equal(-1, GrpcTimeout.Of(new HeaderMap()));
    }

    [Theory]
    [InlineData(1, "1m")]
    [InlineData(15_000_000, "15000m")]
    [InlineData(3_600_000_000_000, "3600000S")]
    public void Timeout_IsWrittenInItsEightDigits(long micros, string text)
    {
        var headers = new HeaderMap();
        headers.Add("grpc-timeout", "1n");
        GrpcTimeout.Set(headers, micros, new ByteWriter());
        Assert.Equal((1, text), (headers.Count, headers.GetString("grpc-timeout")));
    }

    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("100 %\n~\u007f", "100 %25%0A~%7F")]
    [InlineData("ä", "%C3%A4")]
    public void Message_IsPercentEncoded(string text, string encoded)
    {
        var to = new ByteWriter();
        GrpcReply.Encode(System.Text.Encoding.UTF8.GetBytes(text), to);
        Assert.Equal(encoded, System.Text.Encoding.ASCII.GetString(to.Written));
    }

    // What a client of HTTP/2 gets for a gRPC request: the fields of the one head.
    private static async Task<Dictionary<string, string>> CallAsync(ProxyFixture proxy, params string[] more)
    {
        await using var peer = await Http2Peer.ConnectAsync(proxy.Port());
        await peer.SendAsync(new Http2Script().Request(1, Path, true, "POST",
            ["content-type: application/grpc+proto", "te: trailers", .. more]));
        var frames = await peer.ReadStreamAsync(1);
        Assert.True(Assert.Single(frames).Ends, string.Join('|', frames));
        return frames[0].Fields.Select(f => f.Split(": ", 2)).ToDictionary(f => f[0], f => f[1]);
    }

    [Theory]
    [InlineData("{match: {prefix: /none}, route: {cluster: up}}", 12, null, "NR")]
    [InlineData("{match: {prefix: /}, direct_response: {status: 403, body: {inline_string: \"no: 5%\"}}}", 7, "no: 5%25", "-")]
    [InlineData("{match: {prefix: /}, direct_response: {status: 401}}", 16, null, "-")]
    [InlineData("{match: {prefix: /}, direct_response: {status: 429}}", 14, null, "-")]
    [InlineData("{match: {prefix: /}, direct_response: {status: 418}}", 2, null, "-")]
    [InlineData("{match: {prefix: /}, direct_response: {status: 200}}", 0, null, "-")]
    [InlineData("{match: {prefix: /}, route: {cluster: up}}", 14, "connection failure", "UF")]
    public async Task AnswersOfOurOwn_AreGrpcErrorsOfTrailersOnly(string route, int status, string? message, string flags)
    {
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document($"127.0.0.1:{FreePort.Next()}", routes: route,
            table: "response_headers_to_add: [{header: {key: x-flags, value: \"%RESPONSE_FLAGS%\"}}],", cluster: ", http2: true"));
        var head = await CallAsync(proxy);
        Assert.Equal(("200", "application/grpc", $"{status}"), (head[":status"], head["content-type"], head["grpc-status"]));
        if (message is null) Assert.False(head.ContainsKey("grpc-message"));
        else Assert.Contains(message, head["grpc-message"], StringComparison.Ordinal);
        Assert.False(head.ContainsKey("content-length"));
        if (flags is not ("NR" or "-")) Assert.Equal(flags, head["x-flags"]);
        // Others get what they always got.
        var plain = await proxy.GetAsync(Path);
        Assert.DoesNotContain(plain.Headers, h => h.Key == "grpc-status");
    }

    [Fact]
    public async Task LocalReplyMappers_ComeBefore()
    {
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document("127.0.0.1:1",
            "local_reply_config: {mappers: [{filter: {status_code_filter: {comparison: {op: EQ, value: {default_value: 404, "
                + "runtime_key: x}}}}, status_code: 503, body: {inline_string: mapped}}]},",
            routes: "{match: {prefix: /none}, route: {cluster: up}}"));
        var head = await CallAsync(proxy);
        Assert.Equal(("200", "14", "mapped"), (head[":status"], head["grpc-status"], head["grpc-message"]));
    }

    [Theory]
    [InlineData("timeout: 0.05s", "", 14)]
    [InlineData("max_stream_duration: {max_stream_duration: 0.05s}", "", 4)]
    [InlineData("max_stream_duration: {grpc_timeout_header_max: 60s}", "50m", 4)]
    [InlineData("max_stream_duration: {grpc_timeout_header_max: 0s}", "50m", 4)]
    [InlineData("max_stream_duration: {grpc_timeout_header_max: 0.05s}", "1H", 4)]
    [InlineData("max_stream_duration: {grpc_timeout_header_max: 60s, grpc_timeout_header_offset: 10s}", "5S", 4)]
    [InlineData("timeout: 0s, max_grpc_timeout: 60s", "50m", 14)]
    [InlineData("timeout: 0s, max_grpc_timeout: 0.05s", "", 14)]
    [InlineData("timeout: 0s, max_grpc_timeout: 0s, grpc_timeout_offset: 9.95s", "10S", 14)]
    public async Task Deadlines_EndWhatIsNotAnswered(string route, string timeout, int status)
    {
        await using var up = new Http2Upstream { Answer = static _ => null };
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up.Address,
            routes: $"{{match: {{prefix: /}}, route: {{cluster: up, {route}}}}}", cluster: ", http2: true"));
        var head = await CallAsync(proxy, timeout.Length > 0 ? [$"grpc-timeout: {timeout}"] : []);
        Assert.Equal($"{status}", head["grpc-status"]);
        Assert.Contains(status == 4 ? "stream timeout" : "upstream request timeout", head["grpc-message"], StringComparison.Ordinal);
        foreach (var call in up.Calls) await Eventually.Async(() => call.Reset == Http2Error.Cancel, "the upstream hears of it");
        Assert.Equal(status == 4 ? (1, 0) : (0, 1), (proxy.Stat("http.edge.downstream_rq_max_duration_reached"),
            proxy.Stat("cluster.up.upstream_rq_timeout")));
    }

    [Theory]
    [InlineData("max_grpc_timeout: 20s", "10S", "10000m", "10000")]
    [InlineData("max_grpc_timeout: 5s", "10S", "5000m", "5000")]
    [InlineData("max_grpc_timeout: 20s, grpc_timeout_offset: 1s", "10S", "9000m", "9000")]
    [InlineData("max_grpc_timeout: 0s", "", null, null)]
    [InlineData("max_grpc_timeout: 7s", "nonsense", "7000m", "7000")]
    [InlineData("max_stream_duration: {grpc_timeout_header_max: 5s}", "10S", "10S", null)]
    [InlineData("timeout: 3s", "10S", "10S", "3000")]
    public async Task Upstream_IsToldWhatTimeItHas(string route, string timeout, string? told, string? expected)
    {
        await using var up = new Http2Upstream
        {
            Answer = static c => new Http2Script().Headers(c.Id, true, ":status: 200", "content-type: application/grpc", "grpc-status: 0"),
        };
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up.Address,
            routes: $"{{match: {{prefix: /}}, route: {{cluster: up, {route}}}}}", cluster: ", http2: true"));
        Assert.Equal("0", (await CallAsync(proxy, timeout.Length > 0 ? [$"grpc-timeout: {timeout}"] : []))["grpc-status"]);
        var call = Assert.Single(up.Calls);
        Assert.Equal((told, expected, "trailers"), (call["grpc-timeout"], call["x-envoy-expected-rq-timeout-ms"], call["te"]));
    }

    [Fact]
    public async Task MatchOfGrpc_TakesNothingElse()
    {
        await using var up = new Http2Upstream();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up.Address, cluster: ", http2: true",
            routes: "{match: {prefix: /, grpc: {}}, direct_response: {status: 403}}, "
                + "{match: {prefix: /}, direct_response: {status: 202}}"));
        Assert.Equal("7", (await CallAsync(proxy))["grpc-status"]);
        Assert.Equal(202, (await proxy.GetAsync(Path)).Status);
        Assert.Equal(202, (await proxy.GetAsync(Path, headers: "content-type: application/grpc-web\r\n")).Status);
    }
}
