using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Pools;

/// <summary>Clusters that are spoken to by HTTP/2: how requests share connections, and what becomes of them when those end.</summary>
public sealed class Http2PoolTests
{
    private const string Http2 = ", http2: true";

    private static Task<ProxyFixture> StartAsync(string address, string cluster = Http2, string manager = "")
        => ProxyFixture.StartAsync(Edge.Document(address, manager, cluster: cluster));

    private static async Task<RawResponse[]> GetAllAsync(ProxyFixture proxy, int count)
        => await Task.WhenAll(Enumerable.Range(0, count).Select(i => proxy.GetAsync($"/{i}")));

    private static Http2Script Ok(Http2Call call) => new Http2Script().Headers(call.Id, false, ":status: 200")
        .Data(call.Id, call.Path, true);

    [Theory]
    [InlineData(", http2: true")]
    [InlineData(", http2: {max_concurrent_streams: 50}")]
    [InlineData(", http2_protocol_options: {}")]
    [InlineData(", typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {\"@type\": "
        + "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: "
        + "{http2_protocol_options: {}}}}")]
    public async Task EveryForm_SpeaksHttp2(string cluster)
    {
        await using var up = new Http2Upstream();
        await using var proxy = await StartAsync(up.Address, cluster, "access_log: [],");
        var response = await proxy.GetAsync("/a?b=c", headers: "cookie: a=1; b=2\r\nx-mine: v\r\nconnection: keep-alive\r\n");
        Assert.Equal((200, "/a?b=c"), (response.Status, response.Text));
        var call = Assert.Single(up.Calls);
        Assert.Equal(("GET", "http", "example.test", "v", null, null), (call[":method"], call[":scheme"], call[":authority"], 
            call["x-mine"],
            call["host"], call["connection"]));
        Assert.Equal(["cookie: a=1", "cookie: b=2"], call.Fields.Where(f => f.StartsWith("cookie", StringComparison.Ordinal)));
        Assert.Equal((1, 1, 0), (proxy.Stat("cluster.up.upstream_cx_total"), proxy.Stat("cluster.up.upstream_cx_http2_total"),
            proxy.Stat("cluster.up.upstream_cx_http1_total")));
    }

    [Fact]
    public async Task ManyRequests_ShareOneConnection()
    {
        await using var up = new Http2Upstream();
        await using var proxy = await StartAsync(up.Address);
        for (int round = 0; round < 2; round++)
            Assert.All(await GetAllAsync(proxy, 50), r => Assert.Equal(200, r.Status));
        Assert.Equal((1, 100), (up.Connections, up.Calls.Count));
        await Eventually.Async(() => (1, 100, 1)
            == (proxy.Stat("cluster.up.upstream_cx_total"), proxy.Stat("cluster.up.upstream_rq_total"),
                proxy.Stat("cluster.up.upstream_cx_active")), "all is told");
        await Eventually.Async(() => (0, 0, 0) == (proxy.Stat("cluster.up.http2.streams_active"),
            proxy.Stat("cluster.up.upstream_rq_active"), proxy.Stat("cluster.up.upstream_rq_pending_active")), "all have ended");
    }

    [Fact]
    public async Task StreamsThatThePeerAllows_AreNotExceeded()
    {
        await using var up = new Http2Upstream { Settings = [(SettingId.MaxConcurrentStreams, 3)], Answer = static _ => null };
        await using var proxy = await StartAsync(up.Address);
        var all = GetAllAsync(proxy, 10);
        await Eventually.Async(() => up.Calls.Count == 10, "all of them are there");
        Assert.Equal([3, 3, 3, 1], up.Calls.GroupBy(c => c.Connection).Select(g => g.Count()).OrderDescending());
        foreach (var peers in up.Calls) await PeerOf(up, peers).SendAsync(Ok(peers));
        Assert.All(await all, r => Assert.Equal(200, r.Status));
        Assert.Equal(0, proxy.Stat("cluster.up.http2.rx_reset"));
    }

    private static Http2Peer PeerOf(Http2Upstream up, Http2Call call) => up.PeerAt(call.Connection);

