using System.Net.Sockets;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.Wasm;

/// <summary>Guests on connections: each callback, bytes read, changed, held and let go, closes in every direction.</summary>
public sealed class WasmNetworkTests
{
    private const string Get =
        """(drop (call $proxy_get_buffer_bytes (i32.const 2) (i32.const 0) (i32.const 100) (global.get $OUT) (global.get $SIZE))) """
            + """(call $v "down")""";

    private static Task<WasmTcp> StartAsync(WatGuest guest, string plugin = "") => WasmTcp.StartAsync(guest.Build(), plugin);

    private static Task<string> ReadAsync(Socket socket, int count) => WasmTcp.ReadAsync(socket, count);

    [Fact]
    public async Task Upstream_IsKnownOnceItIsConnected()
    {
        const string Read = """
            (call $r "address" (call $proxy_get_property "upstream\00address" (global.get $OUT) (global.get $SIZE))) (call $v "address")
            (call $r "cluster" (call $proxy_get_property "xds\00cluster_name" (global.get $OUT) (global.get $SIZE))) (call $v "cluster")
            (call $r "port" (call $proxy_get_property "upstream\00port" (global.get $OUT) (global.get $SIZE))) (call $n "port" (i32.load (i32.load (global.get $OUT))))
            """;
        await using var tcp = await StartAsync(new WatGuest()
            .On("new_connection",
                """(call $r "before" (call $proxy_get_property "upstream\00address" (global.get $OUT) (global.get $SIZE)))""")
                    .On("upstream_data", Read));
        await using var client = await tcp.Proxy.ConnectAsync();
        await client.SendAsync("a");
        using var upstream = await tcp.Upstream.AcceptSocketAsync();
        await upstream.SendAsync("b"u8.ToArray());
        Assert.Equal("b", await client.ReadTextAsync(1));

        int port = ((System.Net.IPEndPoint)tcp.Upstream.LocalEndpoint).Port;
        Assert.Equal(["before: 1", "address: 0", $"address = 127.0.0.1:{port}", "cluster: 0", "cluster = up", "port: 0", $"port: {port}"],
            tcp.Said.Take(7));
    }

    [Fact]
    public async Task Callbacks_FollowTheConnection()
    {
        await using var tcp = await StartAsync(new WatGuest()
            .On("context_create", """(call $n "create" (local.get $ctx))""").On("new_connection", """(call $n "new" (local.get $ctx))""")
            .On("downstream_data", """(call $n "down" (local.get $a)) (call $n " end" (local.get $b))""")
                .On("upstream_data", """(call $n "up" (local.get $a)) (call $n " end" (local.get $b))""")
            .On("downstream_connection_close", """(call $n "down close" (local.get $a))""")
                .On("upstream_connection_close", """(call $n "up close" (local.get $a))""")
            .On("done", """(call $say "done")""").On("log", """(call $say "log")""").On("delete", """(call $say "delete")"""));
        await using var client = await tcp.Proxy.ConnectAsync();
        await client.SendAsync("hello");
        using var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
        Assert.Equal("hello", await ReadAsync(server, 5));
        await server.SendAsync("you"u8.ToArray());
        Assert.Equal("you", await client.ReadTextAsync(3));
        client.EndSending();
        Assert.Equal("", await ReadAsync(server, 1));
        server.Close();
        Assert.True(await client.EndsAsync());
        await Eventually.Async(() => tcp.Said.Contains("delete"), string.Join("\n", tcp.Proxy.Log.Lines));

        Assert.Equal(["create: 1", "create: 1", "create: 2", "new: 2", "down: 5", " end: 0", "up: 3", " end: 0", "down: 0", " end: 1",
            "up: 0", " end: 1", "up close: 0", "down close: 1", "done", "log", "delete"], tcp.Said);
    }

    [Fact]
    public async Task Bytes_CanBeChangedBothWays()
    {
        await using var tcp = await StartAsync(new WatGuest()
            .On("downstream_data",
                """(if (local.get $a) (then (drop (call $proxy_set_buffer_bytes (i32.const 2) (i32.const 0) (i32.const 0) ">"))))""")
            .On("upstream_data",
                """(if (local.get $a) (then (drop (call $proxy_set_buffer_bytes (i32.const 3) (i32.const 0) (i32.const """
                    + """-1) "replaced"))))"""));
        await using var client = await tcp.Proxy.ConnectAsync();
        await client.SendAsync("hello");
        using var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
        Assert.Equal(">hello", await ReadAsync(server, 6));
        await server.SendAsync("you"u8.ToArray());
        Assert.Equal("replaced", await client.ReadTextAsync(8));
    }

