using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Host functions that need no stream: log, time, configuration, shared data, queues, metrics, ticks, foreign functions.</summary>
public sealed class HostTests
{
    [Fact]
    public async Task Log_TakesSixLevels()
        => Assert.Equal(["warn", "error", "critical", "debug: 0", "too much: 2", "negative: 2", "level: 0", "least: 3"],
            await Guests.OnRequestSaysAsync("""
            (drop (call $proxy_log (i32.const 3) "warn")) (drop (call $proxy_log (i32.const 4) "error")) (drop (call $proxy_log (i32.const 5) "critical"))
            (call $r "debug" (call $proxy_log (i32.const 1) "not written at this level"))
            (call $r "too much" (call $proxy_log (i32.const 6) "x")) (call $r "negative" (call $proxy_log (i32.const -1) "x"))
            (call $r "level" (call $proxy_get_log_level (global.get $NUM))) (call $n "least" (i32.load (global.get $NUM)))
            """));

    [Fact]
    public async Task Log_NamesModuleVmAndRequest()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("request_headers", """(call $say "here")""").Build(),
            ", name: gate", ", vm_id: shared");
        await proxy.GetAsync();
        Assert.Contains($"gate: here (vm 'shared', worker 0, request {proxy.Upstream.Requests[0]["x-request-id"]}, version 1)", proxy.Log,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Time_IsNow()
    {
        var said = await Guests.OnRequestSaysAsync("""
            (call $r "time" (call $proxy_get_current_time_nanoseconds (global.get $NUM)))
            (call $n "seconds" (i32.wrap_i64 (i64.div_u (i64.load (global.get $NUM)) (i64.const 1000000000))))
            """);
        Assert.Equal("time: 0", said[0]);
        Assert.InRange(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - int.Parse(said[1]["seconds: ".Length..], null), -2, 10);
    }

    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("{\"b\": [1, 2], \"a\": {\"c\": null}}", "{\"b\":[1,2],\"a\":{\"c\":null}}")]
    [InlineData("{\"@type\": type.googleapis.com/google.protobuf.StringValue, value: \"as it is\"}", "as it is")]
    [InlineData("{\"@type\": type.googleapis.com/google.protobuf.BytesValue, value: aGk=}", "hi")]
    [InlineData("{\"@type\": type.googleapis.com/google.protobuf.Struct, value: {x: 1}}", "{\"x\":1}")]
    [InlineData("", "")]
    public async Task Configuration_ComesInTheFormThatWasGiven(string given, string expected)
    {
        string value = given.StartsWith('{') ? given : WasmProxy.Quote(given);
        var said = await new WatGuest()
            .On("vm_start",
                """(drop (call $proxy_get_buffer_bytes (i32.const 6) (i32.const 0) (local.get $a) (global.get $OUT) (global.get """
                    + """$SIZE))) (call $v "vm")""")
            .On("configure",
                """(drop (call $proxy_get_buffer_bytes (i32.const 7) (i32.const 0) (local.get $a) (global.get $OUT) (global.get """
                    + """$SIZE))) (call $v "plugin")""")
            .SaysAsync($", configuration: {value}", $", configuration: {value}");
        Assert.Equal([$"vm = {expected}", $"plugin = {expected}"], said.Take(2));
    }

    [Fact]
    public async Task GetConfiguration_OfVersion010_IsThePluginsWhileItIsConfigured()
    {
        const string Get = """(call $r "get" (call $proxy_get_configuration (global.get $OUT) (global.get $SIZE))) (call $v "c")""";
        Assert.Equal(["get: 0", "c = of the VM", "get: 0", "c = of the plugin"],
            (await new WatGuest("0_1_0").On("vm_start", Get).On("configure", Get)
                .SaysAsync(", configuration: of the plugin", ", configuration: of the VM")).Take(4));
    }

    [Fact]
    public async Task SharedData_ComparesAndSwaps()
        => Assert.Equal(["none: 1", "set: 0", "get: 0", "v = one", "swap: 0", "stale: 8", "any: 0", "get: 0", "v = three", "empty: 0",
            "get: 0", "v = "], await Guests.OnRequestSaysAsync("""
            (call $r "none" (call $proxy_get_shared_data "k" (global.get $OUT) (global.get $SIZE) (global.get $NUM)))
            (call $r "set" (call $proxy_set_shared_data "k" "one" (i32.const 0)))
            (call $r "get" (call $proxy_get_shared_data "k" (global.get $OUT) (global.get $SIZE) (global.get $NUM))) (call $v "v")
            (call $r "swap" (call $proxy_set_shared_data "k" "two" (i32.load (global.get $NUM))))
            (call $r "stale" (call $proxy_set_shared_data "k" "lost" (i32.load (global.get $NUM))))
            (call $r "any" (call $proxy_set_shared_data "k" "three" (i32.const 0)))
            (call $r "get" (call $proxy_get_shared_data "k" (global.get $OUT) (global.get $SIZE) (global.get $NUM))) (call $v "v")
            (call $r "empty" (call $proxy_set_shared_data "k" "" (i32.const 0)))
            (call $r "get" (call $proxy_get_shared_data "k" (global.get $OUT) (global.get $SIZE) (global.get $NUM))) (call $v "v")
            """));

    [Fact]
    public async Task SharedData_IsThatOfItsVmId_AndOutlivesTheVm()
    {
        const string Set = """(drop (call $proxy_set_shared_data "k" "kept" (i32.const 0)))""",
            Get = """(call $r "get" (call $proxy_get_shared_data "k" (global.get $OUT) (global.get $SIZE) (global.get $NUM)))""";
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("request_headers", Set).Build(), vm: ", vm_id: a");
        await proxy.GetAsync();
        await proxy.PublishAsync(new WatGuest().On("request_headers", Get).Build(), vm: ", vm_id: b");
        await proxy.GetAsync();
        await proxy.PublishAsync(new WatGuest().On("request_headers", Get).Build(), vm: ", vm_id: a");
        await proxy.GetAsync();
        Assert.Equal(["get: 1", "get: 0"], proxy.Said);
    }

    [Fact]
    public async Task Queues_AreFoundByName_AndTellTheirOwner()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("configure", """(call $r "register" (call $proxy_register_shared_queue "q" (global.get $NUM)))""")
            .On("request_headers", """
                (call $r "resolve" (call $proxy_resolve_shared_queue "" "q" (global.get $NUM)))
                (call $r "by id" (call $proxy_resolve_shared_queue "me" "q" (global.get $NUM)))
                (call $r "none" (call $proxy_resolve_shared_queue "me" "other" (global.get $OUT)))
                (call $r "stranger" (call $proxy_resolve_shared_queue "you" "q" (global.get $OUT)))
                (call $r "enqueue" (call $proxy_enqueue_shared_queue (i32.load (global.get $NUM)) "message"))
                (call $r "nowhere" (call $proxy_enqueue_shared_queue (i32.const 999) "message"))
                (call $r "nothing" (call $proxy_dequeue_shared_queue (i32.const 999) (global.get $OUT) (global.get $SIZE)))
                """)
            .On("queue_ready", """
                (call $r "dequeue" (call $proxy_dequeue_shared_queue (local.get $a) (global.get $OUT) (global.get $SIZE))) (call $v "m")
                (call $r "empty" (call $proxy_dequeue_shared_queue (local.get $a) (global.get $OUT) (global.get $SIZE)))
                """).Build(), vm: ", vm_id: me");
        await proxy.GetAsync();
        await Eventually.Async(() => proxy.Said.Contains("empty: 7"), proxy.Log);

        Assert.Equal(["register: 0", "register: 0", "resolve: 0", "by id: 0", "none: 1", "stranger: 1", "enqueue: 0", "nowhere: 1",
            "nothing: 1", "dequeue: 0", "m = message", "empty: 7"], proxy.Said);
    }

    [Fact]
    public async Task QueueOfAVersionThatWasOnlyTried_TellsTheOneInService()
    {
        byte[] guest = new WatGuest()
            .On("configure", """(drop (call $proxy_register_shared_queue "q" (global.get $NUM)))""")
            .On("request_headers",
                """(drop (call $proxy_resolve_shared_queue "" "q" (global.get $NUM))) (drop (call $proxy_enqueue_shared_queue """
                    + """(i32.load (global.get $NUM)) "message"))""")
            .On("queue_ready", """(call $say "ready")""").Build();
        await using var proxy = await WasmProxy.StartAsync(guest, vm: ", vm_id: me");
        Assert.NotNull(proxy.Proxy.Build(WasmProxy.Yaml(guest, proxy.Upstream.Port, ", configuration: other", ", vm_id: me")).Snapshot);

        await proxy.GetAsync();

        await Eventually.Async(() => proxy.Said.Contains("ready"), proxy.Log);
    }

    [Fact]
    public async Task Metrics_AreAmongTheProxysOwn()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("configure",
                """(call $r "define" (call $proxy_define_metric (i32.const 0) "hits" (global.get $NUM))) (call $r "early" (call """
                    + """$proxy_increment_metric (i32.load (global.get $NUM)) (i64.const 2)))""")
            .On("request_headers", """
                (call $r "define" (call $proxy_define_metric (i32.const 0) "hits" (global.get $NUM)))
                (call $r "increment" (call $proxy_increment_metric (i32.load (global.get $NUM)) (i64.const 3)))
                (call $r "negative" (call $proxy_increment_metric (i32.load (global.get $NUM)) (i64.const -1)))
                (call $r "record" (call $proxy_record_metric (i32.load (global.get $NUM)) (i64.const 10)))
                (call $r "get" (call $proxy_get_metric (i32.load (global.get $NUM)) (i32.const 40)))
                (call $n "hits" (i32.load (i32.const 40)))
                (call $r "define" (call $proxy_define_metric (i32.const 1) "level" (global.get $NUM)))
                (call $r "set" (call $proxy_record_metric (i32.load (global.get $NUM)) (i64.const 7)))
                (call $r "down" (call $proxy_increment_metric (i32.load (global.get $NUM)) (i64.const -3)))
                (call $r "get" (call $proxy_get_metric (i32.load (global.get $NUM)) (i32.const 40)))
                (call $n "level" (i32.load (i32.const 40)))
                (call $r "define" (call $proxy_define_metric (i32.const 2) "sizes;a=b.c" (global.get $NUM)))
                (call $r "record" (call $proxy_record_metric (i32.load (global.get $NUM)) (i64.const 100)))
                (call $r "increment" (call $proxy_increment_metric (i32.load (global.get $NUM)) (i64.const 1)))
                (call $r "get" (call $proxy_get_metric (i32.load (global.get $NUM)) (i32.const 40)))
                (call $r "kind" (call $proxy_define_metric (i32.const 3) "x" (global.get $NUM)))
                (call $r "other kind" (call $proxy_define_metric (i32.const 1) "hits" (global.get $NUM)))
                (call $r "nameless" (call $proxy_define_metric (i32.const 0) "" (global.get $NUM)))
                (call $r "unknown" (call $proxy_increment_metric (i32.const 99999) (i64.const 1)))
                (call $r "unknown" (call $proxy_get_metric (i32.const 99999) (i32.const 40)))
                """).Build());
        await proxy.GetAsync();

        Assert.Equal(["define: 0", "increment: 0", "negative: 2", "record: 0", "get: 0", "hits: 15", "define: 0", "set: 0", "down: 0",
            "get: 0", "level: 4", "define: 0", "record: 0", "increment: 2", "get: 2", "kind: 2", "other kind: 2", "nameless: 2",
                "unknown: 1", "unknown: 1"],
            proxy.Said.SkipWhile(s => s != "early: 0").SkipWhile(s => s is "early: 0").SkipWhile(s => s is "define: 0" or "early: 0")
                .ToList() is { } rest ? ["define: 0", .. rest] : []);
        Assert.Equal(15, proxy.Proxy.Stat("wasmcustom.hits"));
        Assert.Equal(4, proxy.Proxy.Stat("wasmcustom.level"));
        Assert.Contains(proxy.Proxy.Server.Stats.Read(), s => s.Name == "wasmcustom.sizes;a=b.c" && s.Value == 1);
    }

    [Fact]
    public async Task Ticks_ComeUntilTheyAreSwitchedOff()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().With("(global $n (mut i32) (i32.const 0))")
            .On("vm_start", """(call $r "period" (call $proxy_set_tick_period_milliseconds (i32.const 10)))""")
            .On("tick", """(global.set $n (i32.add (global.get $n) (i32.const 1))) (call $n "tick" (global.get $n)) (if (i32.eq """
                + """(global.get $n) (i32.const 3)) (then (call $r "off" (call $proxy_set_tick_period_milliseconds (i32.const 0)))))""")
                    .Build());
        await Eventually.Async(() => proxy.Said.Contains("off: 0"), proxy.Log);
        await proxy.Proxy.PassAsync(60);
        Assert.Equal(["period: 0", "period: 0", "tick: 1", "tick: 2", "tick: 3", "off: 0"], proxy.Said);
    }

    [Fact]
    public async Task ForeignFunctions_AreFoundByName()
        => Assert.Equal(["unknown: 1", "compress: 0", "uncompress: 0", "text = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "garbage: 3", "cut: 3", "no result: 0", "route: 0", "state: 0", "get: 0", "s = of mine", "wrong: 2"],
            await Guests.OnRequestSaysAsync("""
            (call $r "unknown" (call $proxy_call_foreign_function "no_such" "x" (global.get $OUT) (global.get $SIZE)))
            (call $r "compress" (call $proxy_call_foreign_function "compress" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" (global.get $OUT) (global.get $SIZE)))
            (call $r "uncompress" (call $proxy_call_foreign_function "uncompress" (i32.load (global.get $OUT)) (i32.load (global.get $SIZE)) (global.get $OUT) (global.get $SIZE))) (call $v "text")
            (call $r "garbage" (call $proxy_call_foreign_function "uncompress" "not zlib" (global.get $OUT) (global.get $SIZE)))
            (call $r "cut" (call $proxy_call_foreign_function "uncompress" "\78\9c\4b\4c" (global.get $OUT) (global.get $SIZE)))
            (call $r "no result" (call $proxy_call_foreign_function "compress" "x" (i32.const 0) (i32.const 0)))
            (call $r "route" (call $proxy_call_foreign_function "clear_route_cache" "" (global.get $OUT) (global.get $SIZE)))
            (call $r "state" (call $proxy_call_foreign_function "set_envoy_filter_state" "\0a\01k\12\07of mine" (global.get $OUT) (global.get $SIZE)))
            (call $r "get" (call $proxy_get_property "filter_state\00k" (global.get $OUT) (global.get $SIZE))) (call $v "s")
            (call $r "wrong" (call $proxy_call_foreign_function "declare_property" "" (global.get $OUT) (global.get $SIZE)))
            """, plugin: ", limits: {cpu_per_call: 1s}"));

    [Fact]
    public async Task ForeignFunction_CallsBack()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("request_headers",
                """(call $r "call" (call $proxy_call_foreign_function "managed.call_back" "argument" (i32.const 0) (i32.const 0)))""")
            .On("foreign_function",
                """(call $n "function" (local.get $a)) (drop (call $proxy_get_buffer_bytes (i32.const 8) (i32.const 0) (local.get $b) """
                    + """(global.get $OUT) (global.get $SIZE))) (call $v "with")""").Build());
        await proxy.GetAsync();
        await Eventually.Async(() => proxy.Said.Count == 3, proxy.Log);
        Assert.Equal(["call: 0", "function: 1", "with = argument"], proxy.Said);
    }

    [Fact]
    public async Task Done_IsNotFoundWhenNothingEnds()
        => Assert.Equal(["done: 1", "status: 0", "code: 0"],
            await Guests.OnRequestSaysAsync(
                """(call $r "done" (call $proxy_done)) (call $r "status" (call $proxy_get_status (global.get $NUM) (global.get $OUT) """
                    + """(global.get $SIZE))) (call $n "code" (i32.load (global.get $NUM)))"""));
}
