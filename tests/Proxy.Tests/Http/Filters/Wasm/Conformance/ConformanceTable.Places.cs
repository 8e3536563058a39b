
namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>The same functions in other callbacks than that of the request's headers, and where guests should not call them.</summary>
internal static partial class ConformanceTable
{
    private static IEnumerable<ConformanceRow> Bodies() => Of(Place.RequestBody,
        ("proxy_get_buffer_status", Right, "0 NUM SIZE", 0), ("proxy_get_buffer_status", Wrong, "1 NUM SIZE", 1),
        ("proxy_get_buffer_bytes", Right, "0 0 5 OUT SIZE", 0), ("proxy_get_buffer_bytes", Right, "0 0 -1 OUT SIZE", 0),
        ("proxy_get_buffer_bytes", Right, "0 999 1 OUT SIZE", 0), ("proxy_get_buffer_bytes", Wrong, "0 -1 -1 OUT SIZE", 2),
        ("proxy_get_buffer_bytes", Wrong, "1 0 1 OUT SIZE", 1),
        ("proxy_set_buffer_bytes", Right, "0 0 0 '<'", 0), ("proxy_set_buffer_bytes", Right, "0 -1 -1 '>'", 0),
        ("proxy_set_buffer_bytes", Right, "0 1 2147483647 ''", 0), ("proxy_set_buffer_bytes", Wrong, "0 0 0 -1 5", 6),
        ("proxy_set_buffer_bytes", Wrong, "1 0 0 'x'", 1), ("proxy_set_buffer_bytes", Wrong, "3 0 0 'x'", 1),
        ("proxy_get_header_map_value", Right, "0 'x-a' OUT SIZE", 0), ("proxy_add_header_map_value", Right, "0 'x-late' '1'", 0),
            ("proxy_get_header_map_pairs", Right, "1 OUT SIZE", 0), ("proxy_add_header_map_value", Wrong, "1 'x-trailer' '1'", 2),
                ("proxy_continue_stream", Right, "0", 0));

    private static IEnumerable<ConformanceRow> Responses() =>
    [
        .. Of(Place.ResponseHeaders,
            ("proxy_get_header_map_value", Right, "2 'x-upstream' OUT SIZE", 0),
            ("proxy_get_header_map_value", Right, "2 ':status' OUT SIZE", 0), ("proxy_get_header_map_value", Right, "0 'x-a' OUT SIZE", 0),
            ("proxy_add_header_map_value", Right, "2 'x-b' '1'", 0), ("proxy_replace_header_map_value", Right, "2 ':status' '203'", 0),
            ("proxy_remove_header_map_value", Right, "2 'x-b'", 0),
            // Too late for the request, but SDKs panic at an error: what is changed is only of no use.
            ("proxy_add_header_map_value", Wrong, "0 'x-b' '1'", 0), ("proxy_set_header_map_pairs", Right, $"2 {Pairs}", 0),
                ("proxy_get_header_map_pairs", Right, "3 OUT SIZE", 0), ("proxy_add_header_map_value", Wrong, "3 'x' '1'", 2),
                    ("proxy_get_property", Right, "'response\\00code' OUT SIZE", 0), ("proxy_get_buffer_bytes", Wrong, "1 0 1 OUT SIZE", 1),
                        ("proxy_set_buffer_bytes", Wrong, "1 0 0 'x'", 1), ("proxy_continue_response", Right, "", 0),
                            ("proxy_continue_request", Right, "", 0)),
        .. Of(Place.ResponseTrailers,
            ("proxy_get_header_map_value", Right, "3 'etag' OUT SIZE", 0), ("proxy_add_header_map_value", Right, "3 'x-more' '1'", 0),
                ("proxy_add_header_map_value", Wrong, "3 ':status' '200'", 2), ("proxy_remove_header_map_value", Right, "3 'etag'", 0),
                    ("proxy_set_header_map_pairs", Right, $"3 {Pairs}", 0), ("proxy_get_header_map_size", Right, "3 NUM", 0),
                        ("proxy_get_header_map_value", Right, "2 'x-upstream' OUT SIZE", 0),
                            ("proxy_add_header_map_value", Wrong, "2 'x-late' '1'", 0), ("proxy_continue_stream", Right, "1", 0)),
        // The stream is over: all of it can be read, and changing or answering it is of no use, but no error.
        .. Of(Place.Log,
            ("proxy_get_header_map_value", Right, "0 'x-a' OUT SIZE", 0),
            ("proxy_get_header_map_value", Right, "2 'x-upstream' OUT SIZE", 0),
            ("proxy_get_property", Right, "'request\\00duration' OUT SIZE", 0), ("proxy_get_buffer_bytes", Wrong, "0 0 1 OUT SIZE", 1),
            ("proxy_add_header_map_value", Wrong, "2 'x-b' '1'", 0), ("proxy_continue_stream", Wrong, "0", 0),
            ("proxy_continue_stream", Wrong, "1", 0), ("proxy_clear_route_cache", Wrong, "", 0),
            ("proxy_set_property", Right, "'k' 'v'", 0),
            ("proxy_http_call", Right, $"'up' {Head} '' '' 5000 NUM", 0), ("proxy_send_local_response", Wrong, "200 '' '' '' -1", 0),
                ("proxy_close_stream", Wrong, "0", 0)),
    ];

