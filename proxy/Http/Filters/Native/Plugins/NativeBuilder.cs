using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Managed.Filters;
using Managed.Proxy.Bindings.Native;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>From a plug-in's configuration to the plug-in: found, loaded, bound, started. Control thread.</summary>
internal static class NativeBuilder
{
    /// <summary>Null with errors collected.</summary>
    /// <param name="kind">Its base class.</param>
    /// <param name="create">Makes a filter of it, to see that it does; what that overrides.</param>
    public static NativePlugin? Build(NativeConfig config, Type kind, Func<FilterPlugin, int> create, ConfigErrors errors, StatScope scope,
        SharedState shared)
    {
        NativeAssembly.Observe(scope.Registry);
        if (Find(config, kind, errors, shared) is not var (assembly, type)) return null;
        string name = NativeStats.NameOf(config.Name.Length > 0 ? config.Name : assembly.Name);
        string key = Hash(string.Join('\n', name, type.FullName, kind.Name, Json(config.Configuration), config.FailurePolicy,
            config.Limits.CpuPerCall, config.Limits.AllocationPerCall));
        return shared.LeaseUnlessNull($"native/plugin/{assembly.Digest}/{config.Assembly}/{key}",
            () => Start(config, assembly, type, name, create, errors, scope, shared));
    }

    /// <summary>What a route says to a plug-in, bound by the plug-in's own record; null with errors collected.</summary>
    public static NativeRoute? Bind(NativeConfig config, Type kind, ConfigErrors errors, SharedState shared)
    {
        if (Find(config, kind, errors, shared) is not var (assembly, type)) return null;
        return shared.LeaseUnlessNull($"native/route/{assembly.Digest}/{type.FullName}/{Hash(Json(config.Configuration))}",
            () => BindTo(ConfigurationOf(type), config, errors) is { } bound ? new NativeRoute(bound) : null);
    }

    /// <summary>The record that a plug-in's configuration is bound to.</summary>
    public static Type ConfigurationOf(Type plugin)
    {
        for (var at = plugin; at is not null; at = at.BaseType)
            if (at.IsGenericType && at.Assembly == typeof(FilterPlugin).Assembly) return at.GetGenericArguments()[0];
        return typeof(NoConfiguration);
    }

    private static (NativeAssembly, Type)? Find(NativeConfig config, Type kind, ConfigErrors errors, SharedState shared)
    {
        string field = config.Module is null ? "assembly" : "module";
        if (shared.Guests.Native is not { } access)
        {
            errors.Error(config.Node, ConfigCode.InvalidValue, "filters written in C# are switched off on this node",
                "they can do whatever the proxy can: its operator allows them by --allow-native");
            return null;
        }
        if (Content(config, access, errors) is not var (content, folder)) return null;
        string digest = Convert.ToHexStringLower(SHA256.HashData(content));
        string wrong = "";
        var assembly = shared.LeaseUnlessNull($"native/assembly/{digest}/{folder}", () => NativeAssembly.Load(content, folder, out wrong));
        if (assembly is null)
        {
            errors.ErrorAt(config.Node, field, ConfigCode.CompileFailed, $"plug-in '{config.Module ?? config.Assembly}': {wrong}");
            return null;
        }
        try
        {
            var plugins = assembly.Plugins(kind);
            if (config.Type.Length == 0 && plugins is [var only]) return (assembly, only);
            if (plugins.FirstOrDefault(p => p.FullName == config.Type) is { } named) return (assembly, named);
            string has = plugins.Count == 0 ? $"it has no {Word(kind)} plug-in"
                : "it has " + string.Join(", ", plugins.Select(p => p.FullName));
            errors.ErrorAt(config.Node, "type", config.Type.Length == 0 ? ConfigCode.MissingField : ConfigCode.UnknownReference,
                config.Type.Length == 0 ? $"'type' is missing: {has}" : $"there is no plug-in '{config.Type}': {has}",
                Suggestions.Closest(config.Type, plugins.Select(p => p.FullName!)) is { } near ? $"did you mean '{near}'?" : null);
        }
        catch (Exception e) when (e is TypeLoadException or FileNotFoundException or FileLoadException or BadImageFormatException)
        {
            errors.ErrorAt(config.Node, field, ConfigCode.CompileFailed, $"it needs what is not there: {e.Message}");
        }
        return null;
    }

