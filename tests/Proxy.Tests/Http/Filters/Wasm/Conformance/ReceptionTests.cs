using Managed.Proxy.Bindings.Wasm;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>
/// Every callback that the host knows comes, in every version that has it. One that is added without its place here fails.
/// </summary>
public sealed class ReceptionTests
{
    // StartTests shows the first five, and that the allocator is called under both names.
    private static readonly string[] Starts = ["_initialize", "_start", "main", "__main_void", "malloc", "proxy_on_memory_allocate"];
    private static readonly string[] OfPlugins =
        ["vm_start", "configure", "tick", "queue_ready", "http_call_response", "foreign_function", "grpc_receive_initial_metadata",
            "grpc_receive", "grpc_receive_trailing_metadata", "grpc_close"];

    [Fact]
    public void EveryCallbackTheHostKnows_IsAwaitedSomewhere()
        => Assert.Empty(GuestExports.Names.Except(Starts).Select(n => n["proxy_on_".Length..]).Except(OfPlugins).Except(Lives.OfStreams)
            .Except(Lives.OfConnections));

    [Theory]
    [InlineData("0_1_0")]
    [InlineData("0_2_0")]
    [InlineData("0_2_1")]
    public async Task EveryCallback_OfPluginsAndStreams_IsReceived(string abi)
    {
        string[] callbacks = [.. OfPlugins, .. Lives.OfStreams];
        await using var server = await GrpcEcho.StartAsync();
        await using var upstream = RecordingUpstream.Start();
        upstream.Answer = _ => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\netag: 1\r\n\r\n";
        var guest = Lives.Guest(callbacks, abi, at: "request_headers", doing: $"""
            (drop (call $proxy_resolve_shared_queue "" "q" (global.get $NUM))) (drop (call $proxy_enqueue_shared_queue (i32.load (global.get $NUM)) "m"))
            (drop (call $proxy_http_call "up" {WatGuest.Pairs((":method", "GET"), (":path", "/"), (":authority", "a"))} "" "" (i32.const 1000) (global.get $NUM)))
            (drop (call $proxy_grpc_stream "grpc" "test.Echo" "Chat" "" (global.get $NUM))) (drop (call $proxy_grpc_send (i32.load (global.get $NUM)) "one" (i32.const 0))) (drop (call $proxy_grpc_close (i32.load (global.get $NUM))))
            {(abi == "0_1_0" ? "" : """(drop (call $proxy_call_foreign_function "managed.call_back" "x" (i32.const 0) (i32.const 0)))""")}
            """);
        guest.On("configure",
            """(call $n "configure" (local.get $ctx)) (drop (call $proxy_register_shared_queue "q" (global.get $NUM))) (drop (call """
                + """$proxy_set_tick_period_milliseconds (i32.const 10)))""");
        string document = WasmProxy.Document(WasmProxy.Filter(guest.Build()), upstream.Port)
            .Replace("- {name: up,", $"- {{name: grpc, endpoints: [\"127.0.0.1:{server.Port}\"]}}\n- {{name: up,",
                StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(document);
        await using var client = await proxy.ConnectAsync();
        Assert.Equal(200,
            (await client.AskAsync(
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n")).Status);

        string[] expected = [.. callbacks.Where(c => abi != "0_1_0" || c != "foreign_function")];
        HashSet<string> Received()
            => [.. proxy.Log.Lines.Where(l => l.StartsWith("inline: ", StringComparison.Ordinal)).Select(l => l.Split(": ")[1])];
        await Eventually.Async(() => expected.All(Received().Contains), "not received: " + string.Join(" ", expected.Except(Received())));
    }

    [Theory]
    [InlineData("0_1_0")]
    [InlineData("0_2_0")]
    [InlineData("0_2_1")]
    public async Task EveryCallback_OfConnections_IsReceived(string abi)
    {
        await using var tcp = await WasmTcp.StartAsync(Lives.Guest(Lives.OfConnections, abi).Build());
        var client = await tcp.Proxy.ConnectAsync();
        await client.SendAsync("hello");
        using (var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken))
        {
            await WasmTcp.ReadAsync(server, 5);
            await server.SendAsync("you"u8.ToArray());
            Assert.Equal("you", await client.ReadTextAsync(3));
        }
        await client.DisposeAsync();
        await Eventually.Async(() => Lives.OfConnections.All(c => tcp.Said.Any(s => s.StartsWith(c + ": ", StringComparison.Ordinal))),
            tcp.Log);
    }

    [Theory]
    [InlineData("request_headers", "0_1_0")]
    [InlineData("response_headers", "0_1_0")]
    [InlineData("request_headers", "0_2_1")] // the export's own form decides, whatever the version
    [InlineData("response_headers", "0_2_1")]
    public async Task HeadersCallback_OfTwoParameters_MayStopAsAnyOther(string callback, string abi)
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest(abi).WithTwoParameters(callback)
            .With("(global $who (mut i32) (i32.const 0))")
            .On("configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 10)))")
            .On(callback,
                """(call $n "fields" (i32.gt_s (local.get $a) (i32.const 0))) (global.set $who (local.get $ctx)) (return (i32.const 1))""")
            .On("tick", $"""(if (global.get $who) (then (drop (call $proxy_set_effective_context (global.get $who))) (call """
                + $"""$r "continue" (call ${(callback == "request_headers" ? "proxy_continue_request" : "proxy_continue_response")}"""
                    + $""")) (global.set $who (i32.const 0))))""").Build());
        Assert.Equal(200, (await proxy.PostAsync("abc")).Status);
        Assert.Equal(["fields: 1", "continue: 0"], proxy.Said);
    }
}
