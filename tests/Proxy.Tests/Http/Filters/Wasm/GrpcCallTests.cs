using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>gRPC calls of guests against a server that speaks HTTP/2.</summary>
[Collection("heap")] // a flood of messages is in it for a while
public sealed class GrpcCallTests
{
    private const string Read =
        """(drop (call $proxy_get_buffer_bytes (i32.const 5) (i32.const 0) (i32.const 100) (global.get $OUT) (global.get $SIZE)))""";

    private static WatGuest Guest(string onStart) => new WatGuest().With("(global $id (mut i32) (i32.const 0))")
        .On("request_headers", onStart + """(global.set $id (i32.load (global.get $NUM)))""")
        .On("grpc_receive_initial_metadata",
            """(call $n "initial" (i32.gt_s (local.get $b) (i32.const 0))) (drop (call $proxy_get_header_map_value (i32.const """
                + """4) "x-initial" (global.get $OUT) (global.get $SIZE))) (call $v "x-initial")""")
        .On("grpc_receive",
            $"""(call $n "message" (local.get $b)) {Read} (call $v "text") (call $r "same id" (i32.eq (local.get $a) (global.get $id)))""")
        .On("grpc_receive_trailing_metadata",
            """(drop (call $proxy_get_header_map_value (i32.const 5) "x-last" (global.get $OUT) (global.get $SIZE))) (call $v "x-last")""")
        .On("grpc_close",
            """(call $n "close" (local.get $b)) (drop (call $proxy_get_status (global.get $NUM) (global.get $OUT) (global.get """
                + """$SIZE))) (call $v "why")""");

    private static async Task<IReadOnlyList<string>> SaysAsync(WatGuest guest, int count, GrpcEcho server)
    {
        string document = WasmProxy.Yaml(guest.Build(), 1)
            .Replace("- {name: up,", $"- {{name: grpc, endpoints: [\"127.0.0.1:{server.Port}\"]}}\n- {{name: up,",
                StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(document);
        await proxy.GetAsync("/other");
        IReadOnlyList<string> Said()
            => [.. proxy.Log.Lines.Where(l => l.Contains(" (vm '", StringComparison.Ordinal))
                .Select(l => l[(l.IndexOf(": ", StringComparison.Ordinal) + 2)..l.LastIndexOf(" (vm '", StringComparison.Ordinal)])];
        try { await Eventually.Async(() => Said().Count >= count, ""); }
        catch (TimeoutException) { }
        return Said();
    }

    private static string Call(string method, int timeout = 2000, string upstream = "grpc") =>
        $"""(call $r "call" (call $proxy_grpc_call "{upstream}" "test.Echo" "{method}" {WatGuest.Pairs(("x-who", "guest"))} "hello" """
            + $"""(i32.const {timeout}) (global.get $NUM)))""";

    [Theory]
    [InlineData("grpc")]
    [InlineData("\\0a\\06\\0a\\04grpc")] // Envoy's GrpcService message
    public async Task UnaryCall_EndsInOneMessage(string upstream)
    {
        await using var server = await GrpcEcho.StartAsync();
        Assert.Equal(["call: 0", "message: 10", "text = echo hello", "same id: 1"],
            await SaysAsync(Guest(Call("Say", upstream: upstream)), 4, server));
        Assert.Equal(("guest", "trailers", "2000m"),
            (server.Seen!["x-who"].ToString(), server.Seen["te"].ToString(), server.Seen["grpc-timeout"].ToString()));
    }

    [Fact]
    public async Task FailedCall_EndsInAClose()
    {
        await using var server = await GrpcEcho.StartAsync();
        Assert.Equal(["call: 0", "close: 7", "why = not you"], await SaysAsync(Guest(Call("Fail")), 3, server));
        Assert.Equal(["call: 0", "close: 4", "why = deadline exceeded"], await SaysAsync(Guest(Call("Slow", timeout: 50)), 3, server));
        Assert.Equal(["call: 0", "close: 14"], (await SaysAsync(Guest(Call("Say", upstream: "up")), 3, server)).Take(2));
    }

    [Fact]
    public async Task Stream_SendsAndReceivesUntilItIsClosed()
    {
        await using var server = await GrpcEcho.StartAsync();
        var said = await SaysAsync(Guest("""
            (call $r "open" (call $proxy_grpc_stream "grpc" "test.Echo" "Chat" "" (global.get $NUM)))
            (call $r "send" (call $proxy_grpc_send (i32.load (global.get $NUM)) "one" (i32.const 0)))
            (call $r "send" (call $proxy_grpc_send (i32.load (global.get $NUM)) "three" (i32.const 0)))
            (call $r "close" (call $proxy_grpc_close (i32.load (global.get $NUM))))
            """), 14, server);
        Assert.Equal(["open: 0", "send: 0", "send: 0", "close: 0", "initial: 1", "x-initial = first", "message: 8", "text = echo one",
            "same id: 1", "message: 10", "text = echo three", "same id: 1", "x-last = late", "close: 0", "why = "], said);
    }

    [Fact]
    public async Task ServerThatSaysMoreThanTheGuestHears_IsHeldBack()
    {
        await using var server = await GrpcEcho.StartAsync();
        var guest = new WatGuest()
            .On("request_headers", """(drop (call $proxy_grpc_stream "grpc" "test.Echo" "Flood" "" (global.get $NUM)))""")
            .On("grpc_receive", $"(call $n \"message\" (local.get $b)) {Guests.Busy(1500)}");
        var said = await SaysAsync(guest, 6, server);

        // Beside what was heard: what waits here, and what the connection's window and the socket's buffers hold.
        Assert.InRange(said.Count(s => s == $"message: {GrpcEcho.FloodMessage}"), 6, GrpcEcho.FloodMessages / 2);
        Assert.InRange(server.Flooded, 6, GrpcEcho.FloodMessages / 2);
    }

    [Fact]
    public async Task CancelledCall_SaysNothingMore()
    {
        await using var server = await GrpcEcho.StartAsync();
        var said = await SaysAsync(Guest(Call("Slow")
            + """(call $r "cancel" (call $proxy_grpc_cancel (i32.load (global.get $NUM)))) (call $r "again" (call $proxy_grpc_cancel """
                + """(i32.load (global.get $NUM)))) (call $r "send" (call $proxy_grpc_send (i32.const 99) "x" (i32.const 1))) (call """
                    + """$r "close" (call $proxy_grpc_close (i32.const 99)))"""), 5, server);
        Assert.Equal(["call: 0", "cancel: 0", "again: 1", "send: 1", "close: 1"], said);
    }

    [Fact]
    public async Task WrongArguments_AreRefused()
    {
        await using var server = await GrpcEcho.StartAsync();
        Assert.Equal(["call: 4", "no service: 2", "timeout: 2", "no upstream: 4"],
            await SaysAsync(Guest(Call("Say", upstream: "nowhere") + """
            (call $r "no service" (call $proxy_grpc_stream "grpc" "" "Chat" "" (global.get $NUM)))
            (call $r "timeout" (call $proxy_grpc_call "grpc" "a" "b" "" "" (i32.const -1) (global.get $NUM)))
            (call $r "no upstream" (call $proxy_grpc_stream "" "a" "b" "" (global.get $NUM)))
            """), 4, server));
    }
}
