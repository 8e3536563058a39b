using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>How modules of all versions and toolchains come to life: their start, their allocator, their imports.</summary>
public sealed class StartTests
{
    private static string Say(string text) => $"(call $say \"{text}\")";

    private static WatGuest Starting(string abi, string way)
    {
        var guest = new WatGuest(abi).On("configure", Say("configure"));
        foreach (string part in way.Split('+'))
            _ = part switch
            {
                "section" => guest.With($"(start $begin) (func $begin {Say("section")})"),
                "__main_void" => guest.With($"(func (export \"__main_void\") (result i32)\n{Say("__main_void")} (i32.const 3))"),
                "main()" => guest.With($"(func (export \"main\") (result i32)\n{Say("main()")} (i32.const 3))"),
                "nothing" => guest,
                _ => guest.On(part, Say(part)),
            };
        return guest;
    }

    [Theory]
    [InlineData("nothing", "")]
    [InlineData("section", "section")]
    [InlineData("_initialize", "_initialize")]
    [InlineData("_initialize+main", "_initialize main")]
    [InlineData("_initialize+main()", "_initialize main()")]
    [InlineData("_initialize+__main_void", "_initialize __main_void")]
    [InlineData("_start", "_start")]
    [InlineData("_start+main", "_start")]
    [InlineData("_start+_initialize", "_initialize")]
    [InlineData("section+_start", "section _start")]
    [InlineData("main", "main")]
    public async Task EveryWayToStart_RunsOnceBeforeThePlugin(string way, string expected)
    {
        foreach (string abi in new[] { "0_1_0", "0_2_0", "0_2_1" })
        {
            string[] once = [.. expected.Split(' ', StringSplitOptions.RemoveEmptyEntries), "configure"];
            Assert.Equal([.. once, .. once], await Starting(abi, way).SaysAsync()); // once by the VM that tries the configuration
        }
    }

    [Theory]
    [InlineData("_start", 0, null)] // the end of a program
    [InlineData("_start", 3, "it called proc_exit(3)")]
    [InlineData("_initialize", 1, "it called proc_exit(1)")]
    [InlineData("section", 0, "it called proc_exit(0)")] // leaves no instance to go on with
    [InlineData("section", 2, "it called proc_exit(2)")]
    public async Task ProcExit_EndsTheStart_AsItsCodeSays(string where, int code, string? refusal)
    {
        string exit = $"(call $proc_exit (i32.const {code}))";
        var guest = new WatGuest().On("request_headers", Say("request"));
        if (where == "section") guest.With($"(start $begin) (func $begin {exit})"); else guest.On(where, exit);
        if (refusal is null)
        {
            Assert.Equal(["request"], await guest.SaysAsync());
            return;
        }
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        var result = await proxy.TryPublishAsync(WasmProxy.Yaml(guest.Build(), 1));
        Assert.Contains(refusal, string.Join("\n", result.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("request_headers", 0)]
    [InlineData("request_headers", 7)]
    [InlineData("done", 0)]
    public async Task ProcExit_WithinACallback_IsAFailure(string callback, int code)
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On(callback, $"(if (i32.ne (local.get $ctx) (i32.const 1)) (then (call $proc_exit (i32.const {code}))))").Build());
        Assert.Equal(callback == "done" ? 200 : 503, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => proxy.Proxy.Server.GuestVms() is [{ Errors: 1 } vm]
            && vm.LastError.Contains($"proc_exit({code})", StringComparison.Ordinal), proxy.Log);
    }

    private const string Get =
        """(call $r "get" (call $proxy_get_header_map_value (i32.const 0) "x-a" (global.get $OUT) (global.get $SIZE))) (call """
            + """$n "size" (i32.load (global.get $SIZE)))""";

    [Theory]
    [InlineData("proxy_on_memory_allocate", "get: 0", "size: 4")]
    [InlineData("malloc", "get: 0", "size: 4")]
    [InlineData("my_allocator", "get: 10", "size: 0")] // nowhere to put it
    public async Task Allocator_HasTwoSpellings(string export, params string[] expected)
    {
        foreach (string abi in new[] { "0_1_0", "0_2_0", "0_2_1" })
            Assert.Equal(expected, await new WatGuest(abi).WithAllocator(export).On("request_headers", Get)
                .SaysAsync(headers: "x-a: four\r\n"));
    }

    [Fact]
    public async Task OfTwoAllocators_TheAbisOwnIsUsed()
        => Assert.Equal(["get: 0", "size: 4"], await new WatGuest().With("(func (export \"malloc\") (param i32) (result i32) unreachable)")
            .On("request_headers", Get).SaysAsync(headers: "x-a: four\r\n"));