    private static IEnumerable<ConformanceRow> OtherPlaces() =>
    [
        .. Of(Place.Plugin,
            ("proxy_get_property", Right, "'plugin_root_id' OUT SIZE", 0),
            ("proxy_get_property", Right, "'listener_direction' OUT SIZE", 0), ("proxy_get_property", Right, "'xds\\00node' OUT SIZE", 0),
            ("proxy_get_property", Wrong, "'request\\00path' OUT SIZE", 1),
            ("proxy_get_property", Wrong, "'source\\00address' OUT SIZE", 1), ("proxy_set_property", Wrong, "'k' 'v'", 2),
            ("proxy_get_buffer_bytes", Right, "6 0 100 OUT SIZE", 0), ("proxy_get_buffer_bytes", Right, "7 0 100 OUT SIZE", 0),
            ("proxy_get_buffer_bytes", Wrong, "0 0 1 OUT SIZE", 1), ("proxy_get_buffer_bytes", Wrong, "4 0 1 OUT SIZE", 1),
            ("proxy_set_buffer_bytes", Wrong, "7 0 0 'x'", 2), ("proxy_set_buffer_bytes", Wrong, "0 0 0 'x'", 1),
            ("proxy_get_configuration", Right, "OUT SIZE", 0),
            ("proxy_get_header_map_pairs", Wrong, "0 OUT SIZE", 2), ("proxy_get_header_map_size", Wrong, "2 NUM", 2),
            ("proxy_get_header_map_value", Wrong, "0 'x-a' OUT SIZE", 2), ("proxy_get_header_map_value", Wrong, "6 'x-a' OUT SIZE", 2),
            ("proxy_add_header_map_value", Wrong, "0 'a' 'b'", 2), ("proxy_replace_header_map_value", Wrong, "0 'a' 'b'", 2),
            ("proxy_remove_header_map_value", Wrong, "0 'a'", 2), ("proxy_set_header_map_pairs", Wrong, $"0 {Pairs}", 2),
            ("proxy_continue_stream", Wrong, "0", 2), ("proxy_continue_stream", Wrong, "2", 2), ("proxy_close_stream", Wrong, "0", 2),
            ("proxy_close_stream", Wrong, "2", 2), ("proxy_continue_request", Wrong, "", 2), ("proxy_continue_response", Wrong, "", 2),
            ("proxy_clear_route_cache", Wrong, "", 0), ("proxy_send_local_response", Wrong, "200 '' '' '' -1", 2),
            ("proxy_set_tick_period_milliseconds", Right, "0", 0), ("proxy_get_status", Right, "NUM OUT SIZE", 0),
            ("proxy_set_effective_context", Right, "CTX", 0), ("proxy_set_effective_context", Wrong, "2", 2), ("proxy_done", Wrong, "", 1),
            ("proxy_call_foreign_function", Right, "'compress' 'x' OUT SIZE", 0),
            ("proxy_call_foreign_function", Wrong, "'set_envoy_filter_state' '\\0a\\01k' OUT SIZE", 2),
            ("proxy_register_shared_queue", Right, "'of the plugin' NUM", 0),
            // Made when the version is in service, which is when its clusters are known.
            ("proxy_http_call", Right, $"'nowhere' {Head} '' '' 5000 NUM", 0),
                ("proxy_grpc_call", Right, "'nowhere' 's' 'm' '' '' 1000 NUM", 0), ("proxy_grpc_send", Wrong, "@NUM 'x' 0", 1)),
        // Within the callback that brings a call's answer, as the plugin and as the stream that waits for it.
        .. Of(Place.Answer,
            ("proxy_get_header_map_pairs", Right, "6 OUT SIZE", 0), ("proxy_get_header_map_value", Right, "6 ':status' OUT SIZE", 0),
            ("proxy_get_header_map_value", Right, "6 'x-upstream' OUT SIZE", 0), ("proxy_get_header_map_pairs", Right, "7 OUT SIZE", 0),
            ("proxy_get_buffer_status", Right, "4 NUM SIZE", 0), ("proxy_get_buffer_bytes", Right, "4 0 -1 OUT SIZE", 0),
            ("proxy_get_buffer_bytes", Wrong, "4 -1 2 OUT SIZE", 2), ("proxy_set_buffer_bytes", Wrong, "4 0 0 'x'", 2),
            ("proxy_get_header_map_value", Wrong, "0 'x-a' OUT SIZE", 2), ("proxy_get_buffer_bytes", Wrong, "5 0 1 OUT SIZE", 1),
            ("proxy_get_status", Right, "NUM OUT SIZE", 0),
            ("proxy_set_effective_context", Right, "2", 0), ("proxy_get_header_map_value", Right, "0 'x-a' OUT SIZE", 0),
                ("proxy_get_header_map_value", Right, "6 'x-upstream' OUT SIZE", 0),
                    ("proxy_get_buffer_bytes", Right, "4 0 -1 OUT SIZE", 0), ("proxy_continue_stream", Right, "0", 0)),
        .. Of(Place.Connection,
            ("proxy_get_buffer_bytes", Right, "2 0 100 OUT SIZE", 0), ("proxy_get_buffer_bytes", Wrong, "3 0 1 OUT SIZE", 1),
            ("proxy_get_buffer_bytes", Wrong, "0 0 1 OUT SIZE", 1), ("proxy_get_buffer_bytes", Right, "7 0 1 OUT SIZE", 0),
            ("proxy_get_buffer_bytes", Wrong, "2 -1 -1 OUT SIZE", 2), ("proxy_get_buffer_status", Right, "2 NUM SIZE", 0),
            ("proxy_set_buffer_bytes", Right, "2 0 0 '>'", 0), ("proxy_set_buffer_bytes", Wrong, "3 0 0 'x'", 1),
            ("proxy_set_buffer_bytes", Wrong, "0 0 0 'x'", 1), ("proxy_set_buffer_bytes", Wrong, "2 0 0 -1 5", 6),
            ("proxy_get_header_map_pairs", Wrong, "0 OUT SIZE", 2), ("proxy_get_header_map_size", Wrong, "1 NUM", 2),
            ("proxy_get_header_map_value", Wrong, "2 'x-a' OUT SIZE", 2), ("proxy_add_header_map_value", Wrong, "0 'a' 'b'", 2),
            ("proxy_remove_header_map_value", Wrong, "0 'a'", 2), ("proxy_set_header_map_pairs", Wrong, $"0 {Pairs}", 2),
            ("proxy_send_local_response", Wrong, "200 '' '' '' -1", 2), ("proxy_clear_route_cache", Wrong, "", 0),
            ("proxy_get_property", Right, "'source\\00address\\00' OUT SIZE", 0),
            ("proxy_get_property", Right, "'connection\\00id' OUT SIZE", 0), ("proxy_get_property", Wrong, "'request\\00path' OUT SIZE", 1),
            ("proxy_set_property", Right, "'k' 'v'", 0), ("proxy_get_property", Right, "'k' OUT SIZE", 0),
            ("proxy_http_call", Right, $"'up' {Head} '' '' 5000 NUM", 0), ("proxy_set_effective_context", Right, "CTX", 0),
            ("proxy_continue_stream", Right, "2", 0), ("proxy_continue_stream", Right, "3", 0), ("proxy_continue_stream", Wrong, "0", 2),
                ("proxy_continue_request", Wrong, "", 2), ("proxy_continue_response", Wrong, "", 2), ("proxy_close_stream", Wrong, "0", 2),
                    ("proxy_close_stream", Wrong, "1", 2), ("proxy_close_stream", Right, "3", 0), ("proxy_close_stream", Right, "2", 0)),
    ];

