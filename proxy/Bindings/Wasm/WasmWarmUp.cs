using System.Text;
using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// A guest that calls every host function and fails in every way, tried once in each process before there is a real one: the first call
/// and the first failure make the runtime compile and load what all later ones use, some 20 ms in which the worker that meets them would
/// stand still.
/// </summary>
internal static class WasmWarmUp
{
    private static int s_done;

    /// <summary>Control thread; nothing after the first time.</summary>
    /// <param name="real">Its stores are what the guest is kept from by its arguments: none is an address, a length or a number of
    /// something.</param>
    public static void Once(WasmProgram real)
    {
        if (Interlocked.Exchange(ref s_done, 1) != 0 || WasmModule.Load(Guest(), null, out _) is not { } module) return;
        var imports = new HostImports(null, traced: false); // whatever the real one may call
        var program = real with { Module = module, Imports = imports,
            Limits = WasmLimits.Default with { CpuPerCall = TimeSpan.FromMilliseconds(1) } };
        var context = new Nobody();
        if (WasmVm.Create(program, context, out _) is { } vm)
        {
            vm.Add(context, 0); // every host function
            vm.Call(context, vm.Exports.Tick); // a host function that unwinds
            vm.Call(context, vm.Exports.Delete); // a trap
            vm.Call(context, vm.Exports.Log); // stopped
            vm.Dispose();
        }
        imports.Linker.Dispose();
    }

    private static byte[] Guest()
    {
        var (imports, calls) = (new StringBuilder(), new StringBuilder());
        const string exit = "wasi_snapshot_preview1.proc_exit";
        foreach (var (name, shape) in HostFunctions.Shapes)
        {
            int dot = name.IndexOf('.', StringComparison.Ordinal), arrow = shape.IndexOf('>', StringComparison.Ordinal);
            string parameters = string.Concat(shape.Take(arrow).Select(c => c == 'l' ? " i64" : " i32")),
                result = arrow + 1 < shape.Length ? "(result i32)" : "";
            imports.Append($"(import \"{name[..dot]}\" \"{name[(dot + 1)..]}\" (func ${name} (param{parameters}) {result}))\n");
            if (name.EndsWith(".proc_exit", StringComparison.Ordinal)) continue;
            string arguments = string.Concat(shape.Take(arrow).Select(c => c == 'l' ? "(i64.const -1)" : "(i32.const -1)"));
            calls.Append(result.Length > 0 ? $"(drop (call ${name} {arguments}))\n" : $"(call ${name} {arguments})\n");
        }
        return Module.ConvertText($"""
            (module {imports} (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
              (func (export "proxy_on_context_create") (param i32 i32) {calls})
              (func (export "proxy_on_tick") (param i32) (call ${exit} (i32.const 1)))
              (func (export "proxy_on_delete") (param i32) unreachable)
              (func (export "proxy_on_log") (param i32) (loop $l (br $l))))
            """);
    }

    private sealed class Nobody : WasmContext
    {
        public override WasmContext Root => this;

        public override void Log(WasmLogLevel level, ReadOnlySpan<byte> text)
        {
        }
    }
}