    [Fact]
    public async Task StoppedBytes_ArePiledUp_UntilTheGuestLetsThemGo()
    {
        await using var tcp = await StartAsync(new WatGuest()
            .On("downstream_data",
                $"""(call $n "size" (local.get $a)) (if (i32.lt_u (local.get $a) (i32.const 6)) (then (return (i32.const 1)))) {Get}""")
            .On("upstream_data", """(if (i32.lt_u (local.get $a) (i32.const 4)) (then (return (i32.const 1))))"""));
        await using var client = await tcp.Proxy.ConnectAsync();
        await client.SendAsync("abc");
        await Eventually.Async(() => tcp.Said.Contains("size: 3"), "first");
        await client.SendAsync("def");
        using var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
        Assert.Equal("abcdef", await ReadAsync(server, 6));
        Assert.Equal(["size: 3", "size: 6", "down = abcdef"], tcp.Said);
        await server.SendAsync("12"u8.ToArray());
        await tcp.Proxy.PassAsync(50);
        Assert.Equal(0, client.Socket.Available);
        await server.SendAsync("34"u8.ToArray());
        Assert.Equal("1234", await client.ReadTextAsync(4));
    }

    [Theory]
    [InlineData("new_connection", 2)]
    [InlineData("downstream_data", 2)]
    [InlineData("upstream_data", 3)]
    public async Task Pause_EndsWithContinueStream(string callback, int stream)
    {
        await using var tcp = await StartAsync(new WatGuest().With("(global $who (mut i32) (i32.const 0))")
            .On("configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 40)))")
            .On(callback,
                """(if (global.get $who) (then (return (i32.const 0)))) (global.set $who (local.get $ctx)) (call $say "pause") """
                    + """(return (i32.const 1))""")
            .On("tick", $"""(if (global.get $who) (then (drop (call $proxy_set_effective_context (global.get $who))) (call """
                + $"""$r "continue" (call $proxy_continue_stream (i32.const {stream}))) (drop (call """
                    + $"""$proxy_set_tick_period_milliseconds (i32.const 0)))))"""));
        await using var client = await tcp.Proxy.ConnectAsync();
        if (callback != "new_connection") await client.SendAsync("hello");
        else await Eventually.Async(() => tcp.Said.Contains("continue: 0"), "continue");
        await client.SendAsync(callback == "new_connection" ? "hello" : "");
        using var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
        Assert.Equal("hello", await ReadAsync(server, 5));
        await server.SendAsync("you"u8.ToArray());
        Assert.Equal("you", await client.ReadTextAsync(3));
        Assert.Equal(["pause", "continue: 0"], tcp.Said);
    }

