using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>
/// What a guest asks of the host allocates nothing in steady state. Left out is what hands bytes to others or keeps them: calls to
/// elsewhere, queues, log lines that are written, properties that are set to a longer value than before.
/// </summary>
public sealed class HostCallAllocationTests
{
    public static TheoryData<string, string> Calls() => new()
    {
        { "request_headers",
            """(drop (call $proxy_get_header_map_value (i32.const 0) "user-agent" (global.get $OUT) (global.get $SIZE)))""" },
        { "request_headers",
            """(drop (call $proxy_get_header_map_value (i32.const 0) "X-Absent" (global.get $OUT) (global.get $SIZE)))""" },
        { "request_headers", """(drop (call $proxy_replace_header_map_value (i32.const 0) "X-New" "value"))""" },
        { "request_headers",
            """(drop (call $proxy_add_header_map_value (i32.const 0) "x-new" "value")) (drop (call $proxy_remove_header_map_value """
                + """(i32.const 0) "x-new"))""" },
        { "request_headers", """(drop (call $proxy_replace_header_map_value (i32.const 0) "content-length" "7"))""" },
        { "request_headers", "(drop (call $proxy_get_header_map_pairs (i32.const 0) (global.get $OUT) (global.get $SIZE)))" },
        { "request_headers", "(drop (call $proxy_get_header_map_size (i32.const 0) (global.get $OUT)))" },
        { "request_headers", $"(drop (call $proxy_set_header_map_pairs (i32.const 0) {WatGuest.Pairs((":path", "/p"), ("x-one", "1"))}))" },
        { "response_headers", """(drop (call $proxy_replace_header_map_value (i32.const 2) "x-new" "value"))""" },
        { "request_body",
            "(drop (call $proxy_get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 1000) (global.get $OUT) (global.get $SIZE)))" },
        { "request_body", "(drop (call $proxy_get_buffer_status (i32.const 0) (global.get $OUT) (global.get $SIZE)))" },
        { "request_body", """(drop (call $proxy_set_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 4) "four"))""" },
        { "request_headers", """(drop (call $proxy_get_property "plugin_root_id" (global.get $OUT) (global.get $SIZE)))""" },
        { "request_headers", """(drop (call $proxy_get_property "request\00path" (global.get $OUT) (global.get $SIZE)))""" },
        { "request_headers",
            """(drop (call $proxy_get_property "request\00headers\00user-agent" (global.get $OUT) (global.get $SIZE)))""" },
        { "request_headers", """(drop (call $proxy_get_property "request\00time" (global.get $OUT) (global.get $SIZE)))""" },
        { "request_headers", """(drop (call $proxy_get_property "source\00address" (global.get $OUT) (global.get $SIZE)))""" },
        { "response_headers", """(drop (call $proxy_get_property "response\00code" (global.get $OUT) (global.get $SIZE)))""" },
        { "response_headers", """(drop (call $proxy_get_property "upstream\00address" (global.get $OUT) (global.get $SIZE)))""" },
        { "request_headers", """(drop (call $proxy_get_property "route_name" (global.get $OUT) (global.get $SIZE)))""" },
        { "request_headers", """(drop (call $proxy_get_property "no_such_thing" (global.get $OUT) (global.get $SIZE)))""" },
        { "request_headers", """(drop (call $proxy_log (i32.const 0) "not written"))""" },
        { "request_headers", "(drop (call $proxy_get_log_level (global.get $OUT)))" },
        { "request_headers", "(drop (call $proxy_get_current_time_nanoseconds (global.get $OUT)))" },
        { "request_headers", """(drop (call $proxy_set_shared_data "key" "value" (i32.const 0)))""" },
        { "request_headers",
            """(drop (call $proxy_set_shared_data "key" "value" (i32.const 0))) (drop (call $proxy_get_shared_data "key" (global.get """
                + """$OUT) (global.get $SIZE) (global.get $NUM)))""" },
        { "request_headers",
            """(drop (call $proxy_define_metric (i32.const 0) "alloc" (global.get $OUT))) (drop (call $proxy_increment_metric """
                + """(i32.load (global.get $OUT)) (i64.const 1)))""" },
        { "request_headers",
            """(drop (call $proxy_define_metric (i32.const 1) "alloc_gauge" (global.get $OUT))) (drop (call $proxy_record_metric """
                + """(i32.load (global.get $OUT)) (i64.const 7))) (drop (call $proxy_get_metric (i32.load (global.get $OUT)) """
                    + """(i32.const 64)))""" },
        { "request_headers", "(drop (call $proxy_set_effective_context (local.get $ctx)))" },
        { "request_headers", "(drop (call $proxy_continue_stream (i32.const 0)))" },
        { "request_headers", "(drop (call $clock_time_get (i32.const 0) (i64.const 0) (global.get $OUT)))" },
        { "request_headers", "(drop (call $random_get (i32.const 64) (i32.const 16)))" },
    };

    [Theory, MemberData(nameof(Calls))]
    public async Task SteadyState_AllocatesNothing(string callback, string code)
    {
        byte[] guest = new WatGuest().On(callback,
            $"(local.set $y (i32.const 20)) (loop $again {code} (local.set $y (i32.sub (local.get $y) (i32.const 1))) (br_if $again "
                + $"(local.get $y)))").Build();
        var message = callback == "request_body" ? InMemoryPathCase.Post : InMemoryPathCase.Plain;
        await using var path = await InMemoryPath.StartAsync(message with { Name = "wasm", Filters = WasmProxy.Filter(guest) + "," });
        await path.RunAsync(1_000);
        long least = long.MaxValue;
        for (int batch = 0; batch < 50 && least > 0; batch++) least = Math.Min(least, (await path.RunAsync(640)).AllocatedBytes);
        Assert.Equal(0, least);
    }
}
