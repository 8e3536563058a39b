using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Streams that wait, go on, are answered and cut.</summary>
public sealed class StreamTests
{
    // Pauses in $callback; a tick continues $stream of that context.
    private static WatGuest Paused(string callback, int action, int stream) => new WatGuest()
        .With("(global $who (mut i32) (i32.const 0))")
        .On("configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 30)))")
        .On(callback,
            $"""(if (global.get $who) (then (return (i32.const 0)))) (global.set $who (local.get $ctx)) (call $say "pause") (return """
                + $"""(i32.const {action}))""")
        .On("tick", $"""(if (global.get $who) (then (drop (call $proxy_set_effective_context (global.get $who))) (call $r "continue" """
            + $"""(call $proxy_continue_stream (i32.const {stream}))) (drop (call $proxy_set_tick_period_milliseconds (i32.const 0)))))""");

    [Theory]
    [InlineData("request_headers", 1, 0)]
    [InlineData("request_headers", 4, 0)]
    [InlineData("request_headers", -1, 0)]
    [InlineData("request_body", 1, 0)]
    [InlineData("request_body", 2, 0)]
    [InlineData("request_trailers", 1, 0)]
    [InlineData("response_headers", 1, 1)]
    [InlineData("response_body", 1, 1)]
    [InlineData("response_body", 7, 1)]
    [InlineData("response_trailers", 1, 1)]
    public async Task Pause_LastsUntilTheStreamIsContinued(string callback, int action, int stream)
    {
        await using var proxy = await WasmProxy.StartAsync(Paused(callback, action, stream).Build());
        proxy.Upstream.Answer = r => r.Text == "abc"
            ? "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\netag: 1\r\n\r\n"
            : "HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n";

        var response =
            await proxy.AskAsync("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\netag: 2\r\n\r\n");

        Assert.Equal("hello", response.Text);
        Assert.Equal(["pause", "continue: 0"], proxy.Said);
    }

    [Theory]
    [InlineData("response_headers")]
    [InlineData("response_body")]
    public async Task AnswersFromTheHooksOfBothDirections_AreTheFirst(string second)
    {
        const string Answer =
            """(drop (call $proxy_send_local_response (i32.const STATUS) "" "TEXT" "" (i32.const -1))) (return (i32.const 1))""";
        string Of(int status, string text) => Answer.Replace("STATUS", $"{status}", StringComparison.Ordinal)
            .Replace("TEXT", text, StringComparison.Ordinal);
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("request_headers", Of(418, "first"))
            .On(second, Of(500, "second")).Build());

        var response = await proxy.AskAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");

