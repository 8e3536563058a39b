using System.Runtime.CompilerServices;
using Managed.Filters;
using Managed.Proxy.Bindings.Native;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Schema;
using Managed.Proxy.Core;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>The JSON Schema of what a plug-in's <c>configuration</c> may be, for forms and editors.</summary>
public static class NativeSchema
{
    /// <summary>Null when there is no such plug-in, or none may be had. Control thread.</summary>
    /// <param name="name">Of a stored module, its digest, or a file in the plug-in folder.</param>
    /// <param name="type">Of the class; empty where there is one.</param>
    /// <param name="guests">Whether there are any.</param>
    /// <param name="modules">Those stored.</param>
    /// <param name="others">The plug-ins that the assembly has.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ConfigObject? Of(string name, string type, GuestEnvironment guests, ModuleSource? modules,
        out IReadOnlyList<string> others)
    {
        others = [];
        if (guests.Native is not { } access) return null;
        byte[]? content = modules?.Find(name) is { Kind: "dotnet" } stored ? stored.Content
            : PluginFiles.Read(name, access, HostFile.MaxModule, out _, out _, out _);
        if (content is null || PluginFiles.Unpack(content) is not var (main, beside)
            || NativeAssembly.Load(main, "", beside, out _) is not { } loaded) return null;
        try
        {
            var plugins = loaded.Plugins(typeof(FilterPlugin));
            others = [.. plugins.Select(p => p.FullName!)];
            var plugin = type.Length == 0 && plugins is [var only] ? only : plugins.FirstOrDefault(p => p.FullName == type);
            return plugin is null ? null : SchemaWriter.For(NativeBuilder.ConfigurationOf(plugin));
        }
        catch (Exception e) when (e is TypeLoadException or FileNotFoundException or FileLoadException or BadImageFormatException)
        {
            return null;
        }
        finally
        {
            loaded.Release([]);
        }
    }
}
