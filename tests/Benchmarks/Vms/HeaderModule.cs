using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Telemetry;
using Managed.TestKit;

namespace Managed.Benchmarks.Vms;

/// <summary>The module of the path's case <c>wasm</c>: a header in each direction, in 128 KiB of memory.</summary>
internal static class HeaderModule
{
    public static WasmProgram Program()
    {
        var module = WasmModule.Load(InMemoryPathCase.HeaderModule, null, out string error) ?? throw new InvalidOperationException(error);
        return new WasmProgram(module, "", [], [], new HostImports(null, false), WasmLimits.Default, new SharedData(), new SharedQueues(),
            new GuestMetrics(new StatScope(new StatsRegistry()), new GuestMetricsRoom()), static () => WasmLogLevel.Warn);
    }

    public static WasmVm Instantiate(WasmProgram program)
        => WasmVm.Create(program, Silent.Context, out string error) ?? throw new InvalidOperationException(error);

    private sealed class Silent : WasmContext
    {
        public static readonly Silent Context = new();
        public override WasmContext Root => this;
        public override void Log(WasmLogLevel level, ReadOnlySpan<byte> text) { }
    }
}
