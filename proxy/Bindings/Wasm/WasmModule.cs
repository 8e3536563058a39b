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

    /// <summary>Real modules have a few dozen of either; they are kept and shown by name.</summary>
    private const int MaxNames = 10_000;

    // Machine code of another engine version or of other engine settings is refused by the engine itself; the name only keeps them apart.
    private static readonly string CacheSuffix = $".wasmtime-{typeof(Engine).Assembly.GetName().Version}{CacheFolder.MachineCode}";
    private static readonly ConcurrentDictionary<string, WeakReference<WasmModule>> Known = new(StringComparer.Ordinal);
    // One thread for each digest; the others that want it find what it has made.
    private static readonly ConcurrentDictionary<string, object> Gates = new(StringComparer.Ordinal);
    // Compilers at a time: the cores are for the traffic, but one module that takes long does not hold up the next publication.
    private static readonly SemaphoreSlim Compilers = new(2);

    private WasmModule(Module compiled, string digest) => (Compiled, Digest, Abi) = (compiled, digest, AbiOf(compiled));

    public Module Compiled { get; }
    /// <summary><c>sha256:</c> of the bytes.</summary>
    public string Digest { get; }
    /// <summary>0.1.0, 0.2.0 or 0.2.1; null when the module does not say.</summary>
    public string? Abi { get; }

    public static string DigestOf(ReadOnlySpan<byte> code) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(code));

    /// <summary>The module of these bytes when somebody in this process uses it.</summary>
    public static WasmModule? Find(string digest)
        => Known.TryGetValue(digest, out var known) && known.TryGetTarget(out var there) ? there : null;

    /// <summary>As below, compiled in this process.</summary>
    public static WasmModule? Load(byte[] code, string? cacheFolder, out string error)
    {
        var module = Load(code, cacheFolder, null, out var refusal);
        error = refusal?.Reason ?? "";
        return module;
    }

    /// <summary>The compiled module, or null with the reason. Control thread: it takes long.</summary>
    /// <param name="code">The binary.</param>
    /// <param name="cacheFolder">Where machine code is kept; null: nowhere.</param>
    /// <param name="compiler">The command of <see cref="WasmCompiler"/>; null: it is compiled in this process, without a limit of time and
    /// memory.</param>
    public static WasmModule? Load(byte[] code, string? cacheFolder, IReadOnlyList<string>? compiler, out WasmRefusal? refusal)
    {
        refusal = null;
        if (WrongForm(code) is { } form)
        {
            refusal = new WasmRefusal(form);
            return null;
        }
        string digest = DigestOf(code);
        if (Find(digest) is { } known) return known;
        object gate = Gates.GetOrAdd(digest, static _ => new object());
        lock (gate)
        {
            if (Find(digest) is { } there) return there;
            try
            {
                if (Compile(code, digest, cacheFolder, compiler, out string error) is not { } compiled)
                {
                    refusal = new WasmRefusal(error);
                    return null;
                }
                var module = new WasmModule(compiled, digest);
                if ((refusal = module.Refusal()) is not null)
                {
                    compiled.Dispose();
                    return null;
                }
                Known[digest] = new WeakReference<WasmModule>(module);
                foreach (var (key, value) in Known) if (!value.TryGetTarget(out _)) Known.TryRemove(key, out _);
                return module;
            }
            finally
            {
                Gates.TryRemove(digest, out _);
            }
        }
    }

    internal static string OneLine(string text) => text.ReplaceLineEndings(" ").Trim();

    private static Module? Compile(byte[] code, string digest, string? cacheFolder, IReadOnlyList<string>? compiler, out string error)
    {
        string name = digest["sha256:".Length..] + CacheSuffix;
        if (cacheFolder is not null && CacheFolder.ReadSealed(cacheFolder, name) is { } kept
            && FromMachineCode(digest, kept.Span, out error) is { } cached) return cached;
        error = "";
        Compilers.Wait();
        try
        {
            if (compiler is null)
            {
                var compiled = Module.FromBytes(WasmEngine.Shared, digest, code);
                if (cacheFolder is not null) CacheFolder.WriteSealed(cacheFolder, name, compiled.Serialize());
                return compiled;
            }
            if (WasmCompiler.Compile(compiler, code, out error) is not { } machineCode) return null;
            if (cacheFolder is not null) CacheFolder.WriteSealed(cacheFolder, name, machineCode);
            return FromMachineCode(digest, machineCode, out error);
        }
        catch (WasmtimeException e)
        {
            error = "it does not compile: " + OneLine(e.Message);
            return null;
        }
        finally
        {
            Compilers.Release();
        }
    }

    private static Module? FromMachineCode(string digest, ReadOnlySpan<byte> machineCode, out string error)
    {
        error = "";
        try
        {
            return Module.Deserialize(WasmEngine.Shared, digest, machineCode);
        }
        catch (WasmtimeException e)
        {
            error = "its machine code does not load: " + OneLine(e.Message);
            return null; // from the cache: compiled anew
        }
    }

    /// <summary>What is seen without compiling; null when nothing is wrong.</summary>
    private static string? WrongForm(ReadOnlySpan<byte> code)
    {
        if (code.Length == 0) return "it is empty";
        if (code.Length > MaxCodeBytes) return $"it is larger than {MaxCodeBytes >> 20} MiB";
        if (!code.StartsWith("\0asm"u8))
        {
            string hint = code.TrimStart(" \t\r\n"u8).StartsWith("(module"u8)
                || code.TrimStart(" \t\r\n"u8).StartsWith(";;"u8) ? ": it is WebAssembly text, and the binary is needed (wat2wasm makes it)"
                : code.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]) ? ": it is compressed by gzip, and is needed as it is"
                : code.TrimEnd(" \r\n"u8).StartsWith("AGFzbQ"u8) ? ": it is base64, which inline_bytes and no other field reads" : "";
            return "it does not begin as a WebAssembly module does" + hint;
        }
        if (code.Length < 8 || BitConverter.ToUInt32(code[4..]) is not 1)
            return "its binary version is not 1, that of a module (a component has another)";
        return null;
    }

    /// <summary>Why it cannot run here; null when it can.</summary>
    private WasmRefusal? Refusal()
    {
        foreach (var import in Compiled.Imports)
            if (import is not FunctionImport)
                return new($"it imports {import.ModuleName}.{import.Name}, which is no function: a module brings its own memory, tables "
                    + $"and globals");
        var unknown = HostFunctions.Unknown(Compiled.Imports);
        if (unknown.Count > 0)
            return new("it imports functions that no Proxy-Wasm host has: " + string.Join(", ", unknown.Take(20))
                + (unknown.Count > 20 ? $" and {unknown.Count - 20} more" : "")) { UnknownImports = unknown };
        if (Compiled.Imports.Count > MaxNames || Compiled.Exports.Count > MaxNames)
            return new($"it has more than {MaxNames} imports or exports");
        if (!Compiled.Exports.Any(e => e is MemoryExport { Name: "memory" })) return new("it exports no memory named 'memory'");
        if (Abi is null)
            return new(Compiled.Exports.FirstOrDefault(e => e.Name.StartsWith("proxy_abi_version_", StringComparison.Ordinal)) is { } other
                ? $"its ABI {other.Name["proxy_abi_version_".Length..].Replace('_', '.')} is none of 0.1.0, 0.2.0, 0.2.1"
                : "it exports no proxy_abi_version_0_1_0, _0_2_0 or _0_2_1: it is no Proxy-Wasm module");
        return (HostFunctions.WrongSignature(Compiled.Imports) ?? GuestExports.WrongSignature(Compiled.Exports)) is { } wrong ? new(wrong)
            : null;
    }

    private static string? AbiOf(Module module)
    {
        foreach (string version in (ReadOnlySpan<string>)["0.2.1", "0.2.0", "0.1.0"])
            if (module.Exports.Any(e => e is FunctionExport && e.Name == "proxy_abi_version_" + version.Replace('.', '_'))) return version;
        return null;
    }
}

/// <summary>Why a module cannot run here.</summary>
internal sealed record WasmRefusal(string Reason)
{
    /// <summary>Functions that it imports and no host has, as <c>module.name</c>.</summary>
    public IReadOnlyList<string> UnknownImports { get; init; } = [];
}