    private static IEnumerable<ConformanceRow> Starts() =>
    [
        // While the guest starts there is no plugin yet: its words, the time and what is shared work.
        .. Of(Place.Initialize,
            ("proxy_log", Right, "0 'x'", 0), ("proxy_get_log_level", Right, "NUM", 0),
            ("proxy_get_current_time_nanoseconds", Right, "NUM", 0), ("proxy_get_status", Wrong, "NUM OUT SIZE", 0),
            ("proxy_set_tick_period_milliseconds", Wrong, "10", 2), ("proxy_get_configuration", Wrong, "OUT SIZE", 1),
            ("proxy_get_property", Wrong, "'plugin_root_id' OUT SIZE", 1), ("proxy_set_property", Wrong, "'k' 'v'", 2),
            ("proxy_get_buffer_bytes", Wrong, "6 0 9 OUT SIZE", 1), ("proxy_get_buffer_status", Wrong, "7 NUM SIZE", 1),
            ("proxy_set_buffer_bytes", Wrong, "0 0 0 'x'", 1), ("proxy_get_header_map_pairs", Wrong, "0 OUT SIZE", 2),
            ("proxy_get_header_map_size", Wrong, "0 NUM", 2), ("proxy_get_header_map_value", Wrong, "0 'x' OUT SIZE", 2),
            ("proxy_add_header_map_value", Wrong, "0 'a' 'b'", 2), ("proxy_replace_header_map_value", Wrong, "0 'a' 'b'", 2),
            ("proxy_remove_header_map_value", Wrong, "0 'a'", 2), ("proxy_set_header_map_pairs", Wrong, $"0 {Pairs}", 2),
            ("proxy_continue_stream", Wrong, "0", 2), ("proxy_close_stream", Wrong, "0", 2), ("proxy_continue_request", Wrong, "", 2),
            ("proxy_continue_response", Wrong, "", 2), ("proxy_clear_route_cache", Wrong, "", 0),
            ("proxy_send_local_response", Wrong, "200 '' '' '' -1", 2), ("proxy_http_call", Wrong, $"'up' {Head} '' '' 5000 NUM", 2),
            ("proxy_grpc_call", Wrong, "'up' 's' 'm' '' '' 1000 NUM", 2), ("proxy_grpc_stream", Wrong, "'up' 's' 'm' '' NUM", 2),
            ("proxy_grpc_send", Wrong, "1 'x' 0", 1), ("proxy_grpc_cancel", Wrong, "1", 1), ("proxy_grpc_close", Wrong, "1", 1),
            ("proxy_set_shared_data", Right, "'start' 'v' 0", 0), ("proxy_get_shared_data", Right, "'start' OUT SIZE NUM", 0),
            ("proxy_register_shared_queue", Wrong, "'start' NUM", 2), ("proxy_resolve_shared_queue", Wrong, "'' 'start' NUM", 1),
            ("proxy_enqueue_shared_queue", Wrong, "999 'm'", 1), ("proxy_dequeue_shared_queue", Wrong, "999 OUT SIZE", 1),
            ("proxy_define_metric", Right, "0 'conformance.start' NUM", 0), ("proxy_increment_metric", Right, "@NUM 1L", 0),
            ("proxy_record_metric", Right, "@NUM 1L", 0), ("proxy_get_metric", Right, "@NUM 40", 0),
            ("proxy_set_effective_context", Wrong, "1", 2), ("proxy_done", Wrong, "", 1),
                ("proxy_call_foreign_function", Wrong, "'compress' 'x' OUT SIZE", 1), ("fd_write", Right, "1 48 0 NUM", 0),
                    ("random_get", Right, "400 16", 0), ("clock_time_get", Right, "0 0L NUM", 0),
                        ("environ_sizes_get", Right, "NUM SIZE", 0)),
        // Within instantiation: no export of the guest is known yet, its allocator neither.
        .. Of(Place.StartSection,
            ("proxy_log", Right, "0 'x'", 0), ("proxy_log", Wrong, "0 -1 5", 6), ("proxy_get_current_time_nanoseconds", Right, "NUM", 0),
                ("proxy_get_property", Wrong, "'plugin_root_id' OUT SIZE", 1), ("proxy_set_shared_data", Right, "'section' 'v' 0", 0),
                    ("proxy_get_shared_data", Wrong, "'section' OUT SIZE NUM", 10), ("fd_write", Right, "1 48 0 NUM", 0),
                        ("random_get", Right, "400 16", 0), ("environ_get", Wrong, "-2 -2", 21)),
        // Within the allocator: a value is on its way to the guest, whose own state is half changed.
        .. Of(Place.Allocator,
            ("proxy_log", Right, "0 'x'", 0), ("proxy_get_log_level", Right, "NUM", 0),
            ("proxy_get_current_time_nanoseconds", Right, "NUM", 0), ("fd_write", Right, "1 48 0 NUM", 0),
            ("clock_time_get", Right, "0 0L NUM", 0), ("poll_oneoff", Right, "0 0 0 NUM", 0), ("sched_yield", Wrong, "", 0),
            ("random_get", Wrong, "400 16", 0),
            ("proxy_get_status", Wrong, "NUM OUT SIZE", 2), ("proxy_set_tick_period_milliseconds", Wrong, "10", 2),
            ("proxy_get_configuration", Wrong, "OUT SIZE", 2), ("proxy_get_property", Wrong, "'plugin_root_id' OUT SIZE", 2),
            ("proxy_set_property", Wrong, "'k' 'v'", 2), ("proxy_get_buffer_bytes", Wrong, "7 0 9 OUT SIZE", 2),
            ("proxy_get_buffer_status", Wrong, "7 NUM SIZE", 2), ("proxy_set_buffer_bytes", Wrong, "0 0 0 'x'", 2),
            ("proxy_get_header_map_pairs", Wrong, "0 OUT SIZE", 2), ("proxy_get_header_map_size", Wrong, "0 NUM", 2),
            ("proxy_get_header_map_value", Wrong, "0 'x-a' OUT SIZE", 2), ("proxy_add_header_map_value", Wrong, "0 'a' 'b'", 2),
            ("proxy_replace_header_map_value", Wrong, "0 'a' 'b'", 2), ("proxy_remove_header_map_value", Wrong, "0 'x-a'", 2),
            ("proxy_set_header_map_pairs", Wrong, $"0 {Pairs}", 2), ("proxy_continue_stream", Wrong, "0", 2),
            ("proxy_close_stream", Wrong, "0", 2), ("proxy_continue_request", Wrong, "", 2), ("proxy_continue_response", Wrong, "", 2),
            ("proxy_clear_route_cache", Wrong, "", 2),
            ("proxy_send_local_response", Wrong, "200 '' '' '' -1", 2), ("proxy_http_call", Wrong, $"'up' {Head} '' '' 5000 NUM", 2),
            ("proxy_grpc_call", Wrong, "'up' 's' 'm' '' '' 1000 NUM", 2), ("proxy_grpc_stream", Wrong, "'up' 's' 'm' '' NUM", 2),
            ("proxy_grpc_send", Wrong, "1 'x' 0", 2), ("proxy_grpc_cancel", Wrong, "1", 2), ("proxy_grpc_close", Wrong, "1", 2),
            ("proxy_get_shared_data", Wrong, "'k' OUT SIZE NUM", 2), ("proxy_set_shared_data", Wrong, "'k' 'v' 0", 2),
            ("proxy_register_shared_queue", Wrong, "'q' NUM", 2), ("proxy_resolve_shared_queue", Wrong, "'' 'q' NUM", 2),
                ("proxy_enqueue_shared_queue", Wrong, "1 'm'", 2), ("proxy_dequeue_shared_queue", Wrong, "1 OUT SIZE", 2),
                    ("proxy_define_metric", Wrong, "0 'allocator' NUM", 2), ("proxy_increment_metric", Wrong, "1 1L", 2),
                        ("proxy_record_metric", Wrong, "1 1L", 2), ("proxy_get_metric", Wrong, "1 40", 2),
                            ("proxy_set_effective_context", Wrong, "1", 2), ("proxy_done", Wrong, "", 1),
                                ("proxy_call_foreign_function", Wrong, "'compress' 'x' OUT SIZE", 2)),
    ];

