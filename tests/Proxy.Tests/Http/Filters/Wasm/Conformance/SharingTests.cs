using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>Plugins in one VM and VMs beside each other: who is told what, and what outlives whom.</summary>
public sealed class SharingTests
{
    private const string Who = """
        (drop (call $proxy_get_property "plugin_root_id" (global.get $OUT) (global.get $SIZE))) (call $v "root")
        (drop (call $proxy_get_property "plugin_name" (global.get $OUT) (global.get $SIZE))) (call $v "name")
        """;

    // An upstream, and a proxy with these plugins one after the other.
    private static async Task<WasmProxy> StartAsync(params (byte[] Module, string Plugin, string Vm)[] plugins)
    {
        var proxy = await WasmProxy.StartAsync(new WatGuest().Build());
        await PublishAsync(proxy, plugins);
        return proxy;
    }

    private static Task PublishAsync(WasmProxy proxy, params (byte[] Module, string Plugin, string Vm)[] plugins)
        => proxy.Proxy.PublishAsync(WasmProxy.Document(
            string.Join(", ", plugins.Select((p, i) => WasmProxy.Filter(p.Module, p.Plugin, p.Vm, $"wasm{i}"))), proxy.Upstream.Port)
                .Replace("http_filters: [, ", "http_filters: [", StringComparison.Ordinal));

    [Fact]
    public async Task Plugin_KnowsItselfFromItsCreationOn()
    {
        byte[] module = new WatGuest().On("context_create", Who).On("request_headers", Who).Build();
        await using var proxy = await StartAsync((module, ", name: one, root_id: r1", ""), (module, ", name: two, root_id: r2", ""));
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        string[] one = ["root = r1", "name = one"], two = ["root = r2", "name = two"];
        // Tried, in service, and for each a stream: created, then its headers.
        Assert.Equal([.. one, .. two, .. one, .. two, .. one, .. one, .. two, .. two], proxy.Said);
        Assert.Single(proxy.Proxy.Server.GuestVms(), v => v.Active > 0 && v.Executions > 0);
    }

    [Theory]
    [InlineData("", "", 1)]
    [InlineData(", vm_id: a", ", vm_id: b", 2)]
    [InlineData(", configuration: a", ", configuration: b", 2)]
    [InlineData(", environment_variables: {key_values: {A: b} }", "", 2)]
    public async Task WhatMakesAVm_DecidesWhoSharesIt(string first, string second, int vms)
    {
        byte[] module = new WatGuest().With("(global $n (mut i32) (i32.const 0))")
            .On("request_headers", """(global.set $n (i32.add (global.get $n) (i32.const 1))) (call $n "count" (global.get $n))""").Build();
        await using var proxy = await StartAsync((module, ", name: one", first), (module, ", name: two", second));
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(["count: 1", $"count: {(vms == 1 ? 2 : 1)}"], proxy.Said);
    }

    [Fact]
    public async Task Ticks_AreEachPluginsOwn()
    {
        // The length of a plugin's configuration is its period; each switches itself off.
        byte[] module = new WatGuest().On("configure", "(drop (call $proxy_set_tick_period_milliseconds (local.get $a)))")
            .On("tick", """(call $n "tick" (local.get $ctx)) (drop (call $proxy_set_tick_period_milliseconds (i32.const 0)))""").Build();
        await using var proxy = await StartAsync((module, ", name: one, configuration: 0123456789", ""),
            (module, ", name: two, configuration: 01234567890123456789", ""), (module, ", name: three", ""));
        await Eventually.Async(() => proxy.Said.Count >= 2, proxy.Log);
        await proxy.GetAsync();
        Assert.Equal(["tick: 1", "tick: 2"], proxy.Said);
    }

    [Fact]
    public async Task EffectiveContext_ReachesAnotherPluginsStream()
    {
        // The second plugin's callback works on the first's stream, whose number is one less.
        byte[] module = new WatGuest().On("request_headers", """
            (drop (call $proxy_set_effective_context (i32.const 3)))
            (drop (call $proxy_get_property "plugin_name" (global.get $OUT) (global.get $SIZE))) (call $v "name")
            """).Build();
        await using var proxy = await StartAsync((module, ", name: one", ""), (module, ", name: two", ""));
        await proxy.GetAsync();
        Assert.Equal(["name = one", "name = one"], proxy.Said);
    }

