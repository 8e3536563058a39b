using System.Reflection;
using System.Runtime.Loader;
using Managed.Filters;

namespace Managed.Proxy.Bindings.Native;

/// <summary>
/// Where one plug-in and what it comes with is loaded. The contract is the proxy's own; of the rest of the proxy nothing is to be had, so
/// that it can change.
/// </summary>
/// <param name="others">What it comes with, by the names of the assemblies.</param>
internal sealed class PluginLoadContext(IReadOnlyDictionary<string, byte[]> others)
    : AssemblyLoadContext("native plug-in", isCollectible: true)
{
    public Assembly Load(byte[] content)
    {
        using var stream = new MemoryStream(content, writable: false);
        return LoadFromStream(stream);
    }

    protected override Assembly? Load(AssemblyName name)
    {
        if (name.Name == typeof(FilterPlugin).Assembly.GetName().Name) return typeof(FilterPlugin).Assembly;
        if (name.Name is { } other && others.TryGetValue(other, out byte[]? content)) return Load(content);
        return name.Name?.StartsWith("Managed.", StringComparison.Ordinal) == true
            ? throw new FileNotFoundException($"{name.Name} is no part of the contract") : null;
    }
}