    // Statuses are WASI's: 0 success, 8 EBADF, 21 EFAULT, 28 EINVAL, 44 ENOENT, 52 ENOSYS, 58 ENOTSUP.
    private static IEnumerable<ConformanceRow> Wasi() =>
    [
        .. Of(Place.RequestHeaders,
            ("fd_write", Right, "1 48 0 NUM", 0), ("fd_write", Wrong, "3 48 0 NUM", 8), ("fd_write", Wrong, "-1 48 0 NUM", 8),
            ("fd_write", Wrong, "1 -8 1 NUM", 21), ("fd_write", Wrong, "1 48 -1 NUM", 21), ("fd_write", Wrong, "1 48 0 131070", 21),
            ("environ_sizes_get", Right, "NUM SIZE", 0), ("environ_sizes_get", Wrong, "131070 SIZE", 21),
            ("environ_get", Right, "200 300", 0), ("environ_get", Wrong, "131070 300", 21), ("environ_get", Wrong, "200 131071", 21),
            ("args_sizes_get", Right, "NUM SIZE", 0), ("args_sizes_get", Wrong, "NUM 131070", 21), ("args_get", Right, "0 0", 0),
            ("args_get", Wrong, "-1 -1", 0),
            ("random_get", Right, "400 16", 0), ("random_get", Right, "400 0", 0), ("random_get", Wrong, "400 65537", 28),
            ("random_get", Wrong, "400 -1", 28), ("random_get", Wrong, "131070 16", 21), ("clock_time_get", Right, "0 0L NUM", 0),
            ("clock_time_get", Right, "1 -1L NUM", 0), ("clock_time_get", Wrong, "2 0L NUM", 58),
            ("clock_time_get", Wrong, "-1 0L NUM", 58), ("clock_time_get", Wrong, "0 0L 131068", 21), ("clock_res_get", Right, "0 NUM", 0),
            ("clock_res_get", Wrong, "2 NUM", 58), ("clock_res_get", Wrong, "1 131068", 21),
            ("sched_yield", Right, "", 0), ("poll_oneoff", Right, "0 0 1 NUM", 0), ("poll_oneoff", Wrong, "-1 -1 -1 131070", 21),
                ("fd_close", Right, "1", 0), ("fd_close", Wrong, "-1", 0), ("fd_seek", Right, "1 0L 0 NUM", 0),
                    ("fd_seek", Wrong, "-1 -1L 9 -1", 0), ("fd_fdstat_get", Right, "1 400", 0), ("fd_fdstat_get", Wrong, "5 400", 8),
                        ("fd_fdstat_get", Wrong, "1 131060", 21)),
        // There are no files and no sockets: rightly and wrongly called, these refuse, and look at no pointer.
        .. Refusals.SelectMany(f => Of(Place.RequestHeaders, (f.Name, Right, Filled(f.Parameters, "0"), f.Answer),
            (f.Name, Wrong, Filled(f.Parameters, "-1"), f.Answer))),
    ];

