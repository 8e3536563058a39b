using System.Net;
using System.Text.Json;
using Managed.TestKit.Wasm;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>The test bench with Wasm modules: each callback, each host call, the module's own words.</summary>
[Collection("Sandbox")] // the other class looks for folders that are left behind
public sealed class WasmTestBenchTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private const string Ask = """(call $proxy_http_call "spare" ":CALL" "" "" (i32.const 8000) (global.get $NUM))""";

    private TestNode Node => fixture.Node;

    [Fact]
    public async Task Module_IsTracedCallbackByCallback()
    {
        var guest = new WatGuest()
            .On("request_headers", """
                (call $r "add" (call $proxy_add_header_map_value (i32.const 0) "x-hello" "wasm"))
                (drop (call $proxy_get_header_map_value (i32.const 0) ":path" (global.get $OUT) (global.get $SIZE))) (call $v "path")
                (drop (call $proxy_get_header_map_value (i32.const 0) "x-none" (global.get $OUT) (global.get $SIZE)))
                """)
            .On("request_body", """(drop (call $proxy_set_buffer_bytes (i32.const 0) (i32.const 0) (local.get $a) "HELLO there"))""")
            .On("response_headers", """(drop (call $proxy_replace_header_map_value (i32.const 2) "x-up" "two"))""")
            .On("log", """(drop (call $proxy_log (i32.const 2) "done"))""");
        var result =
            await RunAsync(guest,
                """, "request": {"method": "POST", "path": "/a?b=1", "body": "hello"}, "upstream_response": {"status": """
                    + """201, "headers": {"x-up": "one"}}""");

        Assert.Equal((201, "two"), (result.GetProperty("response").GetProperty("status").GetInt32(),
            Header(result.GetProperty("response"), "x-up")));
        var upstream = result.GetProperty("upstream_requests")[0];
        Assert.Equal(("HELLO there", "wasm"), (upstream.GetProperty("body").GetString(), Header(upstream, "x-hello")));
        Assert.Equal(["OnStart", "OnRequestHeaders", "OnRequestBody", "OnResponseHeaders", "OnComplete"],
            Steps(result).Select(s => s.GetProperty("hook").GetString()));
        Assert.Equal([("proxy_add_header_map_value", "RequestHeaders, \"x-hello\", \"wasm\"", ""), ("proxy_log", "Warn, \"add: 0\"", ""),
            ("proxy_get_header_map_value", "RequestHeaders, \":path\"", "\"/a?b=1\""),
            ("proxy_log", "Warn, \"path = /a?b=1\"", ""), ("proxy_get_header_map_value", "RequestHeaders, \"x-none\"", "error: NotFound")],
                Calls(result, "OnRequestHeaders"));
        var changed = Step(result, "OnRequestHeaders").GetProperty("headers").EnumerateArray()
            .Single(h => h.GetProperty("name").GetString() == "x-hello");
        Assert.Equal((JsonValueKind.Null, "wasm"), (changed.GetProperty("before").ValueKind, changed.GetProperty("after").GetString()));
        var body = Step(result, "OnRequestBody").GetProperty("body");
        Assert.Equal((5, 11, "HELLO there"), (body.GetProperty("before").GetInt32(), body.GetProperty("after").GetInt32(),
            body.GetProperty("text").GetString()));
        Assert.Equal([("proxy_log", "Info, \"done\"", "")], Calls(result, "OnComplete"));
        Assert.All(Steps(result), s => Assert.True(s.GetProperty("time_micros").GetDouble() > 0));
        Assert.Contains(Logs(result), l => l.Contains("guest: path = /a?b=1 (vm 'v1', worker 0, request ", StringComparison.Ordinal));
        Assert.Equal(0, result.GetProperty("errors").GetArrayLength());
    }

    [Fact]
    public async Task Trap_IsAnErrorWithTheFunctionsItWasIn()
    {
        var guest = new WatGuest().With("(func $parse_token (unreachable))").On("request_headers", "(call $parse_token)");
        var result = await RunAsync(guest);
        Assert.Equal(503, result.GetProperty("response").GetProperty("status").GetInt32());
        Assert.StartsWith("guest: unreachable: the guest gave up (in parse_token", result.GetProperty("errors")[0].GetString(),
            StringComparison.Ordinal);
        Assert.Equal("error", Step(result, "OnRequestHeaders").GetProperty("calls")[0].GetProperty("function").GetString());
    }

    [Fact]
    public async Task EndlessLoop_IsStoppedAsInService()
    {
        var result = await RunAsync(new WatGuest().On("request_headers", "(loop $more (br $more))"), plugin: "");
        Assert.StartsWith("guest: it ran longer than 10 ms of CPU time", result.GetProperty("errors")[0].GetString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task HttpCalls_AreAnsweredAsTheTestSays()
    {
        var guest = new WatGuest()
            .With("(global $who (mut i32) (i32.const 0))")
            .On("request_headers", $"""(global.set $who (local.get $ctx)) (call $r "call" {Call("/auth")}) (return (i32.const 1))""")
            .On("http_call_response", """
                (drop (call $proxy_get_buffer_bytes (i32.const 4) (i32.const 0) (i32.const 100) (global.get $OUT) (global.get $SIZE)))
                (drop (call $proxy_set_effective_context (global.get $who)))
                (drop (call $proxy_send_local_response (i32.const 403) "" (i32.load (global.get $OUT)) (i32.load (global.get $SIZE)) "" (i32.const -1)))
                """);
        var result = await RunAsync(guest, """, "calls": [{"cluster": "spare", "status": 401, "body": "no"}]""");
        Assert.Equal("[]", result.GetProperty("errors").GetRawText());
        Assert.Equal((403, "no"), (result.GetProperty("response").GetProperty("status").GetInt32(),
            result.GetProperty("response").GetProperty("body").GetString()));
        Assert.Equal(["/auth"], result.GetProperty("upstream_requests").EnumerateArray().Select(r => r.GetProperty("path").GetString()));
        Assert.Contains(("proxy_get_buffer_bytes", "CallResponseBody, 0, 100", "\"no\""), Calls(result, "OnHttpCallResponse"));
        Assert.StartsWith("\"spare\", {:method: GET, :path: /auth", Calls(result, "OnRequestHeaders")[0].Arguments,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task TicksAndCallsFromItsConfiguration_AreTracedToo()
    {
        // The stream waits for the tick, the tick for the answer of a call that on_configure made.
        var guest = new WatGuest()
            .With("(global $who (mut i32) (i32.const 0)) (global $answered (mut i32) (i32.const 0))")
            .On("configure", $"""(drop {Call("/keys")}) (drop (call $proxy_set_tick_period_milliseconds (i32.const 1)))""")
            .On("http_call_response", """(global.set $answered (i32.const 1))""")
            .On("request_headers", """(global.set $who (local.get $ctx)) (return (i32.const 1))""")
            .On("tick", """
                (if (i32.and (global.get $answered) (i32.gt_s (global.get $who) (i32.const 0))) (then
                  (drop (call $proxy_set_effective_context (global.get $who))) (drop (call $proxy_continue_stream (i32.const 0)))
                  (drop (call $proxy_set_tick_period_milliseconds (i32.const 0)))))
                """);
        var result = await RunAsync(guest, """, "calls": [{"cluster": "spare", "status": 200, "body": "keys"}]""");
        Assert.Equal(200, result.GetProperty("response").GetProperty("status").GetInt32());
        Assert.Equal(["/keys", "/"], result.GetProperty("upstream_requests").EnumerateArray()
            .Select(r => r.GetProperty("path").GetString()));
        Assert.Equal("OnStart", Steps(result)[0].GetProperty("hook").GetString());
        Assert.StartsWith("proxy_http_call", Calls(result, "OnStart")[0].Function, StringComparison.Ordinal);
        Assert.Contains(Steps(result), s => s.GetProperty("hook").GetString() == "OnHttpCallResponse");
        Assert.Contains(Steps(result), s => s.GetProperty("hook").GetString() == "OnTick"
            && s.GetProperty("calls").EnumerateArray().Any(c => c.GetProperty("function").GetString() == "proxy_continue_stream"));
    }

    [Fact]
    public async Task StoredModule_IsFoundByName_AndAnotherVersionHasItsOwn()
    {
        await WasmGuest.UploadAsync(Node, Stamping("one"), "stamp");
        var filter = WasmGuest.Stored("stamp", WasmGuest.Patient);
        Assert.Equal("one", await StampAsync($$"""{"filters": [{{filter}}]}"""));
        (await Node.PostAsync("listeners/edge/filter_chains/main/http_filters?before=router", filter)).Is(HttpStatusCode.Created);
        var version = await Node.ActiveVersionAsync();
        await WasmGuest.UploadAsync(Node, Stamping("two"), "stamp");
        (await Node.PutAsync("listeners/edge/filter_chains/main/http_filters/guest", filter)).Is(HttpStatusCode.OK);
        Assert.Equal("two", await StampAsync("""{"listener": "edge"}"""));
        Assert.Equal("one", await StampAsync($$"""{"listener": "edge", "version": {{version}}}"""));
    }

    [Fact]
    public async Task RefusedConfiguration_CarriesTheModulesOwnWords()
    {
        var guest = new WatGuest().On("configure", """
            (drop (call $proxy_log (i32.const 2) "reading the configuration"))
            (if (i32.eqz (local.get $a)) (then
              (drop (call $proxy_log (i32.const 3) "greeting is old"))
              (drop (call $proxy_log (i32.const 4) "missing field\0a'greeting'"))
              (return (i32.const 0))))
            """);
        const string expected = "module inline: it refuses its configuration (proxy_on_configure); it says: \"missing field\\n'greeting'\"";
        var tested = (await Node.PostAsync("filters/test", $$"""{"filters": [{{WasmGuest.Inline(guest.Build())}}]}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Equal(expected, tested.Json.GetProperty("errors")[0].GetProperty("detail").GetString());
        Assert.Equal("#/filters/0/typed_config/config/vm_config/code/local/inline_bytes",
            tested.Json.GetProperty("errors")[0].GetProperty("pointer").GetString());
        Assert.Contains(tested.Json.GetProperty("logs").EnumerateArray(),
            l => l.GetProperty("text").GetString()!.StartsWith("guest: reading the configuration", StringComparison.Ordinal));

        var written = (await Node.PostAsync("listeners/edge/filter_chains/main/http_filters?before=router",
            WasmGuest.Inline(guest.Build()).Replace("\"name\":\"guest\",\"typed", "\"name\":\"refusing\",\"typed",
                StringComparison.Ordinal))).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Equal(expected, written.Json.GetProperty("errors")[0].GetProperty("detail").GetString());
        await RunAsync(guest, plugin: WasmGuest.Patient + ",\"configuration\":\"hello\"");
    }

    [Theory]
    [InlineData("vm_start", """(drop (call $proxy_log (i32.const 5) "no key")) (unreachable)""",
        "it fails at its start: unreachable: the guest gave up; it says: \"no key\"")]
    [InlineData("_initialize", """(drop (call $proxy_log (i32.const 4) "cannot allocate")) (unreachable)""",
        "unreachable: the guest gave up; it says: \"cannot allocate\"")]
    [InlineData("configure", "(return (i32.const 0))", "it refuses its configuration (proxy_on_configure)")]
    public async Task FailureAtItsStart_SaysWhereAndWhatTheModuleSaid(string callback, string code, string error)
    {
        var refused = await Node.PostAsync("filters/test",
            $$"""{"filters": [{{WasmGuest.Inline(new WatGuest().On(callback, code).Build())}}]}""");
        Assert.Equal("module inline: " + error, refused.IsProblem(HttpStatusCode.UnprocessableEntity,
            "VALIDATION_FAILED").Json.GetProperty("errors")[0].GetProperty("detail").GetString());
    }

    [Fact]
    public async Task NetworkFilterBeforeTheManager_RunsToo()
    {
        var module = new WatGuest().On("downstream_data", """(call $n "bytes" (i32.gt_s (local.get $a) (i32.const 10)))""").Build();
        (await Node.PutAsync("listeners/tcp", $$$"""
            {"name":"tcp","address":"127.0.0.1:0","filter_chains":[{"name":"main","filters":[
              {"name":"wasm","typed_config":{"@type":"type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm","config":{"name":"tap"{{{WasmGuest.Patient}}},"vm_config":{"code":{"local":{"inline_bytes":"{{{Convert.ToBase64String(module)}}}"} } } } } },
              {"name":"http_connection_manager","typed_config":{"stat_prefix":"tcp","http_filters":[{"name":"router"}],"route_config":{"name":"r","virtual_hosts":[{"name":"all","domains":["*"],"routes":[{"name":"main","match":{"prefix":"/"},"route":{"cluster":"web"} } ] } ] } } } ] } ] }
            """)).Is(HttpStatusCode.Created);
        var result = (await Node.PostAsync("filters/test", """{"listener": "tcp", "chain": "main"}""")).Is(HttpStatusCode.OK).Json;
        Assert.Equal(200, result.GetProperty("response").GetProperty("status").GetInt32());
        Assert.Contains(Logs(result), l => l.StartsWith("tap: bytes: 1 (vm ''", StringComparison.Ordinal));
    }

    private static string Call(string path) => Ask.Replace("\":CALL\"",
        WatGuest.Pairs((":method", "GET"), (":path", path), (":authority", "auth")), StringComparison.Ordinal);

    private static byte[] Stamping(string stamp)
        => new WatGuest().On("response_headers", $"""(drop (call $proxy_replace_header_map_value (i32.const 2) "x-stamp" "{stamp}"))""")
            .Build();

    private async Task<string?> StampAsync(string body)
        => Header((await Node.PostAsync("filters/test", body)).Is(HttpStatusCode.OK).Json.GetProperty("response"), "x-stamp");

    private async Task<JsonElement> RunAsync(WatGuest guest, string more = "", string plugin = WasmGuest.Patient) =>
        (await Node.PostAsync("filters/test", $$"""{"filters": [{{WasmGuest.Inline(guest.Build(), plugin)}}]{{more}} }"""))
            .Is(HttpStatusCode.OK).Json;

    private static List<JsonElement> Steps(JsonElement result)
        => [.. result.GetProperty("trace").EnumerateArray().Where(s => s.GetProperty("filter").GetString() == "guest")];

    private static JsonElement Step(JsonElement result, string hook) => Steps(result).First(s => s.GetProperty("hook").GetString() == hook);

    private static List<(string? Function, string? Arguments, string? Result)> Calls(JsonElement result, string hook) =>
        [.. Step(result, hook).GetProperty("calls").EnumerateArray()
            .Select(c => (c.GetProperty("function").GetString(), c.GetProperty("arguments").GetString(),
                c.GetProperty("result").GetString()))];

    private static List<string> Logs(JsonElement result)
        => [.. result.GetProperty("logs").EnumerateArray().Select(l => l.GetProperty("text").GetString()!)];

    private static string? Header(JsonElement message, string name) =>
        message.GetProperty("headers").EnumerateArray()
            .FirstOrDefault(h => h.GetProperty("name").GetString() == name) is { ValueKind: JsonValueKind.Object } found
            ? found.GetProperty("value").GetString() : null;
}
