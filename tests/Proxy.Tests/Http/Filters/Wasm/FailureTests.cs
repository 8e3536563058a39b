using Managed.Proxy.Core;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Guests that fail: contained on their stream, replaced, kept out after repeated failures.</summary>
public sealed class FailureTests
{
    // Traps where the path says so.
    private static WatGuest OnPath(string callback, string trap = "unreachable") => new WatGuest()
        .On(callback, $"""
            (drop (call $proxy_get_header_map_value (i32.const 0) ":path" (global.get $OUT) (global.get $SIZE)))
            (if (i32.eq (i32.load8_u (i32.add (i32.load (global.get $OUT)) (i32.const 1))) (i32.const 116)) (then {trap}))
            """); // "/t…"

    private static GuestVmStatus Vm(WasmProxy proxy) => Assert.Single(proxy.Proxy.Server.GuestVms());

    [Theory]
    [InlineData("request_headers", "", 503)]
    [InlineData("request_headers", ", failure_policy: FAIL_CLOSED", 503)]
    [InlineData("request_headers", ", failure_policy: FAIL_RELOAD", 503)]
    [InlineData("request_headers", ", failure_policy: FAIL_OPEN", 200)]
    [InlineData("request_headers", ", fail_open: true", 200)]
    [InlineData("request_body", "", 503)]
    [InlineData("request_body", ", failure_policy: FAIL_OPEN", 200)]
    [InlineData("response_headers", "", 503)]
    [InlineData("response_headers", ", failure_policy: FAIL_OPEN", 200)]
    [InlineData("response_body", "", 503)]
    [InlineData("response_body", ", failure_policy: FAIL_OPEN", 200)]
    public async Task Trap_CostsItsStream_AsThePolicySays(string callback, string policy, int status)
    {
        await using var proxy = await WasmProxy.StartAsync(OnPath(callback).Build(), policy);
        Assert.Equal(200, (await proxy.PostAsync("body", "/fine")).Status);

        Assert.Equal(status, (await proxy.PostAsync("body", "/trap")).Status);

        if (!policy.Contains("RELOAD", StringComparison.Ordinal)) Assert.Equal(200, (await proxy.PostAsync("body", "/fine")).Status);
        var vm = Vm(proxy);
        Assert.Equal(1, vm.Errors);
        Assert.Contains("unreachable", vm.LastError, StringComparison.Ordinal);
        Assert.Contains(proxy.Proxy.Log.Lines, l => l.Contains("failed on worker 0: unreachable", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("context_create")]
    [InlineData("done")]
    [InlineData("log")]
    [InlineData("delete")]
    public async Task Trap_AtTheEdgesOfAStream_IsContainedToo(string callback)
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On(callback, """(if (i32.ne (local.get $ctx) (i32.const 1)) (then unreachable))""").Build());
        for (int i = 0; i < 3; i++) Assert.Equal(callback == "context_create" ? 503 : 200, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => Vm(proxy).Errors == 3, proxy.Log);
        await Eventually.Async(() => Vm(proxy).Active <= 1, "VMs that failed go with their last stream");
    }

    [Theory]
    [InlineData("unreachable", "unreachable")]
    [InlineData("(drop (i32.load (i32.const 0x7fffffff)))", "memory access out of bounds")]
    [InlineData("(drop (i32.div_u (i32.const 1) (i32.load (i32.const 0))))", "division by zero")]
    [InlineData("(call $deep)", "stack overflow")]
    [InlineData("(loop $l (br $l))", "ran longer than 10 ms")]
    [InlineData("(call $proc_exit (i32.const 3))", "proc_exit(3)")]
    public async Task Trap_IsNamed(string trap, string said)
    {
        var guest = OnPath("request_headers", trap).With("(func $deep (call $deep) (call $deep))");
        await using var proxy = await WasmProxy.StartAsync(guest.Build());

        Assert.Equal(503, (await proxy.GetAsync("/trap")).Status);

        Assert.Contains(said, Vm(proxy).LastError, StringComparison.Ordinal);
        Assert.Equal(200, (await proxy.GetAsync("/fine")).Status);
        Assert.Equal(said.StartsWith("ran", StringComparison.Ordinal) ? 1 : 0, Vm(proxy).Breaches);
    }

