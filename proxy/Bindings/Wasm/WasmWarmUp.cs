using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// A guest that fails, tried once in each process before there is a real one: the first failure makes the runtime compile and load what all
/// later ones use, some 20 ms in which the worker that meets it would stand still.
/// </summary>
internal static class WasmWarmUp
{
    private const string Guest = """
        (module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_context_create") (param i32 i32) (loop $l (br $l)))
          (func (export "proxy_on_delete") (param i32) unreachable))
        """;

    private static int s_done;

    /// <summary>Control thread; nothing after the first time.</summary>
    /// <param name="real">Whose host functions it gets; it calls none.</param>
    public static void Once(WasmProgram real)
    {
        if (Interlocked.Exchange(ref s_done, 1) != 0 || WasmModule.Load(Module.ConvertText(Guest), null, out _) is not { } module) return;
        var program = real with { Module = module, Limits = WasmLimits.Default with { CpuPerCall = TimeSpan.FromMilliseconds(1) } };
        var context = new Nobody();
        if (WasmVm.Create(program, context, out _) is not { } vm) return;
        vm.Add(context, 0); // stopped
        vm.Call(context, vm.Exports.Delete); // a trap
        vm.Dispose();
    }

    private sealed class Nobody : WasmContext
    {
        public override WasmContext Root => this;

        public override void Log(WasmLogLevel level, ReadOnlySpan<byte> text)
        {
        }
    }
}