    private static (byte[] Content, string? Folder)? Content(NativeConfig config, NativeAccess access, ConfigErrors errors)
    {
        if (config.Module is { } module)
            return DataSourceReading.FindModule(module, config.Node, "dotnet", errors) is { } stored ? (stored.Content, null) : null;
        string file = config.Assembly!;
        if (PathOf(file, access) is not var (folder, path))
        {
            errors.ErrorAt(config.Node, "assembly", ConfigCode.InvalidValue, access.Folder is null
                ? "there is no plug-in folder" : $"'{file}' is no name of a file in the plug-in folder");
            return null;
        }
        errors.Host.Asked++;
        if (HostFile.Read(path, HostFile.MaxModule, null, out string? wrong, out bool isMissing) is not { } content)
        {
            errors.ErrorAt(config.Node, "assembly", isMissing ? ConfigCode.UnknownReference : ConfigCode.InvalidValue,
                $"file '{path}' {wrong}");
            return null;
        }
        if (config.Sha256 is not { } expected || expected.Equals(Convert.ToHexStringLower(SHA256.HashData(content)),
            StringComparison.OrdinalIgnoreCase)) return (content, folder);
        errors.ErrorAt(config.Node, "sha256", ConfigCode.InvalidValue, $"file '{path}' has other bytes");
        return null;
    }

    /// <summary>Where a file of the plug-in folder is; null when that is no name of one.</summary>
    public static (string Folder, string Path)? PathOf(string file, NativeAccess access)
    {
        if (access.Folder is not { } root || file.Length == 0 || file.AsSpan().ContainsAny("/\\\0") || file is "." or "..") return null;
        if (file.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)) file = file[..^4];
        // With others that it needs it has a folder of its own.
        string own = Path.Combine(root, file);
        string folder = Directory.Exists(own) ? own : root;
        return (folder, Path.Combine(folder, file + ".dll"));
    }

    // A method of its own: what it has in hand must not keep the assembly.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static NativePlugin? Start(NativeConfig config, NativeAssembly assembly, Type type, string name,
        Func<FilterPlugin, int> create, ConfigErrors errors, StatScope scope, SharedState shared)
    {
        if (BindTo(ConfigurationOf(type), config, errors) is not { } bound) return null;
        var names = scope.Registry.Begin();
        var context = new NativeContext(name, shared.Workers, names, shared.Guests.Logger);
        int before = errors.Count;
        FilterPlugin? plugin = null;
        int hooks = 0;
        context.Building(errors, NodeOf(config));
        string? failure = NativeStart.Run(() =>
        {
            var made = (FilterPlugin)Activator.CreateInstance(type)!;
            made.Context = context;
            made.Take(bound);
            made.Start();
            if (errors.Count == before) hooks = create(made);
            plugin = made;
        }, $"the start of {type.FullName}");
        context.Building(null, null);
        if (failure is not null)
            errors.ErrorAt(config.Node, config.Module is null ? "assembly" : "module", ConfigCode.CompileFailed, failure);
        if (errors.Count == before) return new NativePlugin(assembly, plugin!, hooks, context, config);
        if (plugin is not null) NativeStart.Stop(plugin, name, context.Logger);
        names.Return();
        return null;
    }

    private static FilterConfiguration? BindTo(Type record, NativeConfig config, ConfigErrors errors)
        => ConfigBinder.BindForeign(record, NodeOf(config), errors);

    // What is missing is missing there, even where it is left out altogether.
    private static ConfigObject NodeOf(NativeConfig config)
        => config.Configuration ?? new ConfigObject(ConfigErrors.FieldOrigin(config.Node, "configuration"));

    private static string Json(ConfigObject? node) => node is null ? "" : Encoding.UTF8.GetString(ConfigJson.Write(node, indented: false));

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Word(Type kind)
        => kind == typeof(HttpFilterPlugin) ? "HTTP" : kind == typeof(NetworkFilterPlugin) ? "network" : "listener";
}
