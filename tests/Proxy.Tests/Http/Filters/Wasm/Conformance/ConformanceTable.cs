using Managed.TestKit.Wasm;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>
/// The central table: every host function, called rightly and wrongly. A function without a row of each kind fails
/// <see cref="ConformanceTests.EveryHostFunction_HasRowsOfRightAndWrongUse"/>.
/// </summary>
internal static partial class ConformanceTable
{
    /// <summary>What cannot be a row, as it ends the call or belongs to the end of a plugin: the test that shows it.</summary>
    public static readonly IReadOnlyDictionary<string, string> Elsewhere = new Dictionary<string, string>
    {
        ["proxy_done"] = nameof(CallbackTests.Plugin_MayAskForTimeAtItsEnd),
        ["proc_exit"] = nameof(StartTests.ProcExit_EndsTheStart_AsItsCodeSays),
    };

    private static readonly Lazy<IReadOnlyList<ConformanceRow>> All =
        new(() => [.. Requests(), .. SharedThings(), .. Bodies(), .. Responses(), .. OtherPlaces(), .. Starts(), .. Wasi()]);

    public static IReadOnlyList<ConformanceRow> Rows => All.Value;

    private static readonly string Pairs = WatGuest.Pairs(("x-a", "one"), ("x-set", "1")),
        Head = WatGuest.Pairs((":method", "GET"), (":path", "/call"), (":authority", "a"));

    // Guests of the table have 128 KiB: 131070 is two bytes before the end.
    private static IEnumerable<ConformanceRow> Of(Place place, params (string Function, bool IsRight, string Arguments, int Status)[] rows)
        => rows.Select(r => new ConformanceRow(place, r.Function, r.IsRight, r.Arguments, r.Status));

    private const bool Right = true, Wrong = false;