    [Fact]
    public async Task Queue_CarriesMessagesFromOneVmIdToAnother()
    {
        byte[] consumer = new WatGuest().On("configure", """(drop (call $proxy_register_shared_queue "q" (global.get $NUM)))""")
            .On("queue_ready",
                """(drop (call $proxy_dequeue_shared_queue (local.get $a) (global.get $OUT) (global.get $SIZE))) (call $v "got")""")
                    .Build();
        byte[] producer = new WatGuest().On("request_headers", """
            (call $r "resolve" (call $proxy_resolve_shared_queue "consumer" "q" (global.get $NUM)))
            (call $r "enqueue" (call $proxy_enqueue_shared_queue (i32.load (global.get $NUM)) "message"))
            """).Build();
        await using var proxy = await StartAsync((consumer, "", ", vm_id: consumer"), (producer, "", ", vm_id: producer"));
        await proxy.GetAsync();
        await Eventually.Async(() => proxy.Said.Contains("got = message"), proxy.Log);
        Assert.Equal(["resolve: 0", "enqueue: 0", "got = message"], proxy.Said);
    }

    [Fact]
    public async Task Queue_StaysWithThoseInService_WhenAConfigurationIsRefused()
    {
        // Refuses a configuration of three bytes, after it has registered the queue.
        byte[] module = new WatGuest().On("configure",
            """(drop (call $proxy_register_shared_queue "q" (global.get $NUM))) (if (i32.eq (local.get $a) (i32.const 3)) (then """
                + """(return (i32.const 0))))""")
            .On("request_headers",
                """(drop (call $proxy_resolve_shared_queue "" "q" (global.get $NUM))) (drop (call $proxy_enqueue_shared_queue """
                    + """(i32.load (global.get $NUM)) "message"))""")
            .On("queue_ready", """(call $n "ready" (local.get $ctx))""").Build();
        await using var proxy = await StartAsync((module, "", ""));
        Assert.False((await proxy.Proxy.TryPublishAsync(WasmProxy.Yaml(module, proxy.Upstream.Port, ", configuration: abc"))).Applied);
        await proxy.GetAsync();
        await Eventually.Async(() => proxy.Said.Contains("ready: 1"), proxy.Log);
    }

    [Fact]
    public async Task Queue_GoesBackToWhoRegisteredBefore_WhenItsOwnerGoes()
    {
        byte[] module = new WatGuest().On("configure", """(drop (call $proxy_register_shared_queue "q" (global.get $NUM)))""")
            .On("request_headers",
                """(drop (call $proxy_resolve_shared_queue "" "q" (global.get $NUM))) (drop (call $proxy_enqueue_shared_queue """
                    + """(i32.load (global.get $NUM)) "message"))""")
            .On("queue_ready", Who).Build();
        await using var proxy = await StartAsync((module, ", name: one", ""), (module, ", name: two", ""));
        await PublishAsync(proxy, (module, ", name: one", ""));
        // Its owner goes once the version is in service: until then it may still take one.
        await Eventually.TrueAsync(async () =>
        {
            await proxy.GetAsync();
            return proxy.Said.Contains("name = one");
        }, "the message goes to who registered before");
    }

    [Fact]
    public async Task SharedDataAndMetrics_AreOneForAllWorkers()
    {
        // Adds one to a shared number by compare-and-swap until it succeeds, and counts.
        byte[] module = new WatGuest().With("(global $id (mut i32) (i32.const 0))")
            .On("configure",
                """(drop (call $proxy_define_metric (i32.const 0) "of all" (global.get $NUM))) (global.set $id (i32.load (global.get """
                    // a CAS of 0 asks nothing
                    + """$NUM))) (drop (call $proxy_set_shared_data "n" (i32.const 400) (i32.const 4) (i32.const 0)))""")
            .On("request_headers", """
                (drop (call $proxy_increment_metric (global.get $id) (i64.const 1)))
                (loop $again
                  (i32.store (i32.const 400) (i32.const 0)) (i32.store (global.get $NUM) (i32.const 0))
                  (if (i32.eqz (call $proxy_get_shared_data "n" (global.get $OUT) (global.get $SIZE) (global.get $NUM))) (then (i32.store (i32.const 400) (i32.load (i32.load (global.get $OUT))))))
                  (i32.store (i32.const 400) (i32.add (i32.load (i32.const 400)) (i32.const 1)))
                  (br_if $again (call $proxy_set_shared_data "n" (i32.const 400) (i32.const 4) (i32.load (global.get $NUM)))))
                (call $n "n" (i32.load (i32.const 400)))
                """).Build();
        await using var proxy = await WasmProxy.StartAsync(module, workers: 2);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => proxy.GetAsync()));
        Assert.Contains("n: 40", proxy.Said);
        Assert.Equal(40, proxy.Proxy.Stat("wasmcustom.of all"));
    }
}
