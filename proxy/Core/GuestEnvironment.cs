using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Core;

/// <summary>What guest code of one data plane is given by its host.</summary>
/// <param name="Logger">Where guests log.</param>
/// <param name="CacheFolder">Where machine code and fetched code are kept; null: nowhere.</param>
/// <param name="Traced">Host calls are reported to a stream's trace.</param>
/// <param name="FetchHosts">Hosts that code may be fetched from without a cluster; <c>*</c> is any. Null: nothing is fetched at all, code
/// has to be in the cache.</param>
/// <param name="Compiler">The command that compiles a module, see <see cref="Bindings.Wasm.WasmCompiler"/>; null: this process
/// does.</param>
public sealed record GuestEnvironment(ILogger Logger, string? CacheFolder, bool Traced, IReadOnlyList<string>? FetchHosts,
    IReadOnlyList<string>? Compiler = null)
{
    /// <summary>What filters in C# are given; null: there are none.</summary>
    public NativeAccess? Native { get; init; }

    /// <summary>Whether a version is in service. While none is, a build has nothing to protect and waits for what it needs.</summary>
    public Func<bool> InService { get; init; } = static () => true;
}

/// <summary>The operator lets documents name filters written in C#, which are code as the proxy's own is.</summary>
/// <param name="Folder">The plug-in folder; null: stored modules alone.</param>
public sealed record NativeAccess(string? Folder);
