using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>
/// What is still on its way when a plugin or its VM goes: answers, ticks, messages, delayed ends. None of it reaches a VM that is gone.
/// </summary>
public sealed class VmEndTests
{
    private static readonly string Call =
        $"""(drop (call $proxy_http_call "up" {WatGuest.Pairs((":method", "GET"), (":path", "/slow"), (":authority", "a"))}"""
            + $""" "" "" (i32.const 5000) (global.get $NUM)))""";

    private static string Two(WasmProxy proxy, params string[] filters)
        => WasmProxy.Document(string.Join(", ", filters), proxy.Upstream.Port)
            .Replace("http_filters: [, ", "http_filters: [", StringComparison.Ordinal);

    // "/t…" traps, "/c…" calls; the upstream answers "/slow" when it is told to.
    private static WatGuest Caller() => new WatGuest().On("request_headers", $"""
        (drop (call $proxy_get_header_map_value (i32.const 0) ":path" (global.get $OUT) (global.get $SIZE)))
        (i32.store (global.get $NUM) (i32.load8_u (i32.add (i32.load (global.get $OUT)) (i32.const 1))))
        (if (i32.eq (i32.load (global.get $NUM)) (i32.const 116)) (then unreachable))
        (if (i32.eq (i32.load (global.get $NUM)) (i32.const 99)) (then {Call}))
        """).On("http_call_response", """(call $say "answered")""");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnswerForAVmThatIsGone_IsDropped(bool failed)
    {
        var release = new TaskCompletionSource();
        await using var proxy = await WasmProxy.StartAsync(Caller().Build());
        proxy.Upstream.OnHead = (request, _) => request.Target == "/slow" ? release.Task : Task.CompletedTask;
        Assert.Equal(200, (await proxy.GetAsync("/call")).Status);
        if (failed) Assert.Equal(503, (await proxy.GetAsync("/trap")).Status);
        else await proxy.PublishAsync(new WatGuest().Build());
        await Eventually.Async(() => proxy.Proxy.Stat("wasm.envoy.wasm.runtime.wasmtime.active") >= 0
            && proxy.Proxy.Server.GuestVms() is [{ Active: <= 1 }], proxy.Log);
        release.SetResult();
        await Eventually.TrueAsync(async () => (await proxy.GetAsync("/fine")).Status == 200, "the new VM"); // the new VM may need a moment
        for (int i = 0; i < 5; i++) Assert.Equal(200, (await proxy.GetAsync("/fine")).Status);
        Assert.DoesNotContain("answered", proxy.Said);
    }

    [Fact]
    public async Task PluginThatTakesItsTime_KeepsItsVm_ThoughAllElseOfItGoes()
    {
        // Of two plugins in a VM one goes first and wants to stay a little; then the VM loses its last user.
        byte[] module = new WatGuest()
            .On("done", """(call $n "done" (local.get $ctx)) (if (i32.eq (local.get $ctx) (i32.const 2)) (then (drop (call """
                + """$proxy_set_tick_period_milliseconds (i32.const 60))) (return (i32.const 0))))""")
            .On("tick", """(call $n "tick" (local.get $ctx)) (drop (call $proxy_done))""").On("log", """(call $n "log" (local.get $ctx))""")
                .On("delete", """(call $n "delete" (local.get $ctx))""").Build();
        string one = WasmProxy.Filter(module, ", name: one", name: "one"), two = WasmProxy.Filter(module, ", name: two", name: "two");
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().Build());
        await proxy.Proxy.PublishAsync(Two(proxy, one, two));
        await proxy.Proxy.PublishAsync(Two(proxy, one));
        await proxy.Proxy.PublishAsync(Two(proxy));
        await Eventually.Async(() => proxy.Said.Contains("delete: 2") && proxy.Said.Contains("delete: 1"), proxy.Log);
        Assert.Equal(["done: 2", "tick: 2", "delete: 2"], proxy.Said.Where(s => s.EndsWith(": 2", StringComparison.Ordinal)));
        Assert.Equal(["done: 1", "delete: 1"], proxy.Said.Where(s => s.EndsWith(": 1", StringComparison.Ordinal)));
        await Eventually.Async(() => proxy.Proxy.Stat("wasm.one.vm_active") == 0, "the VM is given back");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
    }

    [Theory]
    [InlineData("(return (i32.const 0))", 1)]
    [InlineData("unreachable", 2)]
    public async Task PluginThatDoesNotStartInAVmThatRuns_LeavesNothingBehind(string ending, int created)
    {
        // Its configuration (of six bytes) is accepted once, by the VM that tries it.
        byte[] module = new WatGuest()
            .On("configure",
                $"""(if (i32.eq (local.get $a) (i32.const 6)) (then (if (i32.eqz (call $proxy_get_shared_data "tried" (global.get """
                    + $"""$OUT) (global.get $SIZE) (global.get $NUM))) (then (drop (call $proxy_set_tick_period_milliseconds """
                        + $"""(i32.const 5))) {Call} {ending})) (drop (call $proxy_set_shared_data "tried" "x" (i32.const 0)))))""")
            .On("tick", """(call $say "tick")""").On("http_call_response", """(call $say "answered")""").Build();
        // The first start of its kind compiles code of the host's for longer than a plugin may take that starts in a VM that runs.
        await using (var first = await WasmProxy.StartAsync(module))
            await Record.ExceptionAsync(() => first.PublishAsync(module, ", configuration: second"));
        await using var proxy = await WasmProxy.StartAsync(module);
        await proxy.PublishAsync(module, ", configuration: second");
        Assert.Equal(503, (await proxy.GetAsync()).Status);
        await proxy.PublishAsync(module);
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await proxy.Proxy.PassAsync(50); // ten ticks, if it had any
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Empty(proxy.Said);
        Assert.Equal(created, proxy.Proxy.Stat("wasm.inline.vm_created"));
    }

    [Fact]
    public async Task OldStreams_FinishOnTheOldCode()
    {
        static byte[] Module(string name) => new WatGuest()
            .On("request_body", $"""(if (i32.eqz (local.get $b)) (then (return (i32.const 1)))) (call $say "{name} body")""")
                .On("log", $"""(if (i32.ne (local.get $ctx) (i32.const 1)) (then (call $say "{name} log")))""").Build();
        await using var proxy = await WasmProxy.StartAsync(Module("old"));
        await using var client = await proxy.Proxy.ConnectAsync();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
        await Eventually.Async(() => proxy.Proxy.Server.GuestVms()[0].Executions >= 1, proxy.Log);
        await proxy.PublishAsync(Module("new"));
        Assert.Equal(200, (await proxy.PostAsync("x")).Status);
        await client.SendAsync("def");
        Assert.Equal(200, (await client.ReadAsync()).Status);
        await Eventually.Async(() => proxy.Said.Count == 4, proxy.Log);
        Assert.Equal(["new body", "new log", "old body", "old log"], proxy.Said);
        await Eventually.Async(() => proxy.Proxy.Server.GuestVms().Sum(v => v.Active) == 1, "the old VM goes with its last stream");
    }
}