    [Fact]
    public async Task StreamsThatWeAllow_AreNotExceeded()
    {
        await using var up = new Http2Upstream { Answer = static _ => null };
        await using var proxy = await StartAsync(up.Address, ", http2: {max_concurrent_streams: 4}");
        var all = GetAllAsync(proxy, 8);
        await Eventually.Async(() => up.Calls.Count == 8, "all of them are there");
        Assert.Equal([4, 4], up.Calls.GroupBy(c => c.Connection).Select(g => g.Count()));
        foreach (var call in up.Calls) await PeerOf(up, call).SendAsync(Ok(call));
        Assert.All(await all, r => Assert.Equal(200, r.Status));
    }

    [Fact]
    public async Task Breakers_CountConnectionsAndWhoWaits()
    {
        await using var up = new Http2Upstream { Answer = static _ => null };
        await using var proxy = await StartAsync(up.Address, ", http2: {max_concurrent_streams: 2}, "
            + "circuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 2}]}");
        var first = GetAllAsync(proxy, 2);
        await Eventually.Async(() => up.Calls.Count == 2, "the connection is full");
        var waiting = GetAllAsync(proxy, 2);
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_rq_pending_active") == 2, "two wait");
        var refused = await proxy.GetAsync("/over");
        Assert.Equal((503, "true"), (refused.Status, refused["x-envoy-overloaded"]));
        Assert.Equal((1, 1), (proxy.Stat("cluster.up.upstream_rq_pending_overflow"), up.Connections));
        up.Answer = Ok;
        foreach (var call in up.Calls.ToList()) await PeerOf(up, call).SendAsync(Ok(call));
        Assert.All((RawResponse[])[.. await first, .. await waiting], r => Assert.Equal(200, r.Status));
        await Eventually.Async(() => (0, 1) == (proxy.Stat("cluster.up.upstream_rq_pending_active"), up.Connections), "all is told");
    }

    [Fact]
    public async Task RequestsThatThePeerWillNotServe_GoElsewhereOnce()
    {
        await using var up = new Http2Upstream();
        up.Answer = call => call.Connection == 1
            ? call.Path == "/0" ? new Http2Script().GoAway(0) : null
            : Ok(call);
        await using var proxy = await StartAsync(up.Address);
        Assert.All(await GetAllAsync(proxy, 3), r => Assert.Equal(200, r.Status));
        Assert.Equal(3, up.Calls.Count(c => c.Connection > 1));
        Assert.Equal(1, proxy.Stat("cluster.up.upstream_cx_close_notify"));
        Assert.True(proxy.Stat("cluster.up.upstream_rq_retry") is > 0 and var retries
            && retries == proxy.Stat("cluster.up.upstream_rq_retry_success"));
    }

    [Fact]
    public async Task GoAway_LetsWhatIsUnderWayEndAndNothingBegin()
    {
        await using var up = new Http2Upstream { Answer = static c => c.Path == "/slow" ? null : Ok(c) };
        await using var proxy = await StartAsync(up.Address);
        var slow = proxy.GetAsync("/slow");
        await Eventually.Async(() => up.Calls.Count == 1, "it is under way");
        var call = up.Call("/slow");
        await PeerOf(up, call).SendAsync(new Http2Script().GoAway(call.Id));
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_cx_close_notify") == 1, "it is heard");
        Assert.Equal(200, (await proxy.GetAsync("/next")).Status);
        Assert.Equal(2, up.Call("/next").Connection);
        await PeerOf(up, call).SendAsync(Ok(call));
        Assert.Equal(200, (await slow).Status);
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_cx_active") == 1, "the connection is over with its last stream");
        Assert.Equal(0, proxy.Stat("cluster.up.upstream_rq_retry"));
    }

    [Theory]
    [InlineData("RefusedStream", 200, 1)]
    [InlineData("Internal", 503, 0)]
    [InlineData("Cancel", 503, 0)]
    public async Task Reset_IsTriedAgainOnlyWhereNothingWasBegun(string code, int status, int retries)
    {
        await using var up = new Http2Upstream();
        int asked = 0;
        up.Answer = call => Interlocked.Increment(ref asked) == 1
            ? new Http2Script().Reset(call.Id, Enum.Parse<Http2Error>(code)) : Ok(call);
        await using var proxy = await StartAsync(up.Address);
        await using var client = await proxy.ConnectAsync();
        Assert.Equal(status, (await client.AskAsync("DELETE /x HTTP/1.1\r\nhost: a\r\n\r\n")).Status);
        Assert.Equal((retries, 1), (proxy.Stat("cluster.up.upstream_rq_retry"), up.Connections));
        Assert.Equal(1 + retries, up.Calls.Count);
    }

