using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>
/// Guests that answer, continue, close and change streams where they have no business to: of their own in any callback, and of others.
/// </summary>
public sealed class HostileStreamTests
{
    private static readonly string Pairs = WatGuest.Pairs(("x-a", "1"));

    // Each is tried in every callback, on its own stream and on one that waits.
    private static readonly string[] Acts =
    [
        """(drop (call $proxy_send_local_response (i32.const 418) "why" "no" "" (i32.const -1))) (drop (call """
            + """$proxy_send_local_response (i32.const 500) "" "again" "" (i32.const 3)))""",
        """(drop (call $proxy_continue_stream (i32.const 0))) (drop (call $proxy_continue_stream (i32.const 1))) (drop (call """
            + """$proxy_continue_stream (i32.const 2))) (drop (call $proxy_continue_stream (i32.const 3))) (drop (call """
                + """$proxy_continue_request)) (drop (call $proxy_continue_response)) (drop (call $proxy_done))""",
        """(drop (call $proxy_close_stream (i32.const 2))) (drop (call $proxy_close_stream (i32.const 3))) (drop (call """
            + """$proxy_close_stream (i32.const 0))) (drop (call $proxy_close_stream (i32.const 1)))""",
        $"""
        (local.set $y (i32.const 0)) (loop $m
          (drop (call $proxy_set_header_map_pairs (local.get $y) {Pairs})) (drop (call $proxy_add_header_map_value (local.get $y) "x-b" "2")) (drop (call $proxy_remove_header_map_value (local.get $y) ":path")) (drop (call $proxy_set_buffer_bytes (local.get $y) (i32.const 0) (i32.const 9) "replaced"))
          (local.set $y (i32.add (local.get $y) (i32.const 1))) (br_if $m (i32.lt_u (local.get $y) (i32.const 9))))
        """,
        $"""(drop (call $proxy_http_call "up" {WatGuest.Pairs((":method", "GET"), (":path", "/call"), (":authority", "up"))}"""
            + $""" "" "" (i32.const 1000) (global.get $NUM))) (drop (call $proxy_set_tick_period_milliseconds (i32.const 1))) (drop """
                + $"""(call $proxy_clear_route_cache))""",
    ];

    private static readonly string[] Callbacks =
        ["context_create", "request_headers", "request_body", "request_trailers", "response_headers", "response_body", "response_trailers",
            "done", "log", "delete", "tick", "queue_ready", "foreign_function", "http_call_response", "grpc_close"];

