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
        if (Content(config, access, errors) is not var (main, others, digest)) return null;
        string wrong = "";
        var assembly = shared.LeaseUnlessNull($"native/assembly/{digest}", () => NativeAssembly.Load(main, digest, others, out wrong));
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

    private static (byte[] Main, IReadOnlyDictionary<string, byte[]>? Others, string Digest)? Content(NativeConfig config,
        NativeAccess access, ConfigErrors errors)
    {
        if (config.Module is { } module)
            return DataSourceReading.FindModule(module, config.Node, "dotnet", errors) is { } stored
                ? (stored.Content, null, Digest(stored.Content)) : null;
        string file = config.Assembly!;
        if (PluginFiles.PathOf(file, access) is not var (_, path))
        {
            errors.ErrorAt(config.Node, "assembly", ConfigCode.InvalidValue, access.Folder is null
                ? "there is no plug-in folder" : $"'{file}' is no name of a file in the plug-in folder");
            return null;
        }
        if ((Kept(config, errors.Host) ?? FromFolder(config, access, path, errors)) is not { } content) return null;
        if (PluginFiles.Unpack(content) is var (main, others)) return (main, others, Digest(content));
        errors.ErrorAt(config.Node, "assembly", ConfigCode.InvalidValue, $"what is kept of file '{path}' is damaged");
        return null;
    }

    // What was read when the version was made.
    private static byte[]? Kept(NativeConfig config, HostAccess host)
        => config.Sha256 is { } digest && host.Pinned is { } pinned ? pinned(digest) : null;

    // A version of a program that kept no plug-ins has no digest of them.
    private static byte[]? FromFolder(NativeConfig config, NativeAccess access, string path, ConfigErrors errors)
    {
        if (errors.Host.Pinned is not null && errors.Host.Unreadable.TryGetValue(config.Assembly!, out var refusal))
        {
            errors.ErrorAt(config.Node, "assembly", refusal.Code, $"file '{path}' {refusal.Why}");
            return null;
        }
        errors.Host.Asked++;
        if (PluginFiles.Read(config.Assembly!, access, HostFile.MaxModule, out string? wrong, out bool isMissing, out string sum)
            is not { } content)
        {
            errors.ErrorAt(config.Node, "assembly", isMissing ? ConfigCode.UnknownReference : ConfigCode.InvalidValue,
                $"file '{path}' {wrong}");
            return null;
        }
        if (config.Sha256 is not { } expected || expected.Equals(sum, StringComparison.OrdinalIgnoreCase)
            || expected.Equals(Digest(content), StringComparison.OrdinalIgnoreCase)) return content;
        errors.ErrorAt(config.Node, "sha256", ConfigCode.InvalidValue, $"file '{path}' has other bytes by now",
            "leave sha256 out to take the file as it is");
        return null;
    }

    private static string Digest(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

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
