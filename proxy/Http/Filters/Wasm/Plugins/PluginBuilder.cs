using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Filters.Wasm.Code;
using Managed.Proxy.Upstream;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>
/// From a plugin's configuration to the plugin: its code found and compiled, its machine found or begun, tried out once. Control thread.
/// </summary>
internal static class PluginBuilder
{
    private static readonly string[] Runtimes =
        ["", "envoy.wasm.runtime.v8", "envoy.wasm.runtime.wasmtime", "envoy.wasm.runtime.wamr", "envoy.wasm.runtime.wavm"];

    /// <summary>Null with an error collected when it cannot run.</summary>
    public static WasmPlugin? Build(PluginConfig config, ConfigErrors errors, StatScope scope, SharedState shared,
        IReadOnlyDictionary<string, Cluster> clusters)
    {
        var stats = scope.Registry;
        int before = errors.Count;
        var vm = config.VmConfig!;
        if (!Runtimes.Contains(vm.Runtime))
            errors.ErrorAt(vm.Node, "runtime", ConfigCode.InvalidValue, $"there is no runtime '{vm.Runtime}'",
                "leave it out: Wasmtime runs all modules here");
        if (config.FailOpen && config.FailurePolicy != WasmFailurePolicy.Unspecified)
            errors.ErrorAt(config.Node, "fail_open", ConfigCode.Conflict, "only one of fail_open and failure_policy may be given");
        var allowed = Capabilities(config, errors);
        var environment = EnvironmentOf(vm.EnvironmentVariables, errors);
        byte[]? vmConfiguration = Bytes(vm.Configuration, errors), configuration = Bytes(config.Configuration, errors);
        var code = WasmCode.Find(vm, errors, stats, shared, clusters);
        if (errors.Count > before || code is null || vmConfiguration is null || configuration is null) return null;

        WasmRefusal? refusal = null;
        if ((code.Compiled ?? WasmModule.Load(code.Bytes, shared.Guests.CacheFolder, shared.Guests.Compiler,
            out refusal)) is not { } module)
        {
            // Quotes names of a module at most: what does not begin as one never reaches the compiler, so no other file's text is told.
            errors.Error(code.At, ConfigCode.CompileFailed, $"module {code.Name}: {refusal?.Reason}");
            return null;
        }
        var limits = new WasmLimits(config.Limits.Memory, config.Limits.TableElements, config.Limits.CpuPerCall, config.Limits.CpuOnStart,
            config.Limits.SharedData, config.Limits.Calls);
        WasmStats.Observe(stats);
        string identity = WasmModule.DigestOf(Encoding.UTF8.GetBytes(string.Join('\n',
            module.Digest, vm.VmId, Convert.ToHexString(vmConfiguration), string.Join('\0', environment.Select(e => $"{e.Key}={e.Value}")),
                allowed is null ? "" : string.Join(',', allowed.Order(StringComparer.Ordinal)), limits)));
        string title = config.Name.Length > 0 ? config.Name : code.Name;
        var machine = shared.Lease($"wasm/vm/{identity}", () =>
        {
            var common = WasmShared.Of(stats);
            var names = stats.Begin(); // they live with the machine, whatever versions have it
            // A linker is some hundred functions outside the managed heap, and the same for nearly all modules: a swap needs no other.
            string permissions = allowed is null ? "*" : string.Join(',', allowed.Order(StringComparer.Ordinal));
            var imports = shared.GetOrAdd($"wasm/imports/{permissions}/{(HostFunctions.UsesForeign(module.Compiled) ? module.Digest : "")}",
                () =>
            {
                var made = new HostImports(allowed, shared.Guests.Traced);
                HostFunctions.DefineForeign(made.Linker, module.Compiled);
                return made;
            });
            var program = new WasmProgram(module, vm.VmId, vmConfiguration, environment, imports, limits,
                common.DataOf(vm.VmId, limits.SharedData), common.Queues, new GuestMetrics(names, common.Metrics),
                    () => Level(shared.Guests.Logger));
            WasmWarmUp.Once(program);
            return new WasmMachine(program, title, new WasmStats(names, WasmStats.NameOf(title)), shared.Guests.Logger);
        });
        string key =
            WasmModule.DigestOf(Encoding.UTF8.GetBytes(
                string.Join('\n', config.Name, config.RootId, Convert.ToHexString(configuration), config.FailurePolicy, config.FailOpen,
                    config.AllowOnHeadersStopIteration, config.ReloadConfig?.Backoff?.BaseInterval,
                        config.ReloadConfig?.Backoff?.MaxInterval)));
        var plugin = shared.Lease($"wasm/plugin/{identity}/{key}",
            () => new WasmPlugin(machine, config.Name, config.RootId, configuration, config));
        if (plugin.Try() is not { } reason) return plugin;
        errors.Error(code.At, ConfigCode.CompileFailed, $"module {code.Name}: {reason}");
        return null;
    }

