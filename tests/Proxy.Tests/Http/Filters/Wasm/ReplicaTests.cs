using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>What becomes of a worker's VM when plugins come and go, and when it fails in between.</summary>
public sealed class ReplicaTests
{
    private static readonly byte[] TrapsWhenTold = new WatGuest()
        .On("request_headers",
            """(if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) "x-trap" (global.get $OUT) (global.get $SIZE))) (then """
                + """unreachable))""")
        .On("configure", """(call $n "configure" (local.get $a))""").Build();

    // Some 20 ms of CPU time, which is more than a worker may be held for.
    private static readonly byte[] SlowToConfigure = new WatGuest()
        .On("configure",
            "(local.set $x (i32.const 20000000)) (loop $more (local.set $x (i32.sub (local.get $x) (i32.const 1))) (br_if $more "
                + "(local.get $x)))").Build();

    [Fact]
    public async Task Plugin_ThatComesWhileTheVmIsDown_LivesInTheNext()
    {
        await using var proxy = await WasmProxy.StartAsync(TrapsWhenTold, ", configuration: one");
        Assert.Equal(503, (await proxy.GetAsync(headers: "x-trap: 1\r\n")).Status);
        await proxy.PublishAsync(TrapsWhenTold, ", configuration: three");
        int before = proxy.Said.Count;

        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Contains("configure: 5", proxy.Said);
        // The plugin that the new version has not is not started again with it. (During a slow publication the former one comes up again.)
        Assert.DoesNotContain("configure: 3", proxy.Said.Skip(before));
        Assert.Equal((1, 1), proxy.Proxy.Server.GuestVms()[0] is var vm ? (vm.Active, vm.Reloads) : default);
    }

    [Fact]
    public async Task PluginThatStartsSlowly_ComesInAVmOfItsOwn()
    {
        await using var proxy = await WasmProxy.StartAsync(SlowToConfigure, ", configuration: one");
        await proxy.PublishAsync(SlowToConfigure, ", configuration: two");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => proxy.Proxy.Server.GuestVms() is [{ Active: 1, Created: 2, Reloads: 0 }],
            "the former VM ends: " + string.Join(", ", proxy.Proxy.Server.GuestVms()));
    }

    [Fact]
    public async Task PluginThatStartsQuickly_ComesIntoTheVmThatRuns()
    {
        await using var proxy = await WasmProxy.StartAsync(TrapsWhenTold, ", configuration: one");
        await proxy.PublishAsync(TrapsWhenTold, ", configuration: three");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal((1, 1), proxy.Proxy.Server.GuestVms()[0] is var vm ? (vm.Active, vm.Created) : default);
    }

    [Fact]
    public async Task Callbacks_AreCountedEach()
    {
        await using var proxy = await WasmProxy.StartAsync(TrapsWhenTold);
        for (int i = 0; i < 3; i++) await proxy.GetAsync();
        var vm = Assert.Single(proxy.Proxy.Server.GuestVms());
        // Its configuration was another thread's: what is counted is what the worker did.
        Assert.Equal(("proxy_on_request_headers", 3L), Assert.Single(vm.Callbacks) is var c ? (c.Name, c.Calls) : default);
        Assert.Equal(3, proxy.Proxy.Server.Stats.Value("wasm.inline.calls"));
    }
}
