using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core;

namespace Managed.Proxy.Http.Filters.Wasm.Code;

/// <summary>What a module that can run says of itself.</summary>
/// <param name="Abi"><c>0.1.0</c>, <c>0.2.0</c> or <c>0.2.1</c>.</param>
/// <param name="Imports">As <c>module.name</c>.</param>
public sealed record WasmModuleSummary(string Abi, IReadOnlyList<string> Imports, IReadOnlyList<string> Exports);

/// <summary>Compiles and checks a module as a publication would, without one: for what stores modules.</summary>
public static class WasmCheck
{
    /// <summary>
    /// Null with the reasons when no configuration could run it. Its machine code is in the cache afterwards, so that the publication need
    /// not compile. Control thread: it takes long.
    /// </summary>
    public static WasmModuleSummary? Try(byte[] code, GuestEnvironment guests, out IReadOnlyList<string> reasons)
    {
        reasons = [];
        if (WasmModule.Load(code, guests.CacheFolder, guests.Compiler, out var refusal) is { Abi: { } abi, Compiled: { } compiled })
            return new WasmModuleSummary(abi, [.. compiled.Imports.Select(i => $"{i.ModuleName}.{i.Name}")],
                [.. compiled.Exports.Select(e => e.Name)]);
        reasons = refusal!.UnknownImports is { Count: > 0 } unknown
            ? [.. unknown.Select(i => $"it imports {i}, which no Proxy-Wasm host has")] : [refusal.Reason];
        return null;
    }
}