    [Fact]
    public async Task StreamsOfAVmThatFailed_GoOn()
    {
        // Two wait; a third traps; both others finish with what their own VM knows.
        var guest = OnPath("request_headers").On("request_body",
            """(if (i32.eqz (local.get $b)) (then (return (i32.const 1)))) (call $n "whole" (local.get $a))""");
        await using var proxy = await WasmProxy.StartAsync(guest.Build());
        await using var one = await proxy.Proxy.ConnectAsync();
        await using var two = await proxy.Proxy.ConnectAsync();
        foreach (var client in new[] { one, two }) await client.SendAsync("POST /fine HTTP/1.1\r\nhost: h\r\ncontent-length: 6\r\n\r\nabc");
        await Eventually.Async(() => Vm(proxy).Executions >= 4, proxy.Log);

        Assert.Equal(503, (await proxy.GetAsync("/trap")).Status);
        // On a busy machine the new VM is made beside the worker.
        await Eventually.TrueAsync(async () => (await proxy.GetAsync("/fine")).Status == 200, "the new VM");
        Assert.Equal(2, Vm(proxy).Active);
        foreach (var client in new[] { one, two })
        {
            await client.SendAsync("def");
            Assert.Equal(200, (await client.ReadAsync()).Status);
        }

        Assert.Equal(["whole: 6", "whole: 6"], proxy.Said.Where(s => s.StartsWith("whole", StringComparison.Ordinal)));
        await Eventually.Async(() => Vm(proxy).Active == 1, "the old VM goes");
        Assert.Equal((2, 1), (Vm(proxy).Created, Vm(proxy).Reloads));
    }

    [Fact]
    public async Task RepeatedFailures_EndInQuarantine()
    {
        await using var proxy = await WasmProxy.StartAsync(OnPath("request_headers").Build());
        // On a busy machine a new VM may need a moment, and a request that finds none is no failure of the guest.
        for (int i = 0; i < 500 && Vm(proxy).State != "quarantined"; i++) Assert.Equal(503, (await proxy.GetAsync("/trap")).Status);

        Assert.Equal(503, (await proxy.GetAsync("/fine")).Status);
        var vm = Vm(proxy);
        Assert.Equal("quarantined", vm.State);
        Assert.InRange(vm.RetryInSeconds ?? 0, 0.1, 1);
        Assert.Equal(1, proxy.Proxy.Stat("wasm.inline.quarantines"));
        await Eventually.TrueAsync(async () => (await proxy.GetAsync("/fine")).Status == 200, "the new VM");
    }

    [Fact]
    public async Task Reload_WaitsForItsBackoff()
    {
        await using var proxy = await WasmProxy.StartAsync(OnPath("request_headers").Build(),
            ", failure_policy: FAIL_RELOAD, reload_config: {backoff: {base_interval: 1.5s} }");
        long loaded = Environment.TickCount64;
        Assert.Equal(503, (await proxy.GetAsync("/trap")).Status);
        Assert.Equal(503, (await proxy.GetAsync("/fine")).Status);
        Assert.Equal("backoff", Vm(proxy).State);
        await Eventually.TrueAsync(async () => (await proxy.GetAsync("/fine")).Status == 200, "the new VM");
        Assert.True(Environment.TickCount64 - loaded >= 1000, $"{Environment.TickCount64 - loaded} ms");
        Assert.Equal(1, Vm(proxy).Reloads);
    }

    [Fact]
    public async Task VmThatCannotBeMadeAnew_IsTriedAgainLater()
    {
        // The first to come to the second start finds shared data that makes it fail.
        await using var proxy = await WasmProxy.StartAsync(
            OnPath("request_headers", """(drop (call $proxy_set_shared_data "poison" "x" (i32.const 0))) unreachable""")
            .On("vm_start",
                """(if (i32.eqz (call $proxy_get_shared_data "poison" (global.get $OUT) (global.get $SIZE) (global.get $NUM))) (then """
                    + """unreachable))""").Build());
        Assert.Equal(503, (await proxy.GetAsync("/trap")).Status);
        Assert.Equal(503, (await proxy.GetAsync("/fine")).Status);
        Assert.Equal("backoff", Vm(proxy).State);
        Assert.Contains("fails at its start", Vm(proxy).LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PausedStream_GoesOnWithoutThePlugin_WhereFailingIsOpen()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().With("(global $who (mut i32) (i32.const 0))")
            .On("configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 20)))")
            .On("request_headers", "(global.set $who (local.get $ctx)) (return (i32.const 1))")
            .On("tick", "(if (global.get $who) (then (drop (call $proxy_set_effective_context (global.get $who))) unreachable))").Build(),
                ", failure_policy: FAIL_OPEN");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(1, proxy.Proxy.Stat("wasm.inline.failed_open"));
    }
}