    [Theory]
    [InlineData(10, true, 200)]
    [InlineData(60_000, true, 200)]
    [InlineData(60_000, false, 200)]
    [InlineData(100_000, true, 503)]
    public async Task BodyOfARefusedRequest_IsSentAgainWhereItWasKept(int length, bool atTheEnd, int status)
    {
        await using var up = new Http2Upstream { AnswersEarly = !atTheEnd };
        up.Answer = call => call.Connection == 1 ? new Http2Script().GoAway(0)
            : call.Ended ? new Http2Script().Headers(call.Id, false, ":status: 200").Data(call.Id, $"{call.Received}", true) : null;
        await using var proxy = await StartAsync(up.Address);
        await using var client = await proxy.ConnectAsync();
        var response = await client.AskAsync($"POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
            + $"{length:x}\r\n{new string('b', length)}\r\n0\r\nx-checksum: 7\r\n\r\n");
        Assert.Equal(status, response.Status);
        if (status != 200) return;
        Assert.Equal($"{length}", response.Text);
        Assert.Equal(["x-checksum: 7"], up.Calls[^1].Trailers);
    }

    [Fact]
    public async Task EndpointThatRefusesAlways_IsAskedTwice()
    {
        await using var up = new Http2Upstream { Answer = static c => new Http2Script().Reset(c.Id, Http2Error.RefusedStream) };
        await using var proxy = await StartAsync(up.Address);
        Assert.Equal(503, (await proxy.GetAsync()).Status);
        Assert.Equal(2, up.Calls.Count);
    }

    [Fact]
    public async Task ConnectionThatBreaks_EndsItsRequestsAndSendsNoneAgain()
    {
        await using var up = new Http2Upstream { Answer = static c => c.Path == "/first" ? Ok(c) : null };
        await using var proxy = await StartAsync(up.Address);
        Assert.Equal(200, (await proxy.GetAsync("/first")).Status);
        var all = GetAllAsync(proxy, 3);
        await Eventually.Async(() => up.Calls.Count == 4, "they are under way");
        up.Peer.Close(reset: true);
        Assert.All(await all, r => Assert.Equal(503, r.Status));
        up.Answer = Ok;
        Assert.Equal(200, (await proxy.GetAsync("/next")).Status);
        Assert.Equal((5, 0), (up.Calls.Count, proxy.Stat("cluster.up.upstream_rq_retry")));
        await Eventually.Async(() => (1, 0)
            == (proxy.Stat("cluster.up.upstream_cx_active"), proxy.Stat("cluster.up.upstream_rq_active")), "all is told");
    }

    [Fact]
    public async Task EndpointThatIsNotThere_FailsAllThatWait()
    {
        await using var proxy = await StartAsync($"127.0.0.1:{FreePort.Next()}");
        var responses = await GetAllAsync(proxy, 5);
        Assert.All(responses, r => Assert.Equal(503, r.Status));
        Assert.Contains("connection failure", responses[0].Text, StringComparison.Ordinal);
        await Eventually.Async(() => (5, 0, 0)
            == (proxy.Stat("cluster.up.upstream_rq_pending_failure_eject"),
                proxy.Stat("cluster.up.upstream_rq_active"), proxy.Stat("cluster.up.upstream_rq_pending_active")), "all is told");
        Assert.True(proxy.Stat("cluster.up.upstream_cx_connect_fail") is >= 1 and <= 5);
    }

    [Fact]
    public async Task EndpointOfHttp1_IsAProtocolErrorAndNoAnswer()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = static async peer =>
        {
            await peer.ReadSomeAsync();
            await peer.SendAsync("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            peer.EndSending();
        };
        await using var proxy = await StartAsync(up.Address);
        var response = await proxy.GetAsync();
        Assert.Equal(502, response.Status);
        Assert.Contains("protocol error", response.Text, StringComparison.Ordinal);
        await Eventually.Async(() => (1, 0)
            == (proxy.Stat("cluster.up.upstream_cx_protocol_error"), proxy.Stat("cluster.up.upstream_cx_active")), "all is told");
    }

