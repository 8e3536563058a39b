using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>One protocol is asked for, the one that was allowed, and that one alone may be answered.</summary>
public sealed class UpgradeTests
{
    private const string WebSocket = "upgrade_configs: [{upgrade_type: websocket}],";
    private const string Switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ";

    [Theory]
    [InlineData("Upgrade: websocket\r\nUpgrade: h2c\r\n", "websocket")]
    [InlineData("Upgrade: h2c\r\nUpgrade: websocket\r\n", "websocket")]
    [InlineData("Upgrade: websocket, h2c\r\n", "websocket")]
    [InlineData("Upgrade: h2c,websocket,\r\n", "websocket")]
    [InlineData("Upgrade: h2c , WebSocket\r\nUpgrade: x\r\n", "WebSocket")]
    [InlineData("Upgrade: websocket\r\nUpgrade: websocket\r\n", "websocket")]
    [InlineData("Upgrade: h2c\r\n", null)]
    [InlineData("Upgrade: websocket/13\r\n", null)]
    [InlineData("Upgrade: \r\n", null)]
    [InlineData("Upgrade: ,\r\n", null)]
    public async Task WhatGoesOn_IsTheOneThatWasAllowed(string fields, string? seen)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, WebSocket));

        var answer =
            await proxy.GetAsync(
                headers: $"Connection: Upgrade, HTTP2-Settings, http2-settings\r\n{fields}HTTP2-Settings: AAMAAABkAAQAAP__\r\n");

        var request = Assert.Single(up.Requests);
        Assert.Equal((200, seen, seen is null ? null : "upgrade", null),
            (answer.Status, request["upgrade"], request["connection"], request["http2-settings"]));
    }

    [Theory]
    [InlineData("h2c\r\n")]
    [InlineData("websocket, h2c\r\n")]
    [InlineData("websocket\r\nUpgrade: h2c\r\n")]
    [InlineData("\r\n")]
    [InlineData("websocket2\r\n")]
    public async Task AnAnswerThatNamesAnother_Is502(string answered)
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => $"{Switching}{answered}\r\nPRI * HTTP/2.0\r\n\r\n";
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, WebSocket));

        await using var client = await proxy.ConnectAsync();
        await client.GetAsync(headers: "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n");
        var answer = await client.ReadAsync();

        Assert.Equal(502, answer.Status);
        Assert.DoesNotContain("PRI", answer.Text, StringComparison.Ordinal);
        await Eventually.Async(() => up.Open == 0, "the upstream's connection is not used again");
        Assert.Equal((1, 1, 1), (proxy.Stat("cluster.up.upstream_cx_protocol_error"), proxy.Stat("cluster.up.upstream_rq_502"),
            proxy.Stat("cluster.up.upstream_rq_5xx")));
    }

    [Theory]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\n\r\n")]
    [InlineData("HTTP/1.0 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")]
    public async Task An101WithoutItsUpgrade_Is502(string head)
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => head;
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, WebSocket));
        Assert.Equal(502, (await proxy.GetAsync(headers: "Connection: upgrade\r\nUpgrade: websocket\r\n")).Status);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n")]
    [InlineData("GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx")]
    public async Task An101ThatNobodyAskedFor_Is502(string request)
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => $"{Switching}websocket\r\n\r\n";
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, WebSocket));
        await using var client = await proxy.ConnectAsync();
        Assert.Equal(502, (await client.AskAsync(request)).Status);
        Assert.Null(Assert.Single(up.Requests)["upgrade"]);
    }

    [Fact]
    public async Task EarlyData_WaitsForTheSwitch()
    {
        await using var up = RecordingUpstream.Start();
        var head = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int before = -1;
        up.Script = async peer =>
        {
            head.TrySetResult(await peer.ReadUntilAsync("\r\n\r\n"));
            await answer.Task;
            before = peer.Socket.Available;
            await peer.SendAsync($"{Switching}websocket\r\n\r\n");
            await peer.SendAsync("got " + await peer.ReadUntilAsync("early"));
        };
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, WebSocket));
        await using var client = await proxy.ConnectAsync();

        await client.GetAsync(headers: "Connection: upgrade\r\nUpgrade: websocket\r\n");
        await head.Task;
        await client.SendAsync("early");
        // An innocent request on the same worker goes through in the meantime: whatever the early bytes cause has been caused.
        Assert.Equal(404, (await RawAsync(proxy)).Status);
        answer.SetResult();

        Assert.Equal(101, (await client.ReadAsync()).Status);
        Assert.Equal("got early", await client.ReadTextAsync(9));
        Assert.Equal(0, before);
    }

    [Fact]
    public async Task A101_PassesTheResponseFilters()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => $"{Switching}websocket\r\nx-secret: 1\r\n\r\n";
        await using var proxy = await ProxyFixture.StartAsync(
            Edge.Document(up, WebSocket, host: "response_headers_to_add: [{header: {key: x-host, value: all}}],", filters: """
            {name: header_mutation, typed_config: {mutations: {response_mutations: [{append: {header: {key: x-seen, value: "%RESPONSE_CODE%"}}}, {remove: x-secret}]}}},
            {name: lua, typed_config: {inline_code: "function envoy_on_response(h) local body = h:body() h:headers():add('x-lua', tostring(body)) end"}},
            """.ReplaceLineEndings(" ")));

        var answer = await proxy.GetAsync(headers: "Connection: upgrade\r\nUpgrade: websocket\r\n");

        Assert.Equal((101, "101", null, "nil", "all", "websocket"),
            (answer.Status, answer["x-seen"], answer["x-secret"], answer["x-lua"], answer["x-host"], answer["upgrade"]));
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_rq_101") == 1, "counted");
    }

    [Theory]
    [InlineData("""(drop (call $proxy_send_local_response (i32.const 403) "" "no" "" (i32.const -1)))""", 403)]
    [InlineData("""(drop (call $proxy_replace_header_map_value (i32.const 2) ":status" "403"))""", 502)]
    public async Task AFilterThatWillNotHaveIt_StopsTheTunnel(string response, int status)
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => $"{Switching}websocket\r\n\r\n";
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, WebSocket,
            filters: WasmProxy.Filter(new WatGuest().On("response_headers", response).Build()) + ","));
        Assert.Equal(status, (await proxy.GetAsync(headers: "Connection: upgrade\r\nUpgrade: websocket\r\n")).Status);
        await Eventually.Async(() => up.Open == 0, "the upstream's connection ends");
    }

    [Fact]
    public async Task AFilterThatGoesOnLate_LeavesTheTunnelOpen()
    {
        await using var up = RecordingUpstream.Start();
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        up.Script = async peer =>
        {
            if ((await peer.ReadUntilAsync("\r\n\r\n")).StartsWith("GET /check", StringComparison.Ordinal))
            {
                await open.Task;
                await peer.SendAsync(RecordingUpstream.Ok("late"));
                return;
            }
            await peer.SendAsync($"{Switching}websocket\r\n\r\n");
            while (await peer.ReadSomeAsync() is { Length: > 0 } bytes) await peer.SendAsync(bytes);
        };
        string head = WatGuest.Pairs((":method", "GET"), (":path", "/check"), (":authority", "a"));
        var guest = new WatGuest().With("(global $who (mut i32) (i32.const 0))")
            .On("request_headers",
                $"""(drop (call $proxy_http_call "up" {head} "" "" (i32.const 5000) (global.get $NUM))) (global.set $who (local.get """
                    + $"""$ctx))""")
            .On("http_call_response", """
                (drop (call $proxy_set_effective_context (global.get $who)))
                (drop (call $proxy_continue_stream (i32.const 0))) (drop (call $proxy_continue_stream (i32.const 1))) (drop (call $proxy_log (i32.const 3) "went on"))
                """);
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, WebSocket, filters: WasmProxy.Filter(guest.Build()) + ","));
        await using var client = await proxy.ConnectAsync();
        Assert.Equal(101, (await client.AskAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")).Status);
        await client.SendAsync("one");
        Assert.Equal("one", await client.ReadTextAsync(3));

        open.SetResult();
        await Eventually.Async(() => proxy.Log.Lines.Any(l => l.Contains("went on", StringComparison.Ordinal)), "the guest has gone on");

        for (int i = 0; i < 10; i++)
        {
            await client.SendAsync("two");
            Assert.Equal("two", await client.ReadTextAsync(3));
        }
    }

    private static async Task<RawResponse> RawAsync(ProxyFixture proxy)
    {
        await using var client = await proxy.ConnectAsync();
        return await client.AskAsync("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    }
}
