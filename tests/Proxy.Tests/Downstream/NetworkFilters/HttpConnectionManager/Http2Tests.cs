using System.Text;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>Clients that speak HTTP/2, in front of upstreams that speak HTTP/1.1.</summary>
public sealed class Http2Tests
{
    private const string Quick = "request_headers_timeout: 0.3s, common_http_protocol_options: {idle_timeout: 0.3s},";

    private static async Task<Http2Peer> ConnectAsync(ProxyFixture proxy) => await Http2Peer.ConnectAsync(proxy.Port());

    private static async Task<string> AskAsync(ProxyFixture proxy, Http2Script script, int id = 1)
    {
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(script);
        return string.Join('|', await peer.ReadStreamAsync(id));
    }

    [Fact]
    public async Task PriorKnowledge_IsServedBesideHttp1()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        Assert.Equal("HEADERS 1 200|DATA 1 5 END", await AskAsync(proxy, new Http2Script().Request(1, "/a")));
        Assert.Equal(200, (await proxy.GetAsync("/b")).Status);
        Assert.Equal(["/a", "/b"], up.Requests.Select(r => r.Target));
        Assert.Equal((1, 1, 1, 2), (proxy.Stat("http.edge.downstream_rq_http2_total"), proxy.Stat("http.edge.downstream_rq_http1_total"),
            proxy.Stat("http.edge.downstream_cx_http2_total"), proxy.Stat("http.edge.downstream_cx_total")));
        await Eventually.Async(() => proxy.Stat("http.edge.downstream_cx_active") == 0 && proxy.Stat("http2.streams_active") == 0,
            "both connections end");
    }

    [Fact]
    public async Task PrefaceInPieces_IsTheSame()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var peer = await Http2Peer.ConnectAsync(proxy.Port(), greets: false);
        foreach (byte b in new Http2Script().Preface().Settings().Request(1).Bytes)
        {
            await peer.SendAsync(new[] { b });
            await Task.Yield();
        }
        Assert.Equal("HEADERS 1 200|DATA 1 4 END", string.Join('|', await peer.ReadStreamAsync(1)));
    }

    [Theory]
    [InlineData("PRI")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\u0006\u0004\0\0\0\0\0")]
    public async Task BeginningThatStops_IsNotWaitedForLong(string beginning)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, Quick));
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync(beginning);
        await client.ReadToEndAsync();
        Assert.Empty(up.Requests);
    }

    [Fact]
    public async Task CodecTypeHttp2_TakesNothingElse()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, "codec_type: HTTP2,"));
        Assert.Equal("HEADERS 1 200|DATA 1 4 END", await AskAsync(proxy, new Http2Script().Request(1)));
        await using var peer = await Http2Peer.ConnectAsync(proxy.Port(), greets: false);
        await peer.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n"u8.ToArray());
        Assert.Equal("GOAWAY Protocol", (await peer.ReadMeaningfulAsync())!.ToString());
    }

    [Fact]
    public async Task CodecTypeHttp1_TakesNoPreface()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, "codec_type: HTTP1,"));
        await using var client = await proxy.ConnectAsync();
        Assert.Equal(505, (await client.AskAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).Status);
    }

    [Fact]
    public async Task Request_GoesUpAsHttp1WouldHaveIt()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await AskAsync(proxy, new Http2Script().Request(1, "/p?q=1", true, "GET", "cookie: a=1", "te: trailers", "cookie: b=2",
            "x-mine: v"));
        var request = Assert.Single(up.Requests);
        Assert.Equal(("GET", "/p?q=1", "example.test", "a=1; b=2", "trailers", "v", "http", "127.0.0.1", null),
            (request.Method, request.Target, request["host"], request["cookie"], request["te"], request["x-mine"],
                request["x-forwarded-proto"], request["x-forwarded-for"], request["content-length"]));
        Assert.DoesNotContain(request.Headers, h => h.Key.StartsWith(':'));
    }

    [Theory]
    [InlineData("content-length: 6", "6", null)]
    [InlineData("x: y", null, "chunked")]
    public async Task Body_GoesUpAsItCame(string field, string? length, string? coding)
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = r => RecordingUpstream.Ok(Text(r));
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Request(1, "/", false, "POST", field).Data(1, "abc"));
        await peer.SendAsync(new Http2Script().Data(1, "def", true));
        var frames = await peer.ReadStreamAsync(1);
        Assert.Equal("abcdef", string.Concat(frames.Where(f => f.Type == FrameType.Data).Select(f => Encoding.ASCII.GetString(f.Payload))));
        var request = Assert.Single(up.Requests);
        Assert.Equal(("abcdef", length, coding), (Text(request), request["content-length"], request["transfer-encoding"]));
    }

    [Fact]
    public async Task LargeBodies_PassBothWays()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = r => RecordingUpstream.Ok(Text(r));
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Settings((SettingId.InitialWindowSize, 1u << 24)).Window(0, 1 << 24)
            .Request(1, "/", false, "POST"));
        // As much as the windows let through, which the proxy opens as its upstream takes.
        int window = 65535, total = 65535, sent = 0, got = 0;
        const int All = 3_000_000;
        while (got < All)
        {
            while (sent < All && Math.Min(window, total) > 0)
            {
                int n = Math.Min(Math.Min(Math.Min(window, total), 16384), All - sent);
                await peer.SendAsync(new Http2Script().Data(1, n, sent + n == All));
                (window, total, sent) = (window - n, total - n, sent + n);
            }
            var frame = (await peer.ReadAsync())!;
            Assert.False(frame.Type is FrameType.RstStream or FrameType.GoAway, frame.ToString());
            if (frame is { Type: FrameType.WindowUpdate, StreamId: 0 }) total += (int)frame.Word();
            else if (frame.Type == FrameType.WindowUpdate) window += (int)frame.Word();
            else if (frame.Type == FrameType.Settings && frame.Payload.Length > 0)
            {
                for (int i = 0; i < frame.Payload.Length; i += 6)
                    if (frame.Payload[i + 1] == (int)SettingId.InitialWindowSize) window += (int)frame.Word(i + 2) - 65535;
            }
            else if (frame.Type == FrameType.Data) got += frame.Payload.Length;
        }
        Assert.Equal(All, Assert.Single(up.Requests).Body.Length);
    }

    [Fact]
    public async Task Trailers_PassBothWays()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\ngrpc-status: 7\r\n\r\n";
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Request(1, "/", false, "POST").Data(1, "a").Headers(1, true, "x-last: 1"));
        var frames = await peer.ReadStreamAsync(1);
        Assert.Equal("HEADERS 1 200|DATA 1 2|HEADERS 1  END", string.Join('|', frames));
        Assert.Equal(["grpc-status: 7"], frames[^1].Fields);
        Assert.Contains(("x-last", "1"), Assert.Single(up.Requests).Trailers.Select(t => (t.Key.ToLowerInvariant(), t.Value)));
        Assert.Equal(1, proxy.Stat("http2.trailers"));
    }

    [Fact]
    public async Task InterimAnswers_ComeBefore()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + RecordingUpstream.Ok("x");
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        Assert.Equal("HEADERS 1 103|HEADERS 1 200|DATA 1 1 END", await AskAsync(proxy, new Http2Script().Request(1)));
    }

    [Theory]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "HEADERS 1 200 END")]
    [InlineData("GET", "HTTP/1.1 204 No Content\r\n\r\n", "HEADERS 1 204 END")]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\r\netag: a\r\n\r\n", "HEADERS 1 304 END")]
    [InlineData("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HEADERS 1 200 END")]
    [InlineData("GET", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc", "HEADERS 1 200|DATA 1 3 END")]
    public async Task Answers_EndAsTheyMust(string method, string answer, string expected)
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => answer;
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        string frames = await AskAsync(proxy, new Http2Script().Request(1, "/", true, method));
        Assert.Equal(expected, frames.Replace("|DATA 1 0 END", " END", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("x: a\nb")]
    [InlineData("transfer-encoding: chunked")]
    [InlineData("host: other.test")]
    public async Task MalformedRequest_IsReset(string field)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Request(1, "/", true, "GET", field).Request(3));
        Assert.Equal("RST 1 Protocol", (await peer.ReadMeaningfulAsync())!.ToString());
        Assert.Equal("DATA 3 4 END", (await peer.ReadStreamAsync(3))[^1].ToString());
        Assert.Equal((1, 1), (up.Requests.Count, proxy.Stat("http2.rx_messaging_error")));
    }

    [Fact]
    public async Task MalformedRequest_EndsTheConnectionWhereSoConfigured()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            Edge.Document(up, "http2_protocol_options: {override_stream_error_on_invalid_http_message: false},"));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Request(1, "/", true, "GET", "connection: close"));
        Assert.Equal("GOAWAY Protocol", (await peer.ReadMeaningfulAsync())!.ToString());
    }

    [Theory]
    [InlineData("TRACE", "x: y", "405")]
    [InlineData("GET", "expect: tea", "417")]
    public async Task RefusedRequest_IsAnsweredAndLogged(string method, string field, string status)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        Assert.StartsWith($"HEADERS 1 {status}", await AskAsync(proxy, new Http2Script().Request(1, "/", true, method, field)),
            StringComparison.Ordinal);
        await Eventually.Async(() => proxy.Stat("http.edge.downstream_rq_total") == 1 && proxy.Stat("http.edge.downstream_rq_4xx") == 1,
            "it is counted");
        Assert.Empty(up.Requests);
    }

    [Fact]
    public async Task HeadTooLarge_Is431AndTheConnectionGoesOn()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, "max_request_headers_kb: 4,"));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Request(1, "/", true, "GET", "x: " + new string('a', 5000)).Request(3));
        Assert.Equal("HEADERS 1 431", (await peer.ReadMeaningfulAsync())!.ToString()[..13]);
        Assert.Equal("DATA 3 4 END", (await peer.ReadStreamAsync(3))[^1].ToString());
        Assert.Equal(1, proxy.Stat("http2.header_overflow"));
    }

    [Fact]
    public async Task UpstreamThatBreaksOff_ResetsTheStreamAlone()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = r => r.Target == "/cut" ? "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nabc" : null;
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Request(1, "/cut"));
        var frames = await peer.ReadStreamAsync(1);
        Assert.True(frames[^1].ToString() is "RST 1 Internal" || frames[0].ToString() == "HEADERS 1 502", string.Join('|', frames));
        await peer.SendAsync(new Http2Script().Request(3));
        Assert.Equal("DATA 3 4 END", (await peer.ReadStreamAsync(3))[^1].ToString());
    }

    [Fact]
    public async Task ClientThatResets_EndsItsUpstreamRequest()
    {
        await using var up = RecordingUpstream.Start();
        var seen = new TaskCompletionSource();
        up.Script = async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            seen.SetResult();
            while ((await peer.ReadSomeAsync()).Length > 0)
            {
            }
        };
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Request(1));
        await seen.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await peer.SendAsync(new Http2Script().Reset(1));
        await Eventually.Async(() => up.Open == 0 && proxy.Stat("http.edge.downstream_rq_active") == 0,
            "the upstream's connection is closed");
        Assert.Equal((1, 1), (proxy.Stat("http2.rx_reset"), proxy.Stat("cluster.up.upstream_rq_cancelled")));
        await peer.SendAsync(new Http2Script().Ping(1));
        Assert.Equal(FrameType.Ping, (await SkipToPingAsync(peer))!.Type);
    }

    [Fact]
    public async Task ClientThatGoes_EndsItsUpstreamRequests()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer =>
        {
            while ((await peer.ReadSomeAsync()).Length > 0)
            {
            }
        };
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using (var peer = await ConnectAsync(proxy))
        {
            await peer.SendAsync(new Http2Script().Request(1).Request(3, "/", false, "POST").Data(3, 10));
            await Eventually.Async(() => up.Open == 2, "both are under way");
        }
        await Eventually.Async(() => up.Open == 0 && proxy.Stat("http.edge.downstream_rq_active") == 0
            && proxy.Stat("http.edge.downstream_cx_active") == 0, "all is over");
    }

    [Fact]
    public async Task RequestsPerConnection_EndItWithoutHarm()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            Edge.Document(up, "common_http_protocol_options: {max_requests_per_connection: 2},"));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Request(1));
        Assert.Equal("DATA 1 4 END", (await peer.ReadStreamAsync(1))[^1].ToString());
        await peer.SendAsync(new Http2Script().Request(3));
        var lines = new List<string>();
        while (await peer.ReadMeaningfulAsync() is { } frame)
        {
            lines.Add(frame.ToString());
            if (frame.Type == FrameType.Ping)
                await peer.SendAsync(new Http2Script().Frame(FrameType.Ping, FrameFlags.Ack, 0, frame.Payload));
        }
        // The second GOAWAY comes with the answer to the PING: before the response, within it or behind it.
        Assert.Equal(["GOAWAY None", "Ping 0 8"], lines.Take(2));
        Assert.Equal(["HEADERS 3 200", "DATA 3 4 END"], lines.Skip(2).Where(l => l != "GOAWAY None"));
        Assert.Equal(5, lines.Count);
    }

    [Fact]
    public async Task IdleConnection_IsToldAndClosed()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, "common_http_protocol_options: {idle_timeout: 0.2s},"));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Request(1));
        Assert.Equal("DATA 1 4 END", (await peer.ReadStreamAsync(1))[^1].ToString());
        var goAway = await peer.ReadMeaningfulAsync();
        Assert.Equal(("GOAWAY None", 1u), (goAway!.ToString(), goAway.Word()));
        Assert.Null(await peer.ReadMeaningfulAsync());
        Assert.Equal(1, proxy.Stat("http.edge.downstream_cx_idle_timeout"));
    }

    [Fact]
    public async Task Publication_LeavesStreamsAloneAndDrainsWhatIsGone()
    {
        await using var up = RecordingUpstream.Start();
        var go = new TaskCompletionSource();
        up.OnHead = async (r, _) => { if (r.Target == "/slow") await go.Task; };
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Request(1, "/slow"));
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_rq_active") == 1, "it is under way");
        await proxy.PublishAsync(Edge.Document(up, "server_name: second,"));
        await peer.SendAsync(new Http2Script().Request(3));
        Assert.Contains("server: second", (await peer.ReadStreamAsync(3))[0].Fields);
        await proxy.PublishAsync("listeners: []");
        Assert.Equal("GOAWAY None", (await peer.ReadMeaningfulAsync())!.ToString());
        go.SetResult();
        var frames = await peer.ReadStreamAsync(1);
        Assert.Equal("DATA 1 8 END", frames[^1].ToString());
        Assert.Contains(frames, f => f.Fields.Contains("server: managed")); // the version that it began with
    }

    [Fact]
    public async Task WebSocket_PassesOverAStream()
    {
        await using var up = RecordingUpstream.Start();
        string head = "";
        up.Script = async peer =>
        {
            head = await peer.ReadUntilAsync("\r\n\r\n");
            await peer.SendAsync("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello");
            while (await peer.ReadSomeAsync() is { Length: > 0 } bytes) await peer.SendAsync(bytes);
            peer.EndSending();
        };
        await using var proxy = await ProxyFixture.StartAsync(
            Edge.Document(up, "upgrade_configs: [{upgrade_type: websocket}], http2_protocol_options: {allow_connect: true},"));
        await using var peer = await ConnectAsync(proxy);
        await peer.SendAsync(new Http2Script().Headers(1, false, ":method: CONNECT", ":protocol: websocket", ":scheme: http",
            ":authority: example.test", ":path: /chat", "sec-websocket-version: 13"));
        Assert.Equal("HEADERS 1 200", (await peer.ReadMeaningfulAsync())!.ToString());
        Assert.Equal("DATA 1 5", (await peer.ReadMeaningfulAsync())!.ToString());
        Assert.StartsWith("GET /chat HTTP/1.1\r\n", head, StringComparison.Ordinal);
        Assert.Contains("upgrade: websocket\r\n", head, StringComparison.Ordinal);
        Assert.Contains("sec-websocket-key: ", head, StringComparison.Ordinal);
        await peer.SendAsync(new Http2Script().Data(1, "ping"));
        Assert.Equal("DATA 1 4", (await peer.ReadMeaningfulAsync())!.ToString());
        await peer.SendAsync(new Http2Script().Data(1, 0, true));
        Assert.Equal("DATA 1 0 END", (await peer.ReadMeaningfulAsync())!.ToString());
        await Eventually.Async(() => up.Open == 0 && proxy.Stat("http2.streams_active") == 0, "the tunnel is over");
    }

    [Fact]
    public async Task WebSocketThatIsNotAllowed_GoesOnWithout()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, "http2_protocol_options: {allow_connect: true},"));
        string frames = await AskAsync(proxy, new Http2Script()
            .Headers(1, false, ":method: CONNECT", ":protocol: websocket", ":scheme: http", ":authority: a", ":path: /chat"));
        Assert.StartsWith("HEADERS 1 200", frames, StringComparison.Ordinal);
        Assert.Null(Assert.Single(up.Requests)["upgrade"]);
    }

    [Theory]
    [InlineData("http2_protocol_options: {allow_metadata: true},", "allow_metadata")]
    [InlineData("http2_protocol_options: {custom_settings_parameters: []},", "custom_settings_parameters")]
    [InlineData("http2_protocol_options: {hpack_table_size: -1},", "hpack_table_size")]
    [InlineData("http2_protocol_options: {initial_stream_window_size: 10},", "initial_stream_window_size")]
    [InlineData("http2_protocol_options: {connection_keepalive: {interval: 1s}},", "timeout")]
    [InlineData("codec_type: HTTP3,", "codec_type")]
    public async Task WhatIsNotServed_IsRefusedByName(string fields, string name)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        var result = proxy.Build(Edge.Document(up, fields));
        Assert.Null(result.Snapshot);
        Assert.Contains(result.Errors, e => e.ToString()!.Contains(name, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Options_AreWhatTheClientIsTold()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up,
            "http2_protocol_options: {hpack_table_size: 0, max_concurrent_streams: 7, initial_stream_window_size: 70000, "
                + "initial_connection_window_size: 100000, allow_connect: true},"));
        await using var peer = await ConnectAsync(proxy);
        var settings = await peer.ReadAsync();
        var window = await peer.ReadAsync();
        Assert.Equal("WINDOW 0 34465", window!.ToString());
        var said = Enumerable.Range(0, settings!.Payload.Length / 6)
            .ToDictionary(i => (SettingId)settings.Payload[i * 6 + 1], i => settings.Word(i * 6 + 2));
        Assert.Equal((0u, 7u, 70000u, 1u), (said[SettingId.HeaderTableSize], said[SettingId.MaxConcurrentStreams],
            said[SettingId.InitialWindowSize], said[SettingId.EnableConnectProtocol]));
    }

    private static string Text(UpstreamRequest request) => Encoding.Latin1.GetString(request.Body);

    private static async Task<Http2Frame?> SkipToPingAsync(Http2Peer peer)
    {
        Http2Frame? frame;
        do frame = await peer.ReadAsync();
        while (frame is not null and not { Type: FrameType.Ping });
        return frame;
    }
}
