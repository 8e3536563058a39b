using System.Reflection;
using System.Runtime.Loader;
using Managed.Filters;

namespace Managed.Proxy.Bindings.Native;

/// <summary>
/// Where one plug-in and what it comes with is loaded. The contract is the proxy's own; of the rest of the proxy nothing is to be had, so
/// that it can change.
/// </summary>
internal sealed class PluginLoadContext(string? folder) : AssemblyLoadContext("native plug-in", isCollectible: true)
{
    private const long MostBytes = 64L << 20;

    public Assembly Load(byte[] content)
    {
        using var stream = new MemoryStream(content, writable: false);
        return LoadFromStream(stream);
    }

    protected override Assembly? Load(AssemblyName name)
    {
        if (name.Name == typeof(FilterPlugin).Assembly.GetName().Name) return typeof(FilterPlugin).Assembly;
        if (folder is not null && name.Name?.Contains('/', StringComparison.Ordinal) == false)
        {
            var file = new FileInfo(Path.Combine(folder, name.Name + ".dll"));
            if (file.Exists && file.Length <= MostBytes) return Load(File.ReadAllBytes(file.FullName));
        }
        return name.Name?.StartsWith("Managed.", StringComparison.Ordinal) == true
            ? throw new FileNotFoundException($"{name.Name} is no part of the contract") : null;
    }
}