    /// <summary>A configuration as the guest gets it: Envoy hands over an Any's text or bytes as they are, and a Struct as JSON.</summary>
    private static byte[]? Bytes(ConfigNode? node, ConfigErrors errors)
    {
        switch (node)
        {
            case null or ConfigScalar { IsNull: true }: return [];
            case ConfigScalar { Kind: ConfigScalarKind.String } text: return Encoding.UTF8.GetBytes(text.Text);
            case ConfigScalar or ConfigArray: return ConfigJson.Write(node, indented: false);
            case ConfigObject o when o.Text("@type") is { } url:
                string type = url[(url.LastIndexOf('/') + 1)..];
                switch (type)
                {
                    case "google.protobuf.StringValue": return Encoding.UTF8.GetBytes(o.Text("value") ?? "");
                    case "google.protobuf.BytesValue":
                        try { return Convert.FromBase64String(o.Text("value") ?? ""); }
                        catch (FormatException) { errors.ErrorAt(o, "value", ConfigCode.InvalidValue, "must be base64"); return null; }
                    case "google.protobuf.Struct":
                        return ConfigJson.Write(o.TryGet("value", out var value) ? value : Without(o), indented: false);
                    default:
                        errors.ErrorAt(o, "@type", ConfigCode.InvalidValue, $"a configuration cannot be a {type}",
                            "a text, an object, or google.protobuf.StringValue, BytesValue or Struct");
                        return null;
                }
            default: return ConfigJson.Write(node, indented: false);
        }
    }

    private static ConfigObject Without(ConfigObject o)
    {
        var copy = new ConfigObject();
        foreach (var (name, value) in o.Members) if (name != "@type") copy.Set(name, value);
        return copy;
    }

    private static HashSet<string>? Capabilities(PluginConfig config, ConfigErrors errors)
    {
        if (config.CapabilityRestrictionConfig is not { AllowedCapabilities.Count: > 0 } restriction) return null;
        foreach (string name in restriction.AllowedCapabilities.Keys)
            // Envoy's lists name callbacks too; those are the guest's to have.
            if (!HostFunctions.Known.Contains(name) && !name.StartsWith("proxy_on_", StringComparison.Ordinal))
                errors.ErrorAt(restriction.Node, "allowed_capabilities", ConfigCode.InvalidValue, $"there is no host function '{name}'",
                    Suggestions.Closest(name, HostFunctions.Known) is { } near ? $"did you mean '{near}'?" : null);
        return [.. restriction.AllowedCapabilities.Keys];
    }

    private static List<KeyValuePair<string, string>> EnvironmentOf(EnvironmentVariablesConfig? config, ConfigErrors errors)
    {
        var variables = new List<KeyValuePair<string, string>>();
        if (config is null) return variables;
        foreach (string key in config.HostEnvKeys)
        {
            if (config.KeyValues.ContainsKey(key))
                errors.ErrorAt(config.Node, "host_env_keys", ConfigCode.Conflict, $"'{key}' is given under key_values too");
            else if (!errors.Host.MayRead(HostAccess.GuestVariable, key))
                errors.ErrorAt(config.Node, "host_env_keys", ConfigCode.InvalidValue, $"environment variable '{key}' may not be read",
                    DataSourceReading.AllowVariable);
            else if (Environment.GetEnvironmentVariable(key) is { } value) variables.Add(new(key, value));
        }
        foreach (var (key, value) in config.KeyValues)
        {
            if (key.Length == 0 || key.Contains('=', StringComparison.Ordinal) || key.Contains('\0', StringComparison.Ordinal)
                || value.Contains('\0', StringComparison.Ordinal))
                errors.ErrorAt(config.Node, "key_values", ConfigCode.InvalidValue, $"'{key}' is no name of an environment variable");
            variables.Add(new(key, value));
        }
        return variables;
    }

    private static WasmLogLevel Level(ILogger logger)
        => logger.IsEnabled(LogLevel.Trace) ? WasmLogLevel.Trace : logger.IsEnabled(LogLevel.Debug) ? WasmLogLevel.Debug
        : logger.IsEnabled(LogLevel.Information) ? WasmLogLevel.Info : logger.IsEnabled(LogLevel.Warning) ? WasmLogLevel.Warn
        : logger.IsEnabled(LogLevel.Error) ? WasmLogLevel.Error : WasmLogLevel.Critical;
}
