using Managed.TestKit.Wasm;

namespace Managed.Load.Guests;

/// <summary>Modules that take what they can get, each in its way. A request to any of them is all it takes.</summary>
internal static class HostileGuests
{
    private const string Loop = "(loop $l (br $l))";
    private const string Reply = """(drop (call $proxy_send_local_response (i32.const 418) "" "no" "" (i32.const -1)))""";
    private const string CallBack = """(drop (call $proxy_call_foreign_function "managed.call_back" "" (i32.const 0) (i32.const 0)))""";
    private const string Enqueue = """(drop (call $proxy_enqueue_shared_queue (i32.load (i32.const 8)) "m"))""";

    private const string Grow = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))";
    private const string Touch = """
        (local.set $x (i32.const 131072)) (loop $t (i32.store (local.get $x) (i32.const 1)) (local.set $x (i32.add (local.get $x) (i32.const 4096)))
          (br_if $t (i32.lt_u (local.get $x) (i32.mul (memory.size) (i32.const 65536)))))
        """;

    /// <summary>Not run unless named.</summary>
    public const string Unstoppable = "memory-fill";

    private static readonly string Call =
        $"""(drop (call $proxy_http_call "web" {WatGuest.Pairs((":method", "GET"), (":path", "/call"), (":authority", "x"))}"""
            + $""" "" "" (i32.const 5000) (global.get $NUM)))""";

    public static IReadOnlyList<(string Kind, byte[] Module)> All() =>
    [
        .. ((string[])["context_create", "request_headers", "response_headers", "response_body", "done", "log", "delete"])
            .Select(callback => ($"loop-{callback.Replace('_', '-')}",
            new WatGuest().On(callback, callback == "context_create" ? $"(if (local.get $a) (then {Loop}))"
                : $"(if (i32.ne (local.get $ctx) (i32.const 1)) (then {Loop}))").Build())),
        ("loop-tick", Armed("tick", Loop, "(drop (call $proxy_set_tick_period_milliseconds (i32.const 1)))").Build()),
        ("loop-callback", Armed("foreign_function", Loop, CallBack).Build()),
        ("loop-call-response", Armed("http_call_response", Loop, Call).Build()),
        ("trap", new WatGuest().On("request_headers", "unreachable").Build()),
        ("deep", new WatGuest().On("request_headers", "(call $deep)").With("(func $deep (call $deep) (call $deep))").Build()),
        ("memory", new WatGuest().On("request_headers", Grow + Touch).Build()),
        ("memory-trap", new WatGuest().On("request_headers", "(drop (memory.grow (i32.const 100)))" + Touch + "unreachable").Build()),
        // One instruction, which the engine cannot stop: what it takes is up to the system, from 30 ms on a machine of one's own to seconds
        // on a guest of a busy one.
        ("memory-fill", new WatGuest().On("request_headers",
            Grow + "(memory.fill (i32.const 131072) (i32.const 1) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 131072)))")
                .Build()),
        ("keys", new WatGuest().With("(global $n (mut i32) (i32.const 0))").On("request_headers", """
            (local.set $x (i32.const 0))
            (loop $l (i32.store (i32.const 2048) (i32.rem_u (global.get $n) (i32.const 100000))) (global.set $n (i32.add (global.get $n) (i32.const 1)))
              (drop (call $proxy_set_shared_data (i32.const 2048) (i32.const 4) (i32.const 2048) (i32.const 100) (i32.const 0)))
              (local.set $x (i32.add (local.get $x) (i32.const 1))) (br_if $l (i32.lt_u (local.get $x) (i32.const 100))))
            """).Build()),
        ("metrics", new WatGuest().With("(global $n (mut i32) (i32.const 0))").On("request_headers", """
            (local.set $x (i32.const 0))
            (loop $l (i32.store (i32.const 2048) (i32.or (i32.and (i32.mul (global.get $n) (i32.const 2654435761)) (i32.const 0x0f0f0f0f)) (i32.const 0x40404040))) (global.set $n (i32.add (global.get $n) (i32.const 1)))
              (drop (call $proxy_define_metric (i32.const 0) (i32.const 2048) (i32.const 4) (global.get $NUM))) (drop (call $proxy_increment_metric (i32.load (global.get $NUM)) (i64.const 1)))
              (local.set $x (i32.add (local.get $x) (i32.const 1))) (br_if $l (i32.lt_u (local.get $x) (i32.const 100))))
            """).Build()),
        ("tick-long", Armed("tick", """
            (drop (call $proxy_get_current_time_nanoseconds (i32.const 64)))
            (loop $l (drop (call $proxy_get_current_time_nanoseconds (i32.const 72))) (br_if $l (i64.lt_u (i64.sub (i64.load (i32.const 72)) (i64.load (i32.const 64))) (i64.const 15000000))))
            """, "(drop (call $proxy_set_tick_period_milliseconds (i32.const 1)))").Build()),
        ("dispatch", Armed("http_call_response", Call + Call, Call).Build()),
        ("dispatch-held", Armed("http_call_response", Call + Call, Call + "(return (i32.const 1))").Build()),
        ("call-back", Armed("foreign_function", CallBack + CallBack, CallBack).Build()),
        ("queue", new WatGuest().On("configure", """(drop (call $proxy_register_shared_queue "q" (i32.const 8)))""")
            .On("request_headers", Enqueue)
            .On("queue_ready", """(drop (call $proxy_dequeue_shared_queue (local.get $a) (global.get $OUT) (global.get $SIZE)))""" + Enqueue
                + Enqueue).Build()),
        ("reply-everywhere", new WatGuest().On("context_create", Reply).On("request_headers", Reply + Reply).On("response_headers", Reply)
            .On("response_body", Reply).On("done", Reply).On("log", Reply).On("delete", Reply)
            .On("configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 1)))").On("tick", Reply).Build()),
        ("log-flood", new WatGuest().On("request_headers", """
            (local.set $x (i32.const 0)) (loop $l (drop (call $proxy_log (i32.const 4) "a line that nobody wants to read, written over and over"))
              (local.set $x (i32.add (local.get $x) (i32.const 1))) (br_if $l (i32.lt_u (local.get $x) (i32.const 100000))))
            """).Build()),
        ("host-calls", new WatGuest().On("request_headers", """
            (local.set $x (i32.const 0)) (loop $l (drop (call $proxy_get_property "request\00path" (global.get $OUT) (global.get $SIZE)))
              (local.set $x (i32.add (local.get $x) (i32.const 1))) (br_if $l (i32.lt_u (local.get $x) (i32.const 100000))))
            """).Build()),
    ];

    // Begins with the first request, so that the module can be published.
    private static WatGuest Armed(string callback, string act, string trigger)
        => new WatGuest().On("request_headers", trigger).On(callback, act);
}