    private static IEnumerable<ConformanceRow> Requests() =>
    [
        .. Of(Place.RequestHeaders,
            ("proxy_log", Right, "0 'x'", 0), ("proxy_log", Right, "0 131072 0", 0), ("proxy_log", Wrong, "6 'x'", 2),
            ("proxy_log", Wrong, "-1 'x'", 2), ("proxy_log", Wrong, "0 131070 16", 6), ("proxy_log", Wrong, "0 -16 64", 6),
            ("proxy_get_log_level", Right, "NUM", 0), ("proxy_get_log_level", Wrong, "131070", 6),
            ("proxy_get_status", Right, "NUM OUT SIZE", 0), ("proxy_get_status", Wrong, "131070 OUT SIZE", 6),
            ("proxy_get_status", Wrong, "NUM OUT 131070", 6),
            ("proxy_get_current_time_nanoseconds", Right, "NUM", 0), ("proxy_get_current_time_nanoseconds", Wrong, "131068", 6),
            ("proxy_set_tick_period_milliseconds", Right, "1000000", 0), ("proxy_set_tick_period_milliseconds", Right, "-1", 0),
            ("proxy_set_tick_period_milliseconds", Right, "0", 0),
            ("proxy_get_configuration", Right, "OUT SIZE", 0), ("proxy_get_configuration", Wrong, "-4 SIZE", 6),
            ("proxy_get_configuration", Wrong, "OUT 131070", 6),
            ("proxy_get_property", Right, "'plugin_root_id' OUT SIZE", 0),
            ("proxy_get_property", Right, "'request\\00path\\00' OUT SIZE", 0), ("proxy_get_property", Wrong, "'nothing' OUT SIZE", 1),
            ("proxy_get_property", Wrong, "'' OUT SIZE", 1),
            ("proxy_get_property", Wrong, "131070 16 OUT SIZE", 6), ("proxy_get_property", Wrong, "'plugin_name' -1 SIZE", 6),
            ("proxy_get_property", Wrong, "'plugin_name' OUT 131069", 6),
            ("proxy_set_property", Right, "'k' 'v'", 0), ("proxy_set_property", Right, "'k' ''", 0),
            ("proxy_set_property", Wrong, "'' 'v'", 2), ("proxy_set_property", Wrong, "-1 5 'v'", 6),
            ("proxy_set_property", Wrong, "'k' 131070 16", 6),
            ("proxy_get_buffer_bytes", Right, "6 0 100 OUT SIZE", 0), ("proxy_get_buffer_bytes", Right, "7 0 -1 OUT SIZE", 0),
            ("proxy_get_buffer_bytes", Right, "7 900 1 OUT SIZE", 0),
            ("proxy_get_buffer_bytes", Wrong, "9 0 1 OUT SIZE", 2), ("proxy_get_buffer_bytes", Wrong, "-1 0 1 OUT SIZE", 2),
            ("proxy_get_buffer_bytes", Wrong, "7 -1 2 OUT SIZE", 2), ("proxy_get_buffer_bytes", Wrong, "7 0 9 -4 SIZE", 6),
            ("proxy_get_buffer_bytes", Wrong, "7 0 9 OUT 131070", 6),
            // What there is not at this moment is not found: the request has no body, there is no call's answer, this is no connection.
            ("proxy_get_buffer_bytes", Wrong, "0 0 1 OUT SIZE", 1), ("proxy_get_buffer_bytes", Wrong, "1 0 1 OUT SIZE", 1),
            ("proxy_get_buffer_bytes", Wrong, "2 0 1 OUT SIZE", 1), ("proxy_get_buffer_bytes", Wrong, "4 0 1 OUT SIZE", 1),
            ("proxy_get_buffer_bytes", Wrong, "5 0 1 OUT SIZE", 1), ("proxy_get_buffer_bytes", Wrong, "8 0 1 OUT SIZE", 1),
            ("proxy_get_buffer_status", Right, "7 NUM SIZE", 0), ("proxy_get_buffer_status", Wrong, "9 NUM SIZE", 2),
            ("proxy_get_buffer_status", Wrong, "0 NUM SIZE", 1), ("proxy_get_buffer_status", Wrong, "7 131070 SIZE", 6),
            ("proxy_get_buffer_status", Wrong, "7 NUM -2", 6),
            ("proxy_set_buffer_bytes", Wrong, "0 0 0 'x'", 1), ("proxy_set_buffer_bytes", Wrong, "7 0 0 'x'", 2),
            ("proxy_set_buffer_bytes", Wrong, "9 0 0 'x'", 2), ("proxy_set_buffer_bytes", Wrong, "8 0 0 'x'", 1),
            ("proxy_set_buffer_bytes", Wrong, "0 0 0 131070 16", 6),
            ("proxy_get_header_map_pairs", Right, "0 OUT SIZE", 0), ("proxy_get_header_map_pairs", Right, "2 OUT SIZE", 0),
            ("proxy_get_header_map_pairs", Wrong, "8 OUT SIZE", 2), ("proxy_get_header_map_pairs", Wrong, "-1 OUT SIZE", 2),
            ("proxy_get_header_map_pairs", Wrong, "6 OUT SIZE", 2), ("proxy_get_header_map_pairs", Wrong, "4 OUT SIZE", 2),
            ("proxy_get_header_map_pairs", Wrong, "0 131070 SIZE", 6), ("proxy_get_header_map_pairs", Wrong, "0 OUT -1", 6),
            ("proxy_get_header_map_size", Right, "0 NUM", 0), ("proxy_get_header_map_size", Right, "3 NUM", 0),
            ("proxy_get_header_map_size", Wrong, "99 NUM", 2), ("proxy_get_header_map_size", Wrong, "7 NUM", 2),
            ("proxy_get_header_map_size", Wrong, "0 131070", 6),
            ("proxy_get_header_map_value", Right, "0 'X-A' OUT SIZE", 0), ("proxy_get_header_map_value", Wrong, "8 'x' OUT SIZE", 2),
                ("proxy_get_header_map_value", Wrong, "7 'x' OUT SIZE", 2), ("proxy_get_header_map_value", Wrong, "0 -1 2 OUT SIZE", 6),
                    ("proxy_get_header_map_value", Wrong, "0 'x-a' 131070 SIZE", 6)),
        .. new[] { "0 'none'", "0 ''", "0 'a b'", "0 4096 600", "1 'x'", "2 'server'",
            "3 'x'" }.Select(what => new ConformanceRow(Place.RequestHeaders, "proxy_get_header_map_value", Wrong, what + " OUT SIZE", 1,
                Before: 0)),
        .. new[] { "proxy_add_header_map_value", "proxy_replace_header_map_value" }.SelectMany(change => Of(Place.RequestHeaders,
            (change, Right, "0 'X-B' '1'", 0), (change, Right, "0 'x-empty' ''", 0), (change, Right, "0 ':path' '/there'", 0),
            (change, Wrong, "99 'a' 'b'", 2), (change, Wrong, "-1 'a' 'b'", 2), (change, Wrong, "2 'a' 'b'", 2),
            (change, Wrong, "1 'a' 'b'", 2), (change, Wrong, "6 'a' 'b'", 2),
            (change, Wrong, "0 'a b' 'c'", 2), (change, Wrong, "0 '' 'c'", 2), (change, Wrong, "0 -1 5 'x'", 6),
                (change, Wrong, "0 'x' 131070 16", 6))),
        .. Of(Place.RequestHeaders,
            ("proxy_remove_header_map_value", Right, "0 'x-b'", 0), ("proxy_remove_header_map_value", Right, "0 'none'", 0),
            ("proxy_remove_header_map_value", Wrong, "0 ':path'", 0), ("proxy_remove_header_map_value", Wrong, "0 ''", 0),
            ("proxy_remove_header_map_value", Wrong, "99 'a'", 2), ("proxy_remove_header_map_value", Wrong, "2 'a'", 2),
            ("proxy_remove_header_map_value", Wrong, "0 -1 4", 6),
            ("proxy_set_header_map_pairs", Right, $"0 {Pairs}", 0), ("proxy_set_header_map_pairs", Wrong, "0 'zzzzz'", 3),
            ("proxy_set_header_map_pairs", Wrong, $"2 {Pairs}", 2), ("proxy_set_header_map_pairs", Wrong, $"99 {Pairs}", 2),
            ("proxy_set_header_map_pairs", Wrong, "0 -1 5", 6), ("proxy_set_header_map_pairs", Wrong, "0 131070 16", 6),
            ("proxy_clear_route_cache", Right, "", 0), ("proxy_continue_request", Right, "", 0), ("proxy_continue_response", Right, "", 0),
            ("proxy_continue_stream", Right, "0", 0), ("proxy_continue_stream", Right, "1", 0), ("proxy_continue_stream", Wrong, "2", 2),
            ("proxy_continue_stream", Wrong, "3", 2), ("proxy_continue_stream", Wrong, "4", 2), ("proxy_continue_stream", Wrong, "-1", 2),
            ("proxy_close_stream", Wrong, "2", 2), ("proxy_close_stream", Wrong, "3", 2), ("proxy_close_stream", Wrong, "4", 2),
            ("proxy_close_stream", Wrong, "-1", 2),
            ("proxy_set_effective_context", Right, "CTX", 0), ("proxy_set_effective_context", Wrong, "77777", 2),
            ("proxy_set_effective_context", Wrong, "0", 2), ("proxy_set_effective_context", Wrong, "-1", 2),
            ("proxy_done", Wrong, "", 1),
            ("proxy_call_foreign_function", Right, "'compress' 'x' OUT SIZE", 0),
            ("proxy_call_foreign_function", Right, "'compress' 'x' 0 0", 0),
            ("proxy_call_foreign_function", Wrong, "'none' '' OUT SIZE", 1), ("proxy_call_foreign_function", Wrong, "'' '' OUT SIZE", 1),
            ("proxy_call_foreign_function", Wrong, "'expr_create' '1' OUT SIZE", 1),
            ("proxy_call_foreign_function", Wrong, "'uncompress' 'x' OUT SIZE", 3),
            ("proxy_call_foreign_function", Wrong, "-1 5 '' OUT SIZE", 6),
            ("proxy_call_foreign_function", Wrong, "'compress' -1 5 OUT SIZE", 6),
            ("proxy_call_foreign_function", Wrong, "'compress' 'x' 131070 SIZE", 6),
            ("pthread_equal", Right, "5 5", 1), ("pthread_equal", Wrong, "5 -1", 0), ("emscripten_notify_memory_growth", Right, "0", 0),
            ("emscripten_notify_memory_growth", Wrong, "-1", 0),
            ("proxy_http_call", Right, $"'up' {Head} 'body' '' 5000 NUM", 0),
            ("proxy_http_call", Wrong, $"'nowhere' {Head} '' '' 5000 NUM", 2), ("proxy_http_call", Wrong, $"'' {Head} '' '' 5000 NUM", 2),
            ("proxy_http_call", Wrong, "'up' '' '' '' 5000 NUM", 2), ("proxy_http_call", Wrong, "'up' 'zzzzz' '' '' 5000 NUM", 2),
            ("proxy_http_call", Wrong, $"'up' {Head} '' 'zzzzz' 5000 NUM", 2), ("proxy_http_call", Wrong, $"'up' {Head} '' '' -1 NUM", 2),
            ("proxy_http_call", Wrong, $"-1 5 {Head} '' '' 5000 NUM", 6), ("proxy_http_call", Wrong, "'up' 131070 16 '' '' 5000 NUM", 6),
            ("proxy_http_call", Wrong, $"'up' {Head} -1 5 '' 5000 NUM", 6), ("proxy_http_call", Wrong, $"'up' {Head} '' -1 5 5000 NUM", 6),
            ("proxy_http_call", Wrong, $"'up' {Head} '' '' 5000 131070", 6),
            ("proxy_grpc_call", Right, "'up' 's' 'm' '' 'x' 1000 NUM", 0), ("proxy_grpc_send", Wrong, "@NUM 'x' 0", 2),
            ("proxy_grpc_call", Wrong, "'nowhere' 's' 'm' '' '' 1000 NUM", 4), ("proxy_grpc_call", Wrong, "'' 's' 'm' '' '' 1000 NUM", 4),
            ("proxy_grpc_call", Wrong, "'\\0a\\ff' 's' 'm' '' '' 1000 NUM", 4), ("proxy_grpc_call", Wrong, "'up' 's' '' '' '' 1000 NUM", 2),
            ("proxy_grpc_call", Wrong, "'up' 's' 'm' 'zzzzz' '' 1000 NUM", 2), ("proxy_grpc_call", Wrong, "'up' 's' 'm' '' '' -1 NUM", 2),
            ("proxy_grpc_call", Wrong, "-1 5 's' 'm' '' '' 1000 NUM", 6),
            ("proxy_grpc_call", Wrong, "'up' 's' 'm' '' 131070 16 1000 NUM", 6),
            ("proxy_grpc_call", Wrong, "'up' 's' 'm' '' '' 1000 131070", 6),
            ("proxy_grpc_stream", Wrong, "'nowhere' 's' 'm' '' NUM", 4), ("proxy_grpc_stream", Wrong, "'up' '' 'm' '' NUM", 2),
            ("proxy_grpc_stream", Wrong, "'up' 's' 'm' '' -2", 6), ("proxy_grpc_stream", Right, "'up' 's' 'm' '' NUM", 0),
            ("proxy_grpc_send", Right, "@NUM 'x' 0", 0), ("proxy_grpc_send", Wrong, "999 'x' 0", 1),
            ("proxy_grpc_send", Wrong, "@NUM -1 5 0", 6), ("proxy_grpc_close", Right, "@NUM", 0), ("proxy_grpc_cancel", Right, "@NUM", 0),
            ("proxy_grpc_cancel", Wrong, "@NUM", 1), ("proxy_grpc_cancel", Wrong, "-1", 1), ("proxy_grpc_close", Wrong, "@NUM", 1),
            ("proxy_grpc_close", Wrong, "0", 1),
            ("proxy_send_local_response", Wrong, "99 '' '' '' -1", 2), ("proxy_send_local_response", Wrong, "600 '' '' '' -1", 2),
            ("proxy_send_local_response", Wrong, "200 '' '' 'zzzzz' -1", 2), ("proxy_send_local_response", Wrong, "200 -1 5 '' '' -1", 6),
            ("proxy_send_local_response", Wrong, "200 '' 131070 16 '' -1", 6), ("proxy_send_local_response", Wrong, "200 '' '' -1 5 -1", 6),
            ("proxy_send_local_response", Right, $"299 'a reason\\0a' 'body' {Pairs} -1", 0),
                ("proxy_send_local_response", Right, "500 '' '' '' -1", 0)),
    ];

