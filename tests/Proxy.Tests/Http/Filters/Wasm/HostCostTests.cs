using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.EventLoop;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>
/// What a guest may hand to a host function: a call with the most that it takes holds the worker for ten milliseconds at most, one with
/// more does nothing, and no function is forgotten.
/// </summary>
public sealed class HostCostTests
{
    private const int From = 1 << 20; // where the guest's large texts begin

    public static TheoryData<string> Functions { get; } = new(HostImports.Shapes.Keys);
    public static TheoryData<string> Limited { get; } =
        new(HostImports.Shapes.Where(s => s.Value.IndexOfAny(['t', 'p']) >= 0 && WasmCost.Of(s.Key) < long.MaxValue).Select(s => s.Key));

    // A call with as many bytes as said in its last text, the others being empty.
    private static string Call(string function, long bytes, string? name = null)
    {
        string shape = HostImports.Shapes[function];
        var arguments = new List<string>();
        int last = shape.LastIndexOfAny(['t', 'p']);
        for (int i = 0; i < shape.Length; i++)
            arguments.Add(shape[i] switch
            {
                't' or 'p' when i == last => $"(i32.const {From}) (i32.const {bytes})",
                't' or 'p' => name is not null ? $"\"{name}\"" : "\"up\"",
                'o' => "(global.get $OUT) (global.get $SIZE)",
                'n' or 'x' => "(global.get $NUM)",
                _ when function is "proxy_increment_metric" or "proxy_record_metric" && i == 1 => "(i64.const 1)",
                _ when function == "proxy_send_local_response" && i == 0 => "(i32.const 200)",
                _ => "(i32.const 0)",
            });
        return $"(call ${function} {string.Join(' ', arguments)})";
    }

    private static async Task<(long Micros, int Status)> RunAsync(string call)
    {
        // The answer goes into a header as one digit or two.
        byte[] guest = new WatGuest().On("vm_start", "(drop (memory.grow (i32.const 200)))")
            .On("request_headers",
                $"(i32.store8 (i32.const 900) (i32.add (i32.const 65) {call})) (drop (call $proxy_replace_header_map_value (i32.const "
                    + $"0) \"x-status\" (i32.const 900) (i32.const 1)))").Build();
        await using var proxy = await HostileProxy.StartAsync(guest, ", limits: {cpu_per_call: 10s, memory: 256MiB}");
        long least = long.MaxValue;
        for (int i = 0; i < 10 && least > 5_000; i++)
        {
            long began = await CpuAsync(proxy);
            try { await proxy.GetAsync(); }
            catch (WireException) when (call.Contains("proxy_close_stream", StringComparison.Ordinal)) { }
            least = Math.Min(least, await CpuAsync(proxy) - began);
        }
        Assert.True(proxy.Vm.Errors == 0, proxy.Log);
        string status = proxy.Upstream.Requests is [.., var last] ? last["x-status"] ?? "" : "";
        return (least, status.Length == 1 ? status[0] - 'A' : -1);
    }

    private static Task<long> CpuAsync(HostileProxy proxy)
    {
        var done = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        proxy.Proxy.Server.WorkerAt(0).Post(static s => ((TaskCompletionSource<long>)s!).SetResult(Libc.ThreadCpuMicros()), done);
        return done.Task;
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public async Task TheLargestInput_HoldsTheWorkerForTenMillisecondsAtMost(string function)
    {
        var (micros, _) = await RunAsync(Call(function, Math.Min(WasmCost.Of(function), 12 << 20) - 8));
        Assert.True(micros <= 10_000, $"{micros} µs");
    }

    [Theory]
    [MemberData(nameof(Limited))]
    public async Task WhatIsMore_IsABadArgument(string function)
    {
        var (micros, status) = await RunAsync(Call(function, WasmCost.Of(function) + 1));
        Assert.Equal((int)WasmStatus.BadArgument, status);
        Assert.True(micros <= 10_000, $"{micros} µs");
    }

    [Theory]
    [InlineData("compress", 256 << 10)]
    [InlineData("compress", 1 << 20)]
    [InlineData("uncompress", 1 << 20)]
    [InlineData("sign", 1 << 20)]
    [InlineData("verify_signature", 1 << 20)]
    [InlineData("declare_property", 1 << 20)]
    [InlineData("set_envoy_filter_state", 1 << 20)]
    [InlineData("managed.call_back", 1 << 20)]
    [InlineData("no_such_function", 1 << 20)]
    public async Task ForeignFunctions_HoldTheWorkerForTenMillisecondsAtMost(string name, int bytes)
    {
        var (micros, _) = await RunAsync(Call("proxy_call_foreign_function", bytes, name));
        Assert.True(micros <= 10_000, $"{micros} µs");
    }

    [Fact]
    public void EveryHostFunction_HasItsRow()
    {
        Assert.Equal(HostImports.Shapes.Keys.Order(), WasmCost.Names.Order());
        Assert.Throws<InvalidOperationException>(() => WasmCost.Of("proxy_nothing"));
    }
}