    [Fact]
    public async Task PausedConnection_BeginsWithTheFirstBytes()
    {
        await using var tcp = await StartAsync(new WatGuest().On("new_connection", "(return (i32.const 1))").On("downstream_data", Get));
        await using var client = await tcp.Proxy.ConnectAsync();
        await tcp.Proxy.PassAsync(50);
        Assert.False(tcp.Upstream.Pending());
        await client.SendAsync("now");
        using var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
        Assert.Equal("now", await ReadAsync(server, 3));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task CloseStream_ClosesTheConnection(int stream)
    {
        await using var tcp = await StartAsync(new WatGuest()
            .On("downstream_data",
                $"""(call $r "http" (call $proxy_close_stream (i32.const 0))) (call $r "close" (call $proxy_close_stream (i32.const """
                    + $"""{stream})))""")
            .On("downstream_connection_close", """(call $n "closed" (local.get $a))"""));
        await using var client = await tcp.Proxy.ConnectAsync();
        await client.SendAsync("hello");
        Assert.True(await client.EndsAsync());
        await Eventually.Async(() => tcp.Said.Count == 3, "all said");
        Assert.Equal(["http: 2", "close: 0", "closed: 1"], tcp.Said);
        await Eventually.Async(() => tcp.Proxy.Stat("tcp.raw.downstream_cx_active") == 0, "the connection is over");
    }

    [Fact]
    public async Task ClientsReset_IsARemoteClose()
    {
        await using var tcp = await StartAsync(new WatGuest().On("downstream_connection_close", """(call $n "closed" (local.get $a))"""));
        var client = await tcp.Proxy.ConnectAsync();
        await client.SendAsync("hello");
        using var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await ReadAsync(server, 5);
        client.Reset();
        await Eventually.Async(() => tcp.Said.Count == 1, "closed");
        Assert.Equal(["closed: 2"], tcp.Said);
    }

    [Theory]
    [InlineData("context_create", "", true)]
    [InlineData("new_connection", "", true)]
    [InlineData("downstream_data", "", true)]
    [InlineData("context_create", ", failure_policy: FAIL_OPEN", false)]
    [InlineData("new_connection", ", failure_policy: FAIL_OPEN", false)]
    [InlineData("downstream_data", ", failure_policy: FAIL_OPEN", false)]
    public async Task Trap_ClosesTheConnection_OrLetsItGoOn(string callback, string policy, bool closes)
    {
        await using var tcp = await StartAsync(new WatGuest()
            .On(callback, """(if (i32.ne (local.get $ctx) (i32.const 1)) (then unreachable))"""), policy);
        await using var client = await tcp.Proxy.ConnectAsync();
        await client.SendAsync("hello");
        if (closes) Assert.True(await client.EndsAsync());
        else
        {
            using var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
            Assert.Equal("hello", await ReadAsync(server, 5));
        }
        await Eventually.Async(() => tcp.Proxy.Server.GuestVms()[0].Errors == 1, "counted");
    }

    [Fact]
    public async Task Properties_AreThoseOfTheConnection()
    {
        await using var tcp = await StartAsync(new WatGuest().On("new_connection", """
            (call $r "source" (call $proxy_get_property "source\00address" (global.get $OUT) (global.get $SIZE))) (call $v "source")
            (call $r "chain" (call $proxy_get_property "xds.filter_chain_name" (global.get $OUT) (global.get $SIZE))) (call $v "chain")
            (call $r "request" (call $proxy_get_property "request.path" (global.get $OUT) (global.get $SIZE)))
            (call $r "map" (call $proxy_get_header_map_size (i32.const 0) (global.get $OUT)))
            (call $r "reply" (call $proxy_send_local_response (i32.const 200) "" "" "" (i32.const -1)))
            """));
        await using var client = await tcp.Proxy.ConnectAsync();
        await Eventually.Async(() => tcp.Said.Count == 7, "all said");
        Assert.Equal(["source: 0", $"source = 127.0.0.1:{client.LocalPort}", "chain: 0", "chain = main", "request: 1", "map: 2",
            "reply: 2"], tcp.Said);
    }

    [Fact]
    public async Task HttpBehindAFilter_WorksAsEver()
    {
        await using var upstream = RecordingUpstream.Start();
        string document = WasmProxy.Document("", upstream.Port).Replace("http_filters: [, ", "http_filters: [", StringComparison.Ordinal)
            .Replace("    filters:\n", "    filters:\n    - "
                + WasmProxy.Filter(new WatGuest().On("downstream_data", """(call $n "bytes" (i32.gt_s (local.get $a) (i32.const 0)))""")
                    .Build()).Replace("filters.http.wasm", "filters.network.wasm", StringComparison.Ordinal) + "\n",
                        StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(document);
        await using var client = await proxy.ConnectAsync();
        for (int i = 0; i < 3; i++)
            Assert.Equal(200, (await client.AskAsync($"POST /{i} HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody")).Status);
        Assert.Equal(3, upstream.Requests.Count);
        Assert.All(upstream.Requests, r => Assert.Equal("body", r.Text));
    }

    [Fact]
    public async Task LargeTransfer_IsHeldBackByASlowReader()
    {
        await using var tcp = await StartAsync(new WatGuest().On("downstream_data", "").On("upstream_data", ""));
        await using var client = await tcp.Proxy.ConnectAsync();
        byte[] bytes = new byte[8 << 20];
        Random.Shared.NextBytes(bytes);
        var sending = client.SendAsync(bytes);
        using var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await tcp.Proxy.PassAsync(200);
        byte[] got = new byte[bytes.Length];
        int length = 0;
        while (length < got.Length) length += await server.ReceiveAsync(got.AsMemory(length), TestContext.Current.CancellationToken);
        await sending;
        Assert.True(bytes.AsSpan().SequenceEqual(got));
    }

    [Theory]
    [InlineData("[{name: wasm, typed_config: {config: {vm_config: {code: {local: {inline_string: x}}}}}}]",
        "'wasm' cannot be the last filter of a chain")]
    [InlineData("[{name: echo}, {name: tcp_proxy, typed_config: {stat_prefix: s, cluster: up}}]",
        "'echo' ends the chain: no filter may follow it")]
    public async Task ChainThatDoesNotEndRight_IsRefused(string filters, string reason)
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        var result = await proxy.TryPublishAsync(
            $$"""{clusters: [{name: up, endpoints: ["127.0.0.1:1"]}], listeners: [{name: a, address: "127.0.0.1:0", filter_chains: """
                + $$"""[{name: c, filters: {{filters}} }] }] }""");
        Assert.Contains(reason, string.Join("\n", result.Errors), StringComparison.Ordinal);
    }
}