    [Theory]
    [InlineData("unreachable", "unreachable: the guest gave up, while it allocated memory")]
    [InlineData("(call $proc_exit (i32.const 4))", "it called proc_exit(4), while it allocated memory")]
    [InlineData("(loop $l (br $l))", "ran longer than")]
    public async Task AllocatorThatTraps_IsTheGuestsFailure(string code, string reason)
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().WithAllocator("none")
            .With($"(func (export \"malloc\") (param i32) (result i32) {code} (i32.const 0))").On("request_headers", Get).Build());
        Assert.Equal(503, (await proxy.GetAsync(headers: "x-a: four\r\n")).Status);
        Assert.Contains(reason, Assert.Single(proxy.Proxy.Server.GuestVms()).LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Allocator_ThatGivesAnAddressOutside_GetsNothingWritten()
        => Assert.Equal(["get: 6", "size: 0"], await new WatGuest().WithAllocator("none")
            .With("(func (export \"malloc\") (param i32) (result i32) (i32.const 131070))").On("request_headers", Get)
                .SaysAsync(headers: "x-a: four\r\n"));

    [Fact]
    public async Task WasiUnstable_IsTheSameUnderItsOldName()
        => Assert.Equal(["random: 0", "clock: 0", "write: 0", "stat: 0", "open: 44"],
            await new WatGuest("0_1_0").WithOldWasi().On("request_headers", """
            (call $r "random" (call $random_get (i32.const 400) (i32.const 16)))
            (call $r "clock" (call $clock_time_get (i32.const 0) (i64.const 0) (global.get $NUM)))
            (call $r "write" (call $fd_write (i32.const 1) (i32.const 48) (i32.const 0) (global.get $NUM)))
            (call $r "stat" (call $fd_fdstat_get (i32.const 1) (i32.const 400)))
            (call $r "open" (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
            """).SaysAsync());

    [Fact]
    public async Task FunctionsOfOtherHosts_AnswerUnimplemented()
        => Assert.Equal(["store: 12", "redis: 12"],
            await new WatGuest().Importing("env", "proxy_kv_store_get", "iiiiii").Importing("env", "proxy_redis_call", "iii")
                .On("request_headers", """
            (call $r "store" (call $proxy_kv_store_get (i32.const -1) (i32.const -1) (i32.const -1) (i32.const -1) (i32.const -1) (i32.const -1)))
            (call $r "redis" (call $proxy_redis_call (i32.const 0) (i32.const 0) (i32.const 0)))
            """).SaysAsync());

    [Theory]
    [InlineData("(func (export \"proxy_on_request_headers\") (param i32) (result i32) (i32.const 0))", "proxy_on_request_headers")]
    [InlineData("(func (export \"proxy_on_request_headers\") (param i32 i32 i32))", "proxy_on_request_headers")]
    [InlineData("(func (export \"proxy_on_request_body\") (param i32 i32) (result i32) (i32.const 0))", "proxy_on_request_body")]
    [InlineData("(func (export \"proxy_on_done\") (param i32))", "proxy_on_done")]
    [InlineData("(func (export \"proxy_on_log\") (param i32) (result i32) (i32.const 0))", "proxy_on_log")]
    [InlineData("(func (export \"proxy_on_vm_start\") (param i64 i32) (result i32) (i32.const 0))", "proxy_on_vm_start")]
    [InlineData("(func (export \"proxy_on_http_call_response\") (param i32 i32))", "proxy_on_http_call_response")]
    [InlineData("(func (export \"_start\") (param i32))", "_start")]
    [InlineData("(global (export \"proxy_abi_version_0_1_0\") i32 (i32.const 0))", null)] // not a function, but there is another
    [InlineData("(func (export \"proxy_abi_version_0_1_0\"))", null)] // two versions: the newer
    [InlineData("(func (export \"malloc\") (param i64) (result i64) (i64.const 0))", null)] // only used where it fits
    [InlineData("(func (export \"proxy_on_grpc_create_initial_metadata\") (param i32 i32))", null)]
    [InlineData("(func (export \"proxy_on_request_metadata\") (param i32 i32) (result i32) (i32.const 0))", null)]
    [InlineData("(func (export \"proxy_validate_configuration\") (param i32 i32) (result i32) unreachable)", null)]
    public async Task Exports_OfAWrongForm_AreRefused_OthersAreNobodysBusiness(string export, string? refused)
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        var result = await proxy.TryPublishAsync(WasmProxy.Yaml(new WatGuest().With(export).Build(), 1));
        Assert.Equal(refused is null, result.Applied);
        if (refused is not null)
            Assert.Contains($"its export {refused} has the signature", string.Join("\n", result.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task MarkerThatIsNoFunction_IsNoMarker()
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        var result = await proxy.TryPublishAsync(
            WasmProxy.Yaml(new WatGuest("").With("(global (export \"proxy_abi_version_0_2_1\") i32 (i32.const 0))").Build(), 1));
        Assert.False(result.Applied);
    }
}
