using System.Collections.Frozen;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// How many bytes a host function takes of its guest, all texts and maps of a call together; more is BAD_ARGUMENT, before anything is done
/// with it. Every function has a row, and one without is a fault when the functions are defined. What it does with them counts as the
/// guest's CPU time; none takes ten milliseconds for as much as it takes.
/// </summary>
internal static class WasmCost
{
    private const long Name = 64 << 10, Map = 1 << 20, Text = 4 << 20;
    /// <summary>Bytes of a log line; the rest is cut off, for SDKs panic when they cannot log.</summary>
    public const int MaxLine = 16 << 10;

    private static readonly FrozenDictionary<string, long> Rows = new Dictionary<string, long>
    {
        ["proxy_log"] = long.MaxValue, ["proxy_get_log_level"] = 0, ["proxy_get_status"] = 0, ["proxy_get_current_time_nanoseconds"] = 0,
        ["proxy_set_tick_period_milliseconds"] = 0, ["proxy_get_configuration"] = 0, ["proxy_get_property"] = 4 << 10,
        ["proxy_set_property"] = (4 << 10) + Map,
        ["proxy_get_buffer_bytes"] = 0, ["proxy_get_buffer_status"] = 0, ["proxy_set_buffer_bytes"] = Text,
        ["proxy_get_header_map_pairs"] = 0, ["proxy_set_header_map_pairs"] = Map, ["proxy_get_header_map_size"] = 0,
        ["proxy_get_header_map_value"] = Name,
        ["proxy_add_header_map_value"] = Map, ["proxy_replace_header_map_value"] = Map, ["proxy_remove_header_map_value"] = Name,
        ["proxy_continue_stream"] = 0, ["proxy_close_stream"] = 0, ["proxy_continue_request"] = 0, ["proxy_continue_response"] = 0,
        ["proxy_clear_route_cache"] = 0,
        ["proxy_send_local_response"] = Name + Text + Map, ["proxy_http_call"] = Name + Text + 2 * Map,
        ["proxy_grpc_call"] = Name + Text + Map,
        ["proxy_grpc_stream"] = Name + Map, ["proxy_grpc_send"] = Text, ["proxy_grpc_cancel"] = 0, ["proxy_grpc_close"] = 0,
        ["proxy_get_shared_data"] = Name, ["proxy_set_shared_data"] = Name + Text, ["proxy_register_shared_queue"] = Name,
        ["proxy_resolve_shared_queue"] = 2 * Name,
        ["proxy_enqueue_shared_queue"] = Text, ["proxy_dequeue_shared_queue"] = 0,
        ["proxy_define_metric"] = Name, ["proxy_increment_metric"] = 0, ["proxy_record_metric"] = 0, ["proxy_get_metric"] = 0,
        ["proxy_set_effective_context"] = 0, ["proxy_done"] = 0, ["proxy_call_foreign_function"] = Name + Map,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static IReadOnlyCollection<string> Names => Rows.Keys;

    /// <exception cref="InvalidOperationException">It has no row.</exception>
    public static long Of(string function) => Rows.TryGetValue(function, out long most) ? most
        : throw new InvalidOperationException($"the host function '{function}' has no row of costs");
}