    [Fact]
    public async Task EndpointThatSaysNothing_IsGivenUpAfterTheConnectTimeout()
    {
        await using var up = new Http2Upstream { Script = static (_, _) => new TaskCompletionSource().Task };
        await using var proxy = await StartAsync(up.Address, ", http2: true, connect_timeout: 0.2s");
        Assert.Equal(503, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => (1, 0)
            == (proxy.Stat("cluster.up.upstream_cx_connect_timeout"), proxy.Stat("cluster.up.upstream_cx_active")), "all is told");
    }

    [Fact]
    public async Task MostRequestsOfAConnection_AreHonoured()
    {
        await using var up = new Http2Upstream();
        await using var proxy = await StartAsync(up.Address,
            ", http2: true, common_http_protocol_options: {max_requests_per_connection: 2}");
        for (int i = 0; i < 5; i++) Assert.Equal(200, (await proxy.GetAsync($"/{i}")).Status);
        Assert.Equal([1, 1, 2, 2, 3], up.Calls.Select(c => c.Connection));
        Assert.Equal(2, proxy.Stat("cluster.up.upstream_cx_max_requests"));
    }

    [Fact]
    public async Task IdleConnection_SaysThatItGoesAndGoes()
    {
        await using var up = new Http2Upstream();
        await using var proxy = await StartAsync(up.Address, ", http2: true, common_http_protocol_options: {idle_timeout: 0.2s}");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => up.Open == 0, "it is closed");
        await Eventually.Async(() => (1, 0, 1)
            == (proxy.Stat("cluster.up.upstream_cx_idle_timeout"), proxy.Stat("cluster.up.upstream_cx_active"),
                proxy.Stat("cluster.up.http2.goaway_sent")), "all is told");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
    }

    [Fact]
    public async Task PeerThatAnswersNoPing_IsLeft()
    {
        await using var up = new Http2Upstream();
        up.Script = async (peer, _) =>
        {
            await peer.SendAsync(new Http2Script().Settings());
            while (await peer.ReadAsync() is { } frame)
                if (frame.Type == FrameType.Headers)
                    await peer.SendAsync(new Http2Script().Headers(frame.StreamId, true, ":status: 200"));
        };
        await using var proxy = await StartAsync(up.Address,
            ", http2: {connection_keepalive: {interval: 0.1s, timeout: 0.1s, interval_jitter: {value: 0}}}");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => proxy.Stat("cluster.up.http2.keepalive_timeout") >= 1
            && proxy.Stat("cluster.up.upstream_cx_active") == 0, "it is closed");
    }

    [Fact]
    public async Task IdleConnection_IsAskedWhenItIsUsedAgain()
    {
        await using var up = new Http2Upstream();
        await using var proxy = await StartAsync(up.Address,
            ", http2: {connection_keepalive: {timeout: 5s, connection_idle_interval: 0.001s}}");
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(200, (await proxy.GetAsync()).Status);
            await proxy.PassAsync(5);
        }
        await Eventually.Async(() => up.Pings == 1, "a PING came before the second request");
    }

    [Fact]
    public async Task ClientThatGoes_ResetsItsStreamAlone()
    {
        await using var up = new Http2Upstream { Answer = static _ => null };
        await using var proxy = await StartAsync(up.Address);
        var stays = proxy.GetAsync("/stays");
        await using (var client = await proxy.ConnectAsync())
        {
            await client.GetAsync("/goes");
            await Eventually.Async(() => up.Calls.Count == 2, "both are under way");
            client.Reset();
        }
        await Eventually.Async(() => up.Call("/goes").Reset == Http2Error.Cancel, "it is given up");
        var call = up.Call("/stays");
        await PeerOf(up, call).SendAsync(Ok(call));
        Assert.Equal(200, (await stays).Status);
        Assert.Equal((1, 1), (up.Connections, proxy.Stat("cluster.up.upstream_rq_cancelled")));
    }

    [Fact]
    public async Task RouteTimeout_ResetsTheStream()
    {
        await using var up = new Http2Upstream { Answer = static _ => null };
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up.Address, routes:
            "{match: {prefix: /}, route: {cluster: up, timeout: 0.1s}}", cluster: Http2));
        Assert.Equal(504, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => up.Calls[0].Reset == Http2Error.Cancel, "it is given up");
    }

    [Fact]
    public async Task SlowClient_StallsNobodyBesideIt()
    {
        const int slow = 24; // their windows together are more than the connection's
        await using var up = new Http2Upstream();
        up.Answer = call => call.Path == "/quick" ? Ok(call)
            : new Http2Script().Headers(call.Id, false, ":status: 200").Data(call.Id, 16_000).Data(call.Id, 16_000).Data(call.Id, 16_000)
                .Data(call.Id, 16_000);
        await using var proxy = await StartAsync(up.Address,
            ", http2: {initial_stream_window_size: 65535, initial_connection_window_size: 65535}");
        var clients = new List<RawClient>();
        try
        {
            for (int i = 0; i < slow; i++)
            {
                var client = await RawClient.ConnectAsync(proxy.EndPoint(), receiveBuffer: 4096);
                clients.Add(client);
                await client.GetAsync($"/slow{i}");
            }
            await Eventually.Async(() => up.Calls.Count == slow, "all slow ones are there");
            for (int i = 0; i < 20; i++) Assert.Equal(200, (await proxy.GetAsync("/quick")).Status);
            Assert.Equal(1, up.Connections);
        }
        finally
        {
            foreach (var client in clients) await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task OtherOptions_MakeOtherConnections()
    {
        await using var up = new Http2Upstream();
        await using var proxy = await StartAsync(up.Address);
        Assert.Equal(200, (await proxy.GetAsync("/1")).Status);
        await proxy.PublishAsync(Edge.Document(up.Address, cluster: ", http2: {initial_stream_window_size: 70000}"));
        Assert.Equal(200, (await proxy.GetAsync("/2")).Status);
        await proxy.PublishAsync(Edge.Document(up.Address, manager: "via: x,", cluster: ", http2: {initial_stream_window_size: 70000}"));
        Assert.Equal(200, (await proxy.GetAsync("/3")).Status);
        Assert.Equal([1, 2, 2], up.Calls.Select(c => c.Connection));
        await Eventually.Async(() => up.Open == 1 && proxy.Stat("cluster.up.upstream_cx_active") == 1, "the first connection is gone");
    }

    [Fact]
    public async Task ProtocolOfTheClient_IsSpokenToBoth()
    {
        const string same = ", typed_extension_protocol_options: {h: {\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3."
            + "HttpProtocolOptions, use_downstream_protocol_config: {http2_protocol_options: {}}}}";
        await using var two = new Http2Upstream();
        await using var one = RecordingUpstream.Start();
        await using var proxy = await StartAsync(two.Address, same);
        await using var client = await Http2Peer.ConnectAsync(proxy.Port());
        await client.SendAsync(new Http2Script().Request(1, "/two"));
        Assert.Equal("HEADERS 1 200|DATA 1 4 END", string.Join('|', await client.ReadStreamAsync(1)));
        await proxy.PublishAsync(Edge.Document(one.Address, cluster: same));
        Assert.Equal(200, (await proxy.GetAsync("/one")).Status);
        Assert.Equal("/one", Assert.Single(one.Requests).Target);
    }

    [Theory]
    [InlineData("http2: {no_such: 1}", "no_such")]
    [InlineData("http2: 5", "must be true")]
    [InlineData("http2: true, http2_protocol_options: {}", "only one of these")]
    [InlineData("http2: {allow_connect: true}", "allow_connect")]
    [InlineData("http2: {connection_keepalive: {interval: 1s}}", "timeout")]
    [InlineData("typed_extension_protocol_options: {x: {\"@type\": type.googleapis.com/a.B, explicit_http_config: "
        + "{http_protocol_options: {}}}}", "not served")]
    [InlineData("typed_extension_protocol_options: {x: {\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3."
        + "HttpProtocolOptions, auto_config: {}}}", "needs TLS")]
    [InlineData("typed_extension_protocol_options: {x: {\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3."
        + "HttpProtocolOptions}}", "is missing")]
    [InlineData("typed_extension_protocol_options: {x: {\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3."
        + "HttpProtocolOptions, explicit_http_config: {http3_protocol_options: {}}}}", "HTTP/3")]
    public async Task WhatIsNotServed_IsRefusedByName(string cluster, string says)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        var errors = proxy.Build(Edge.Document("127.0.0.1:1", cluster: ", " + cluster)).Errors;
        Assert.Contains(errors, e => e.ToString().Contains(says, StringComparison.Ordinal));
    }
}