        Assert.Equal((418, "first"), (response.Status, response.Text));
    }

    [Fact]
    public async Task Continue_WithinTheCallbackThatPauses_GoesOn()
    {
        Assert.Equal(["continue: 0"], await new WatGuest()
            .On("request_headers", """(call $r "continue" (call $proxy_continue_stream (i32.const 0))) (return (i32.const 1))""")
                .SaysAsync());
        Assert.Equal(["continue: 0"], await new WatGuest("0_1_0")
            .On("request_headers", """(call $r "continue" (call $proxy_continue_request)) (return (i32.const 1))""").SaysAsync());
        Assert.Equal(["continue: 0"], await new WatGuest("0_1_0")
            .On("response_headers", """(call $r "continue" (call $proxy_continue_response)) (return (i32.const 1))""").SaysAsync());
    }

    [Fact]
    public async Task Continue_WithNothingPaused_IsNothing()
        => Assert.Equal(["request: 0", "response: 0", "tcp: 2", "unknown: 2"], await Guests.OnRequestSaysAsync("""
            (call $r "request" (call $proxy_continue_stream (i32.const 0)))
            (call $r "response" (call $proxy_continue_stream (i32.const 1)))
            (call $r "tcp" (call $proxy_continue_stream (i32.const 2)))
            (call $r "unknown" (call $proxy_continue_stream (i32.const 9)))
            """));

    [Fact]
    public async Task HeadersCallback_MayStopItsHeadersAlone_WhenAllowed()
    {
        var guest = new WatGuest().On("request_headers", "(return (i32.const 1))")
            .On("request_body", """(call $n "body" (local.get $a))""");
        await using var proxy = await WasmProxy.StartAsync(guest.Build(), ", allow_on_headers_stop_iteration: true");

        Assert.Equal(200, (await proxy.PostAsync("abc")).Status);
        Assert.Equal(["body: 3"], proxy.Said);
    }

    [Theory]
    [InlineData("request_headers")]
    [InlineData("request_body")]
    [InlineData("request_trailers")]
    [InlineData("response_headers")]
    public async Task LocalResponse_AnswersAndWhatTheCallbackReturnsDoesNotMatter(string callback)
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On(callback, $"""
            (call $r "reply" (call $proxy_send_local_response (i32.const 418) "why" "no tea" {WatGuest.Pairs(("X-Pot", "1"), (":status", "200"), ("x-pot", "2"))} (i32.const -1)))
            (call $r "again" (call $proxy_send_local_response (i32.const 500) "" "" "" (i32.const -1)))
            """).Build());

        var response =
            await proxy.AskAsync("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\netag: 2\r\n\r\n");

        Assert.Equal((418, "no tea", "1,2"), (response.Status, response.Text, response["x-pot"]));
        Assert.Equal(["reply: 0", "again: 0"], proxy.Said);
        if (callback == "request_headers") Assert.Empty(proxy.Upstream.Requests);
    }

    [Fact]
    public async Task LocalResponse_PassesTheResponseCallbacksOfTheSameGuest()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("request_headers", """(drop (call $proxy_send_local_response (i32.const 403) "" "no" "" (i32.const -1)))""")
            .On("response_headers", """(drop (call $proxy_add_header_map_value (i32.const 2) "powered-by" "wasm"))""").Build());

        var response = await proxy.GetAsync();

        Assert.Equal((403, "wasm"), (response.Status, response["powered-by"]));
    }

    [Fact]
    public async Task LocalResponse_ToAGrpcRequest_IsTrailersOnly()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("request_headers", """(drop (call $proxy_send_local_response (i32.const 403) "" "not you" "" (i32.const 7)))""").Build());

        var response = await proxy.GetAsync(headers: "content-type: application/grpc\r\n");

        Assert.Equal((200, "7", "not%20you", "application/grpc", ""),
            (response.Status, response["grpc-status"], response["grpc-message"], response["content-type"], response.Text));
    }

    [Fact]
    public async Task LocalResponse_WithWrongArguments_IsRefused()
        => Assert.Equal(["status: 2", "large: 2", "pairs: 2", "memory: 6"], await Guests.OnRequestSaysAsync("""
            (call $r "status" (call $proxy_send_local_response (i32.const 99) "" "" "" (i32.const -1)))
            (call $r "large" (call $proxy_send_local_response (i32.const 1000) "" "" "" (i32.const -1)))
            (call $r "pairs" (call $proxy_send_local_response (i32.const 200) "" "" "zzzzz" (i32.const -1)))
            (call $r "memory" (call $proxy_send_local_response (i32.const 200) "" (i32.const -16) (i32.const 32) "" (i32.const -1)))
            """));

    [Fact]
    public async Task LocalResponse_FromATick_AnswersAPausedStream()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().With("(global $who (mut i32) (i32.const 0))")
            .On("configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 20)))")
            .On("request_headers", "(global.set $who (local.get $ctx)) (return (i32.const 1))")
            .On("tick", """(if (global.get $who) (then (call $r "effective" (call $proxy_set_effective_context (global.get $who))) """
                + """(drop (call $proxy_send_local_response (i32.const 299) "" "late" "" (i32.const -1))) (global.set $who (i32.const """
                    + """0))))""").Build());

        Assert.Equal((299, "late"), await proxy.GetAsync() is var r ? (r.Status, r.Text) : default);
    }

    [Fact]
    public async Task CloseStream_CutsTheConnection()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("request_headers",
                """(call $r "tcp" (call $proxy_close_stream (i32.const 2))) (call $r "close" (call $proxy_close_stream (i32.const 0)))""")
                    .Build());
        await using var client = await proxy.Proxy.ConnectAsync();
        await client.GetAsync();

        Assert.Empty(await client.ReadToEndAsync());
        Assert.Equal(["tcp: 2", "close: 0"], proxy.Said);
    }

    [Fact]
    public async Task EffectiveContext_LastsForTheCallback()
        => Assert.Equal(["unknown: 2", "root: 0", "map: 2", "own map: 0"], await new WatGuest()
            .On("request_headers", """
                (call $r "unknown" (call $proxy_set_effective_context (i32.const 77)))
                (call $r "root" (call $proxy_set_effective_context (i32.const 1)))
                (call $r "map" (call $proxy_get_header_map_size (i32.const 0) (global.get $OUT)))
                """)
            .On("response_headers", """(call $r "own map" (call $proxy_get_header_map_size (i32.const 0) (global.get $OUT)))""")
                .SaysAsync());

    [Fact]
    public async Task ClientThatGoes_EndsItsContext()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("request_headers", """(call $say "paused") (return (i32.const 1))""").On("log", """(call $say "log")""")
                .On("delete", """(call $say "deleted")""").Build());
        var client = await proxy.Proxy.ConnectAsync();
        await client.GetAsync();
        await Eventually.Async(() => proxy.Said.Contains("paused"), proxy.Log);
        client.Reset();
        await Eventually.Async(() => proxy.Said.Contains("deleted"), proxy.Log);
        Assert.Equal(["paused", "log", "deleted"], proxy.Said);
    }
}