    private static string Filled(string parameters, string value)
        => string.Join(' ', parameters.Select(p => p == 'l' ? value + "L" : value));

    /// <summary>Functions of WASI that the usual guest does not import; i 32 bits, l 64 bits.</summary>
    public static readonly (string Name, string Parameters, int Answer)[] Refusals =
    [
        ("fd_fdstat_set_flags", "ii", 52), ("fd_read", "iiii", 52), ("fd_prestat_get", "ii", 8), ("fd_prestat_dir_name", "iii", 52),
        ("path_open", "iiiiillii", 44),
        ("path_create_directory", "iii", 58), ("path_filestat_get", "iiiii", 58), ("path_filestat_set_times", "iiiilli", 58),
        ("path_link", "iiiiiii", 58), ("path_readlink", "iiiiii", 58), ("path_remove_directory", "iii", 58), ("path_rename", "iiiiii", 58),
        ("path_symlink", "iiiii", 58), ("path_unlink_file", "iii", 58), ("fd_advise", "illi", 58), ("fd_allocate", "ill", 58),
        ("fd_datasync", "i", 58), ("fd_fdstat_set_rights", "ill", 58), ("fd_filestat_get", "ii", 58), ("fd_filestat_set_size", "il", 58),
        ("fd_filestat_set_times", "illi", 58),
        ("fd_pread", "iiili", 58), ("fd_pwrite", "iiili", 58), ("fd_readdir", "iiili", 58), ("fd_renumber", "ii", 58), ("fd_sync", "i", 58),
        ("fd_tell", "ii", 58), ("proc_raise", "i", 58), ("sock_accept", "iii", 58), ("sock_recv", "iiiiii", 58), ("sock_send", "iiiii", 58),
        ("sock_shutdown", "ii", 58),
    ];
}
