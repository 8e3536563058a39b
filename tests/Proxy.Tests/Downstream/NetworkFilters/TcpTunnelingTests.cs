using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters;

/// <summary>
/// tcp_proxy through proxies that speak HTTP/1 and HTTP/2: one front, with a listener for each way, and peers that the tests write out.
/// </summary>
public sealed class TcpTunnelingTests(TcpTunnelingTests.Way way) : IClassFixture<TcpTunnelingTests.Way>
{
    private static async Task<string> ReadAsync(RawClient client, int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(Eventually.Limit));
        var text = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (text.Length < count)
        {
            int n = await client.Socket.ReceiveAsync(buffer, SocketFlags.None, limit.Token);
            if (n == 0) break;
            text.Append(Encoding.Latin1.GetString(buffer, 0, n));
        }
        return text.ToString();
    }

    // A line of the front's log that begins with the listener's name and has this; quotes in it as they were.
    private async Task<string> LoggedAsync(string name, string has)
    {
        string? line = null;
        await Eventually.Async(() => (line = File.ReadAllText(way.Log).Replace("\\\"", "\"", StringComparison.Ordinal).Split('\n')
            .FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal) && l.Contains(has, StringComparison.Ordinal))) is not null,
            $"a line of {name} with {has}");
        return line!;
    }

    [Fact]
    public async Task Http1_Connect_GoesBothWaysAndHalfCloses()
    {
        way.One.Script = async peer =>
        {
            string head = await peer.ReadUntilAsync("\r\n\r\n");
            way.Heads.Add(head);
            await peer.SendAsync("HTTP/1.1 200 fine\r\ncontent-length: 7\r\nbaggage: a=1\r\n\r\nhello ");
            while (await peer.ReadSomeAsync() is { Length: > 0 } bytes) await peer.SendAsync(bytes);
            await peer.SendAsync("!");
            peer.EndSending();
        };
        way.Heads.Clear();
        long answered = way.Front.Stat("cluster.one.upstream_rq_200");
        await using (var client = await RawClient.ConnectAsync(way.Front.Port("one")))
        {
            await client.SendAsync("early ");
            await client.SendAsync("late");
            Assert.Equal("hello early late", await ReadAsync(client, 16)); // content-length means nothing there (RFC 9110 section 9.3.6)
            client.EndSending();
            Assert.Equal("!", await ReadAsync(client, 2));
        }
        string head = Assert.Single(way.Heads);
        Assert.StartsWith("CONNECT target.test:443 HTTP/1.1\r\nhost: target.test:443\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\r\nx-from: 127.0.0.1\r\n", head, StringComparison.Ordinal);
        string id = Regex.Match(head, "\r\nx-id: ([0-9a-f-]{36})\r\n").Groups[1].Value;
        Assert.NotEmpty(id);
        Assert.DoesNotContain("transfer-encoding", head, StringComparison.OrdinalIgnoreCase);
        string line = await LoggedAsync("one", id);
        Assert.StartsWith($"one - 1 {id} ", line, StringComparison.Ordinal);
        Assert.Contains("{\"key\":\"baggage\",\"value\":\"a=1\"}", line, StringComparison.Ordinal);
        Assert.Equal(answered + 1, way.Front.Stat("cluster.one.upstream_rq_200"));
    }

    [Fact]
    public async Task Http1_Post_IsChunkedBothWays()
    {
        way.One.Script = async peer =>
        {
            way.Heads.Add(await peer.ReadUntilAsync("\r\n\r\n"));
            await peer.SendAsync("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            Assert.Equal("4\r\nping\r\n", await peer.ReadUntilAsync("ping\r\n"));
            await peer.SendAsync("6\r\npo");
            await peer.SendAsync("ng\r\n\r\n0\r\nx-sum: 5\r\n\r\n");
            await peer.ReadUntilAsync("0\r\n\r\n");
        };
        way.Heads.Clear();
        await using (var client = await RawClient.ConnectAsync(way.Front.Port("post")))
        {
            await client.SendAsync("ping");
            Assert.Equal("pong\r\n", await ReadAsync(client, 7)); // then its end
            client.EndSending();
            Assert.True(await client.EndsAsync());
        }
        string head = Assert.Single(way.Heads);
        Assert.StartsWith("POST /tunnel HTTP/1.1\r\nhost: target.test\r\n", head, StringComparison.Ordinal);
        Assert.Contains("transfer-encoding: chunked\r\n", head, StringComparison.OrdinalIgnoreCase);
        await LoggedAsync("post - 1 ", "{\"key\":\"x-sum\",\"value\":\"5\"}");
    }

    [Theory]
    [InlineData("two", "CONNECT", "target.test:443")]
    [InlineData("twopost", "POST", "target.test")]
    public async Task Http2_OneStreamForEachConnectionOnOneOfTheProxy(string listener, string method, string authority)
    {
        var clients = new List<RawClient>();
        int before = way.Calls.Count;
        for (int i = 0; i < 3; i++)
        {
            clients.Add(await RawClient.ConnectAsync(way.Front.Port(listener)));
            await clients[i].SendAsync($"number {i}");
        }
        for (int i = 0; i < 3; i++)
        {
            clients[i].EndSending();
            Assert.Equal($"echo number {i}", await ReadAsync(clients[i], 14)); // and its end
            await clients[i].DisposeAsync();
        }
        var calls = way.Calls.Skip(before).ToList();
        Assert.Equal(3, calls.Count);
        Assert.All(calls, c => Assert.Equal((method, authority), (c[":method"], c[":authority"])));
        Assert.All(calls, c => Assert.Equal(method == "POST" ? ("/", "http") : (null, null), (c[":path"], c[":scheme"])));
        Assert.All(calls, c => Assert.Equal(calls[0].Connection, c.Connection));
        await LoggedAsync(listener + " - 1 ", "{\"key\":\"x-trailer\",\"value\":\"there\"}");
    }

    [Theory]
    [InlineData("HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n", "the proxy answered with 503")]
    [InlineData("HTTP/1.1 407 who\r\ncontent-length: 4\r\n\r\nbody", "the proxy answered with 407")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "the proxy answered with 101")]
    [InlineData("nonsense\r\n\r\n", "-")]
    [InlineData("", "-")]
    public async Task WhatIsNoTunnel_IsAFailedAttempt_AndTriedAgain(string answer, string reason)
    {
        way.One.Script = async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            if (answer.Length > 0) await peer.SendAsync(answer);
            peer.EndSending();
        };
        int accepted = way.One.Accepted;
        await using var client = await RawClient.ConnectAsync(way.Front.Port("twice"));
        Assert.True(await client.EndsAsync());
        await Eventually.Async(() => way.One.Accepted == accepted + 2, "two attempts");
        await LoggedAsync("twice UF 2 ", reason);
    }

    [Fact]
    public async Task WhoAnswersNothing_HasTheConnectTimeout_AndWhoLeavesMeanwhileLeavesNothing()
    {
        way.One.Script = async peer =>
        {
            while (await peer.ReadSomeAsync() is { Length: > 0 }) continue;
        };
        await using (var client = await RawClient.ConnectAsync(way.Front.Port("slow")))
            Assert.True(await client.EndsAsync());
        await LoggedAsync("slow UF 1 ", "the proxy did not answer in time");
        for (int i = 0; i < 3; i++)
        {
            var client = await RawClient.ConnectAsync(way.Front.Port("one"));
            client.Reset();
        }
        await Eventually.Async(() => way.Front.Stat("cluster.one.upstream_rq_active") == 0
            && way.Front.Stat("tcp.one.downstream_cx_active") == 0, "all are gone");
    }

    [Fact]
    public async Task NobodyThere_IsSaid()
    {
        await using (var client = await RawClient.ConnectAsync(way.Front.Port("none"))) Assert.True(await client.EndsAsync());
        await LoggedAsync("none UH ", "");
        // What its client calls itself (nothing, without TLS) is no host.
        await using (var client = await RawClient.ConnectAsync(way.Front.Port("sni"))) Assert.True(await client.EndsAsync());
        await LoggedAsync("sni ", "what the tunnel is to is no host");
    }

    [Theory]
    [InlineData("hostname: \"a b\"", "is not a host")]
    [InlineData("hostname: a, post_path: /x", "is for use_post")]
    [InlineData("hostname: a, use_post: true, post_path: x", "is not a path")]
    [InlineData("hostname: a, headers_to_add: [{header: {key: host, value: b}}]", "cannot be changed")]
    [InlineData("hostname: a, headers_to_add: [{header: {key: content-length, value: \"5\"}}]", "belongs to the codec")]
    [InlineData("hostname: a, request_id_header: \"x y\"", "is not a header name")]
    [InlineData("hostname: a, request_id_extension: {typed_config: {\"@type\": type.googleapis.com/envoy.x.Y}}", "is not supported")]
    [InlineData("hostname: a, request_id_extension: {typed_config: {\"@type\": type.googleapis.com/"
        + "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig, use_request_id_for_trace_sampling: true}}", "tracing")]
    [InlineData("use_post: true", "'hostname' is missing")]
    [InlineData("hostname: a, use_post: true, post_path: \"\"", "must not be empty")]
    public void WhatIsWrong_IsSaidOnceWithItsPlace(string config, string detail)
    {
        var error = Assert.Single(way.Front.Build($$"""
            clusters: [{name: up, endpoints: ["127.0.0.1:1"]}]
            listeners:
            - name: l
              address: "127.0.0.1:0"
              filter_chains:
              - name: m
                filters: [{name: tcp_proxy, typed_config: {stat_prefix: x, cluster: up, tunneling_config: { {{config}} } } }]
            """).Errors);
        Assert.Contains(detail, error.Detail, StringComparison.Ordinal);
        Assert.Contains("tunneling_config", error.Pointer, StringComparison.Ordinal);
    }

    public sealed class Way : IAsyncLifetime
    {
        private const string Uuid = "request_id_extension: {typed_config: {\"@type\": type.googleapis.com/"
            + "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig}}";
        private readonly Http2Upstream _two = new()
        {
            AnswersEarly = true,
            Answer = static c => c.Received > 0 || c.Ended ? c.Ended
                    ? new Http2Script().Data(c.Id, "echo " + c.Body).Headers(c.Id, true, "x-trailer: there") : null
                : new Http2Script().Headers(c.Id, false, ":status: 200"),
        };

        public RecordingUpstream One { get; } = RecordingUpstream.Start();
        public List<string> Heads { get; } = [];
        internal IReadOnlyList<Http2Call> Calls => _two.Calls;
        public string Log { get; } = Path.GetTempFileName();
        public ProxyFixture Front { get; private set; } = null!;

        private string Listener(string name, string cluster, string tunneling, string more = "") => $$"""
            - name: {{name}}
              address: "127.0.0.1:0"
              filter_chains:
              - name: main
                filters:
                - name: tcp_proxy
                  typed_config:
                    stat_prefix: {{name}}
                    cluster: {{cluster}}
                    {{more}}
                    tunneling_config: { {{tunneling}} }
                    access_log:
                    - name: file
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                        path: {{Log}}
                        log_format:
                          text_format_source:
                            inline_string: "{{name}} %RESPONSE_FLAGS% %UPSTREAM_REQUEST_ATTEMPT_COUNT% \
                              %DYNAMIC_METADATA(envoy.filters.network.tcp_proxy:my_id)% %UPSTREAM_TRANSPORT_FAILURE_REASON% \
                              %FILTER_STATE(envoy.tcp_proxy.propagate_response_headers:PLAIN)% \
                              %FILTER_STATE(envoy.tcp_proxy.propagate_response_trailers:PLAIN)%\n"

            """;

        public async ValueTask InitializeAsync()
        {
            Front = await ProxyFixture.StartAsync($$"""
                clusters:
                - {name: one, endpoints: ["{{One.Address}}"]}
                - {name: impatient, connect_timeout: 0.5s, endpoints: ["{{One.Address}}"]}
                - {name: two, endpoints: ["{{_two.Address}}"], http2: true}
                - {name: empty, endpoints: []}
                listeners:

                """ + Listener("one", "one", "hostname: \"target.test:443\", headers_to_add: [{header: {key: x-from, value: "
                    + "\"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\"}}], propagate_response_headers: true, request_id_header: X-Id, "
                    + "request_id_metadata_key: my_id, " + Uuid)
                + Listener("post", "one", "hostname: target.test, use_post: true, post_path: /tunnel, propagate_response_trailers: true")
                + Listener("two", "two", "hostname: \"target.test:443\", propagate_response_trailers: true")
                + Listener("twopost", "two", "hostname: target.test, use_post: true, propagate_response_trailers: true")
                + Listener("twice", "one", "hostname: target.test", "max_connect_attempts: 2")
                + Listener("slow", "impatient", "hostname: target.test")
                + Listener("none", "empty", "hostname: target.test")
                + Listener("sni", "one", "hostname: \"%REQUESTED_SERVER_NAME%\""));
        }

        public async ValueTask DisposeAsync()
        {
            await Front.DisposeAsync();
            await One.DisposeAsync();
            await _two.DisposeAsync();
            File.Delete(Log);
        }
    }
}