    private static IEnumerable<ConformanceRow> SharedThings() => Of(Place.ResponseHeaders,
        ("proxy_get_shared_data", Wrong, "'none' OUT SIZE NUM", 1), ("proxy_set_shared_data", Right, "'k' 'v' 0", 0),
        ("proxy_set_shared_data", Right, "'fresh' 'v' 5", 0), ("proxy_get_shared_data", Right, "'k' OUT SIZE NUM", 0),
        ("proxy_set_shared_data", Right, "'k' 'w' @NUM", 0), ("proxy_set_shared_data", Wrong, "'k' 'x' @NUM", 8),
        ("proxy_set_shared_data", Wrong, "-1 5 'v' 0", 6), ("proxy_set_shared_data", Wrong, "'k' 131070 16 0", 6),
        ("proxy_get_shared_data", Wrong, "-1 5 OUT SIZE NUM", 6), ("proxy_get_shared_data", Wrong, "'k' 131070 SIZE NUM", 6),
        ("proxy_get_shared_data", Wrong, "'k' OUT SIZE 131070", 6),
        ("proxy_register_shared_queue", Wrong, "'q' 131070", 6), ("proxy_register_shared_queue", Wrong, "-1 5 NUM", 6),
        ("proxy_register_shared_queue", Wrong, "4096 4000 NUM", 2), ("proxy_register_shared_queue", Right, "'q' NUM", 0),
        ("proxy_resolve_shared_queue", Wrong, "'' 'none' OUT", 1), ("proxy_resolve_shared_queue", Wrong, "'stranger' 'q' OUT", 1),
        ("proxy_resolve_shared_queue", Wrong, "-1 5 'q' OUT", 6), ("proxy_resolve_shared_queue", Wrong, "'' -1 5 OUT", 6),
        ("proxy_resolve_shared_queue", Wrong, "'' 'q' 131070", 6), ("proxy_resolve_shared_queue", Right, "'' 'q' NUM", 0),
        ("proxy_enqueue_shared_queue", Wrong, "0 'm'", 1), ("proxy_enqueue_shared_queue", Wrong, "-1 'm'", 1),
        ("proxy_enqueue_shared_queue", Wrong, "@NUM -1 5", 6), ("proxy_enqueue_shared_queue", Right, "@NUM 'm'", 0),
        ("proxy_enqueue_shared_queue", Right, "@NUM ''", 0), ("proxy_dequeue_shared_queue", Wrong, "@NUM 131070 SIZE", 6),
        ("proxy_dequeue_shared_queue", Wrong, "999 OUT SIZE", 1), ("proxy_dequeue_shared_queue", Right, "@NUM OUT SIZE", 0),
        ("proxy_dequeue_shared_queue", Right, "@NUM OUT SIZE", 0), ("proxy_dequeue_shared_queue", Wrong, "@NUM OUT SIZE", 7),
        ("proxy_define_metric", Wrong, "3 'x' NUM", 2), ("proxy_define_metric", Wrong, "-1 'x' NUM", 2),
        ("proxy_define_metric", Wrong, "0 '' NUM", 2), ("proxy_define_metric", Wrong, "0 4096 600 NUM", 2),
        ("proxy_define_metric", Wrong, "0 'x' 131070", 6), ("proxy_define_metric", Wrong, "0 -1 5 NUM", 6),
        ("proxy_define_metric", Right, "0 'conformance.counter' NUM", 0), ("proxy_define_metric", Wrong, "1 'conformance.counter' OUT", 2),
        ("proxy_increment_metric", Right, "@NUM 5L", 0), ("proxy_increment_metric", Right, "@NUM 0L", 0),
        ("proxy_increment_metric", Wrong, "@NUM -1L", 2), ("proxy_increment_metric", Wrong, "0 1L", 1),
        ("proxy_increment_metric", Wrong, "-1 1L", 1), ("proxy_record_metric", Right, "@NUM 5L", 0),
        ("proxy_record_metric", Wrong, "99999 1L", 1), ("proxy_get_metric", Right, "@NUM 40", 0),
        ("proxy_get_metric", Wrong, "99999 40", 1), ("proxy_get_metric", Wrong, "@NUM 131068", 6),
        ("proxy_define_metric", Right, "1 'conformance.gauge' NUM", 0), ("proxy_increment_metric", Right, "@NUM -3L", 0),
            ("proxy_record_metric", Right, "@NUM -7L", 0), ("proxy_get_metric", Right, "@NUM 40", 0),
                ("proxy_define_metric", Right, "2 'conformance.histogram' NUM", 0), ("proxy_record_metric", Right, "@NUM 7L", 0),
                    ("proxy_record_metric", Wrong, "@NUM -7L", 2), ("proxy_increment_metric", Wrong, "@NUM 1L", 2),
                        ("proxy_get_metric", Wrong, "@NUM 40", 2));
}
