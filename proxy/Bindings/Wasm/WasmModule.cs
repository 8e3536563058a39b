using System.Collections.Concurrent;
using System.Security.Cryptography;
using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// A compiled module, shared by everything that uses the same bytes. Compiling is slow (a second for a megabyte of C++), so the machine
/// code is kept on disk by digest; what lies there is believed only with its own digest beside it.
/// </summary>
internal sealed class WasmModule
{
    /// <summary>Above this nothing is compiled.</summary>
    public const int MaxCodeBytes = 64 << 20;

    // Machine code of another engine version or of other engine settings is refused by the engine itself; the name only keeps them apart.
    private static readonly string CacheSuffix = $".wasmtime-{typeof(Engine).Assembly.GetName().Version}.cwasm";
    private static readonly ConcurrentDictionary<string, WeakReference<WasmModule>> Known = new(StringComparer.Ordinal);
    private static readonly Lock Compiling = new(); // one at a time: the other cores carry traffic

    private WasmModule(Module compiled, string digest) => (Compiled, Digest, Abi) = (compiled, digest, AbiOf(compiled));

    public Module Compiled { get; }
    /// <summary><c>sha256:</c> of the bytes.</summary>
    public string Digest { get; }
    /// <summary>0.1.0, 0.2.0 or 0.2.1; null when the module does not say.</summary>
    public string? Abi { get; }

    public static string DigestOf(ReadOnlySpan<byte> code) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(code));

    /// <summary>The compiled module, or null with the reason. Control thread: it takes long.</summary>
    /// <param name="code">The binary, or WebAssembly text.</param>
    /// <param name="cacheFolder">Where machine code is kept; null: nowhere.</param>
    public static WasmModule? Load(byte[] code, string? cacheFolder, out string error)
    {
        string digest = DigestOf(code);
        error = "";
        lock (Compiling)
        {
            if (Known.TryGetValue(digest, out var known) && known.TryGetTarget(out var there)) return there;
            if (Compile(code, digest, cacheFolder, out error) is not { } compiled) return null;
            var module = new WasmModule(compiled, digest);
            if ((error = module.Refusal()).Length > 0)
            {
                compiled.Dispose();
                return null;
            }
            Known[digest] = new WeakReference<WasmModule>(module);
            foreach (var (key, value) in Known) if (!value.TryGetTarget(out _)) Known.TryRemove(key, out _);
            return module;
        }
    }

    private static Module? Compile(byte[] code, string digest, string? cacheFolder, out string error)
    {
        error = "";
        if (code.Length == 0) error = "it is empty";
        else if (code.Length > MaxCodeBytes) error = $"it is larger than {MaxCodeBytes >> 20} MiB";
        else if (!code.AsSpan().StartsWith("\0asm"u8)) error = "it does not begin as a WebAssembly module does";
        if (error.Length > 0) return null;
        string? file = cacheFolder is null ? null : Path.Combine(cacheFolder, digest["sha256:".Length..] + CacheSuffix);
        if (file is not null && FromCache(file, digest) is { } cached) return cached;
        try
        {
            var compiled = Module.FromBytes(WasmEngine.Shared, digest, code);
            if (file is not null) Keep(file, compiled);
            return compiled;
        }
        catch (WasmtimeException e)
        {
            error = "it does not compile: " + e.Message.ReplaceLineEndings(" ").Trim();
            return null;
        }
    }

    private static Module? FromCache(string file, string digest)
    {
        try
        {
            if (!File.Exists(file)) return null;
            byte[] kept = File.ReadAllBytes(file);
            if (kept.Length <= SHA256.HashSizeInBytes) return null;
            var machineCode = kept.AsSpan(SHA256.HashSizeInBytes);
            return SHA256.HashData(machineCode).AsSpan().SequenceEqual(kept.AsSpan(0, SHA256.HashSizeInBytes)) ? Module.Deserialize(WasmEngine.Shared, digest, machineCode) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or WasmtimeException)
        {
            return null; // compiled anew
        }
    }

    private static void Keep(string file, Module compiled)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            byte[] machineCode = compiled.Serialize();
            string fresh = file + ".new";
            using (var stream = File.Create(fresh))
            {
                stream.Write(SHA256.HashData(machineCode));
                stream.Write(machineCode);
            }
            File.Move(fresh, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Only the next start is slower for it.
        }
    }

    /// <summary>Why it cannot run here; empty when it can. What it imports is <see cref="HostFunctions"/>' matter.</summary>
    private string Refusal()
    {
        foreach (var import in Compiled.Imports)
            if (import is not FunctionImport) return $"it imports {import.ModuleName}.{import.Name}, which is no function: a module brings its own memory, tables and globals";
        var unknown = HostFunctions.Unknown(Compiled.Imports);
        if (unknown.Count > 0) return "it imports functions that no Proxy-Wasm host has: " + string.Join(", ", unknown);
        if (!Compiled.Exports.Any(e => e is MemoryExport { Name: "memory" })) return "it exports no memory named 'memory'";
        if (Abi is null)
            return Compiled.Exports.FirstOrDefault(e => e.Name.StartsWith("proxy_abi_version_", StringComparison.Ordinal)) is { } other
                ? $"its ABI {other.Name["proxy_abi_version_".Length..].Replace('_', '.')} is none of 0.1.0, 0.2.0, 0.2.1"
                : "it exports no proxy_abi_version_0_1_0, _0_2_0 or _0_2_1: it is no Proxy-Wasm module";
        return GuestExports.WrongSignature(Compiled.Exports) ?? "";
    }

    private static string? AbiOf(Module module)
    {
        foreach (string version in (ReadOnlySpan<string>)["0.2.1", "0.2.0", "0.1.0"])
            if (module.Exports.Any(e => e is FunctionExport && e.Name == "proxy_abi_version_" + version.Replace('.', '_'))) return version;
        return null;
    }
}