    public static TheoryData<string, int> Cases()
    {
        var cases = new TheoryData<string, int>();
        foreach (string callback in Callbacks)
            for (int i = 0; i < Acts.Length; i++) cases.Add(callback, i);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task AnyAct_InAnyCallback_OnItsOwnStreamAndOnOthers_HarmsNobodyElse(string callback, int act)
    {
        // The request for /wait is held and becomes the victim; every other triggers what calls the callback.
        string triggers = $"""
            (drop (call $proxy_get_header_map_value (i32.const 0) ":path" (global.get $OUT) (global.get $SIZE)))
            (if (i32.eq (i32.load8_u (i32.add (i32.load (global.get $OUT)) (i32.const 1))) (i32.const 119)) (then (global.set $victim (local.get $ctx)) (call $say "held") (return (i32.const 1))))
            (drop (call $proxy_enqueue_shared_queue (global.get $queue) "m"))
            (drop (call $proxy_call_foreign_function "managed.call_back" "" (i32.const 0) (i32.const 0)))
            (drop (call $proxy_http_call "up" {WatGuest.Pairs((":method", "GET"), (":path", "/call"), (":authority", "up"))} "" "" (i32.const 1000) (global.get $NUM)))
            (drop (call $proxy_grpc_call "grpc" "s" "m" "" "" (i32.const 1000) (global.get $NUM)))
            (drop (call $proxy_set_tick_period_milliseconds (i32.const 5)))
            """;
        string both =
            $"(if (global.get $victim) (then (global.set $count (i32.add (global.get $count) (i32.const 1))) {Acts[act]} (drop (call "
                + $"$proxy_set_effective_context (global.get $victim))) {Acts[act]} (drop (call $proxy_set_effective_context (i32.const "
                    + $"1))) {Acts[act]} (if (i32.lt_u (global.get $count) (i32.const 3)) (then (call $say \"acted\")))))";
        var guest = new WatGuest()
            .With("(global $victim (mut i32) (i32.const 0)) (global $queue (mut i32) (i32.const 0)) (global $count (mut i32) (i32.const "
                + "0))")
            .On("configure",
                """(drop (call $proxy_register_shared_queue "q" (global.get $NUM))) (global.set $queue (i32.load (global.get $NUM)))""");
        if (callback != "request_headers") guest.On(callback, both);
        guest.On("request_headers", triggers + (callback == "request_headers" ? both : ""));
        await using var proxy = await HostileProxy.StartAsync(guest.Build());
        proxy.Upstream.Answer = r => r.Target == "/call" ? null
            : "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\netag: 1\r\n\r\n";
        await using var victim = await proxy.Proxy.ConnectAsync();
        await victim.SendAsync("GET /wait HTTP/1.1\r\nhost: h\r\n\r\n");
        await Eventually.Async(() => Said(proxy, "held"), proxy.Log);

        for (int i = 0; i < 3; i++) Assert.InRange(await proxy.PostAsync("/act"), 0, 599);

        await Eventually.Async(() => Said(proxy, "acted"), $"{callback} is called: {proxy.Log}");
        await proxy.OthersAreServedAsync();
        Assert.Equal(0, proxy.Vm.Errors);
        if (act == 0) Assert.Equal(418, (await victim.ReadAsync()).Status);
        if (act == 1) Assert.Equal(200, (await victim.ReadAsync()).Status);
        if (act == 2) Assert.True(await victim.EndsAsync());
        Assert.Equal(200, (await proxy.Proxy.GetAsync(listener: "plain")).Status);
    }

    private static bool Said(HostileProxy proxy, string words)
        => proxy.Proxy.Log.Lines.Any(l => l.StartsWith("bad: " + words, StringComparison.Ordinal));

    [Fact]
    public async Task LargeAndManyHeaders_AreRefusedBeforeTheyHarm()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().On("response_headers", """
            (local.set $x (i32.const 0))
            (loop $l (drop (call $proxy_add_header_map_value (i32.const 2) "server" "s")) (local.set $x (i32.add (local.get $x) (i32.const 1))) (br_if $l (i32.lt_u (local.get $x) (i32.const 50000))))
            (call $n "one more" (call $proxy_add_header_map_value (i32.const 2) "x-more" "1"))
            """).Build(), ", limits: {cpu_per_call: 5s}");
        await using var client = await proxy.Proxy.ConnectAsync();
        await client.GetAsync();
        var response = await client.ReadAsync();
        Assert.Equal(200, response.Status);
        Assert.True(Said(proxy, "one more: 10"), proxy.Log);
        await proxy.OthersAreServedAsync();
    }

    [Fact]
    public async Task PairsThatAreSetOverAndOver_AreStillRight()
    {
        // What was there before leaves holes in the map, which must not fill it up.
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().On("response_headers", $"""
            (local.set $x (i32.const 0))
            (loop $l (drop (call $proxy_set_header_map_pairs (i32.const 2) {WatGuest.Pairs([.. Enumerable.Range(0, 50).Select(i => ($"x-{i}", "value"))])})) (local.set $x (i32.add (local.get $x) (i32.const 1))) (br_if $l (i32.lt_u (local.get $x) (i32.const 2000))))
            (call $n "one more" (call $proxy_add_header_map_value (i32.const 2) "x-more" "1"))
            """).Build(), ", limits: {cpu_per_call: 5s}");
        var response = await proxy.GetAsync();
        Assert.Equal((200, "value", "value", "1"), (response.Status, response["x-0"], response["x-49"], response["x-more"]));
        Assert.True(Said(proxy, "one more: 0"), proxy.Log);
    }
}
