using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Http.Filters.Wasm.Code;

/// <summary>A module's bytes, with a name for people and the place in the document that names them.</summary>
internal sealed record WasmCode(byte[] Bytes, string Name, ConfigNode? At)
{
    /// <summary>Where it is in use already; the bytes are not needed then.</summary>
    public WasmModule? Compiled { get; init; }

    /// <summary>Null with an error collected when they cannot be had.</summary>
    public static WasmCode? Find(VmConfig vm, ConfigErrors errors, StatsRegistry stats, SharedState shared,
        IReadOnlyDictionary<string, Cluster> clusters)
    {
        var fetched = RemoteCode.Of(stats); // its figures are there with the first module
        var code = vm.Code!;
        if (code.Module is { } name) return Stored(name, code.Node, errors);
        if (code.Local is { } local)
        {
            if (local.Module is { } module) return Stored(module, local.Node, errors);
            if (local.TryRead(errors, HostFile.MaxModule) is not { } bytes) return null;
            string title = local.Filename is { } path ? Path.GetFileNameWithoutExtension(path) : local.EnvironmentVariable ?? "inline";
            return new WasmCode(bytes, title, Field(local.Node,
                local.Filename is not null ? "filename" : local.InlineBytes is not null ? "inline_bytes" : local.InlineString is not null
                    ? "inline_string" : "environment_variable"));
        }
        return fetched.Find(code.Remote!, vm.NackOnCodeCacheMiss && shared.Guests.InService(), errors, shared.Guests, clusters);
    }

    private static WasmCode? Stored(string name, ConfigNode? node, ConfigErrors errors)
        => DataSourceReading.FindModule(name, node, "wasm", errors) is { } stored
        ? new WasmCode(stored.Content, stored.Name ?? stored.Digest[..Math.Min(19, stored.Digest.Length)], Field(node, "module")) : null;

    private static ConfigNode? Field(ConfigNode? node, string name)
        => node is ConfigObject o && o.TryGet(name, out var child) ? child : node;
}
