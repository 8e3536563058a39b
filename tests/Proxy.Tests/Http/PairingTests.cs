using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>The same messages through all four pairs of protocols: what either end sees does not depend on what the other speaks.</summary>
public sealed class PairingTests
{
    private const string Lua = """
        {name: lua, typed_config: {inline_code: "function envoy_on_request(h) local b = h:body() h:headers():add('x-lua', tostring(b and b:length() or 0)) local t = h:trailers() if t then t:add('x-lua-trailer', '1') end end function envoy_on_response(h) h:headers():add('x-lua', h:headers():get('x-up') or 'none') for c in h:bodyChunks() do end local t = h:trailers() if t then t:add('x-lua-trailer', '2') end end"}},
        """;

    public static TheoryData<string> Pairs => ["h1-h1", "h1-h2", "h2-h1", "h2-h2"];

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Messages_PassWhole(string pair)
    {
        await using var p = await Pairing.StartAsync(pair);
        p.Reply = new PairReply("answer", Trailer: "x-done: 2");
        var answer = await p.AskAsync("POST", "/a?b=c", "question", "x-sum: 1");
        Assert.Equal((200, "answer", "1", "2", false),
            (answer.Status, answer.Body, answer.Fields["x-up"], answer.Trailers["x-done"], answer.IsCut));
        Assert.Equal(("POST", "/a?b=c", "example.test", "question", "1", "x-sum: 1"), (p.Request!.Method, p.Request.Path,
            p.Request.Authority, p.Request.Body, p.Request.Field("x-down"), p.Request.Trailers));
        Assert.Null(p.Request.Field("connection"));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task LargeBodies_PassBothWays(string pair)
    {
        await using var p = await Pairing.StartAsync(pair);
        string up = new('u', 60_000), down = new('d', 200_000);
        p.Reply = new PairReply(down);
        var answer = await p.AskAsync("POST", "/", up);
        Assert.Equal((200, down.Length, up.Length), (answer.Status, answer.Body.Length, p.Request!.Body.Length));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task HeadsWithoutBody_EndThere(string pair)
    {
        await using var p = await Pairing.StartAsync(pair);
        Assert.Equal((200, ""), await Brief("HEAD", new PairReply("unseen")));
        Assert.Equal((204, ""), await Brief("GET", new PairReply(Status: 204)));
        Assert.Equal((304, ""), await Brief("GET", new PairReply(Status: 304)));
        Assert.Equal((200, "x"), await Brief("GET", new PairReply("x")));

        async Task<(int, string)> Brief(string method, PairReply reply)
        {
            p.Reply = reply;
            var answer = await p.AskAsync(method, "/");
            return (answer.Status, answer.Body);
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task EarlyHints_ComeBeforeTheAnswer(string pair)
    {
        await using var p = await Pairing.StartAsync(pair);
        p.Reply = new PairReply("x", Early: true);
        Assert.Equal((200, "x"), await p.AskAsync("GET", "/") is var a ? (a.Status, a.Body) : default);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AnswerThatIsCut_IsSeenToBe(string pair)
    {
        await using var p = await Pairing.StartAsync(pair);
        p.Reply = new PairReply("part", Cut: true);
        var answer = await p.AskAsync("GET", "/");
        // What has not left yet is taken back, and an answer of our own takes its place.
        Assert.True(answer.IsCut || answer.Status is 502 or 503, $"{answer}");
        Assert.Equal(0, p.Proxy.Stat("cluster.up.upstream_rq_active"));
        p.Reply = new PairReply("whole");
        Assert.Equal("whole", (await p.AskAsync("GET", "/")).Body);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task ScriptsAndModules_SeeTheSame(string pair)
    {
        await using var p = await Pairing.StartAsync(pair, filters: Lua + WasmProxy.Filter(InMemoryPathCase.HeaderModule) + ",");
        p.Reply = new PairReply("answer", Trailer: "x-done: 2");
        var answer = await p.AskAsync("POST", "/", "question", "x-sum: 1");
        Assert.Equal(("answer", "1", "1", "2"), (answer.Body, answer.Fields["x-lua"],
            answer.Fields["x-wasm"], answer.Trailers["x-lua-trailer"]));
        Assert.Equal(("question", "8", "1"), (p.Request!.Body, p.Request.Field("x-lua"), p.Request.Field("x-wasm")));
        Assert.Contains("x-lua-trailer: 1", p.Request.Trailers, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task ClientThatGivesUp_IsHeardByTheUpstream(string pair)
    {
        await using var p = await Pairing.StartAsync(pair);
        p.Two.Answer = static _ => null;
        p.One.Script = static async peer => { while (await peer.ReadSomeAsync() is { Length: > 0 }) { } };
        if (pair[1] == '2')
        {
            await using var peer = await Http2Peer.ConnectAsync(p.Proxy.Port());
            await peer.SendAsync(new Http2Script().Request(1, "/", ends: false, "POST"));
            await BegunAsync();
            await peer.SendAsync(new Http2Script().Reset(1));
            await OverAsync();
        }
        else
        {
            await using var client = await p.Proxy.ConnectAsync();
            await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab");
            await BegunAsync();
            client.Reset();
            await OverAsync();
        }

        Task BegunAsync() => Eventually.Async(() => pair[4] == '2' ? p.Two.Calls.Count == 1 : p.One.Open == 1, "the request is there");
        Task OverAsync() => Eventually.Async(() => (pair[4] == '2' ? p.Two.Calls[0].Reset == Http2Error.Cancel : p.One.Open == 0)
            && p.Proxy.Stat("cluster.up.upstream_rq_active") == 0, "it is given up");
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task WebSocket_IsBridged(string pair)
    {
        await using var p = await Pairing.StartAsync(pair, "upgrade_configs: [{upgrade_type: websocket}], http2_protocol_options: "
            + "{allow_connect: true},");
        p.Two.Script = static async (peer, _) =>
        {
            await peer.SendAsync(new Http2Script().Settings((SettingId.EnableConnectProtocol, 1u)));
            while (await peer.ReadAsync() is { } frame)
            {
                if (frame.Type == FrameType.Headers)
                {
                    if (!frame.Fields.Contains(":protocol: websocket") || !frame.Fields.Contains(":method: CONNECT")) return;
                    await peer.SendAsync(new Http2Script().Headers(frame.StreamId, false, ":status: 200"));
                }
                if (frame.Type == FrameType.Data)
                    await peer.SendAsync(new Http2Script().Frame(FrameType.Data, frame.Flags, frame.StreamId, frame.Payload));
            }
        };
        p.One.Script = static async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            await peer.SendAsync("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
                + "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
            while (await peer.ReadSomeAsync() is { Length: > 0 } bytes) await peer.SendAsync(bytes);
            peer.EndSending();
        };
        if (pair[1] == '2')
        {
            await using var peer = await Http2Peer.ConnectAsync(p.Proxy.Port());
            await peer.SendAsync(new Http2Script().Headers(1, false, ":method: CONNECT", ":protocol: websocket", ":scheme: http",
                ":authority: example.test", ":path: /chat", "sec-websocket-version: 13"));
            Assert.Equal("HEADERS 1 200", (await peer.ReadMeaningfulAsync())!.ToString());
            await peer.SendAsync(new Http2Script().Data(1, "ping"));
            Assert.Equal("DATA 1 4", (await peer.ReadMeaningfulAsync())!.ToString());
            await peer.SendAsync(new Http2Script().Data(1, 0, true));
            Assert.Equal("DATA 1 0 END", (await peer.ReadMeaningfulAsync())!.ToString());
        }
        else
        {
            await using var client = await p.Proxy.ConnectAsync();
            await client.SendAsync("GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
                + "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
            var answer = await client.ReadAsync();
            // The key and its proof of RFC 6455 section 1.3.
            Assert.Equal((101, "websocket", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
                (answer.Status, answer["upgrade"], answer["sec-websocket-accept"]));
            await client.SendAsync("ping");
            Assert.Equal("ping", await client.ReadTextAsync(4));
            client.EndSending();
            Assert.True(await client.EndsAsync());
        }
        await Eventually.Async(() => p.Proxy.Stat("cluster.up.upstream_rq_active") == 0, "the tunnel is over");
        Assert.Equal(pair[4] == '2' ? 1 : 0, p.Proxy.Stat("cluster.up.upstream_cx_active"));
    }

    [Fact]
    public async Task WebSocketToAnEndpointThatTakesNone_IsRefused()
    {
        await using var up = new Http2Upstream();
        await using var proxy = await ProxyFixture.StartAsync(Downstream.NetworkFilters.HttpConnectionManager.Edge.Document(up.Address,
            "upgrade_configs: [{upgrade_type: websocket}],", cluster: ", http2: true"));
        await using var client = await proxy.ConnectAsync();
        var refused = await client.AskAsync("GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
        Assert.Equal(502, refused.Status);
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(1, up.Connections);
    }
}
