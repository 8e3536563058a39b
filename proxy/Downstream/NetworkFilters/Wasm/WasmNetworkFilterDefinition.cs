using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http.Filters.Wasm;
using Managed.Proxy.Http.Filters.Wasm.Plugins;

namespace Managed.Proxy.Downstream.NetworkFilters.Wasm;

internal sealed class WasmNetworkFilterDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.wasm";
    public override string TypeName => "envoy.extensions.filters.network.wasm.v3.Wasm";
    public override Type ConfigType => typeof(WasmConfig);
    public override string Summary => "Runs a Proxy-Wasm module on the bytes of each connection.";
    public override bool IsTerminal => false;

    internal override NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "a wasm filter needs a typed_config");
            return null;
        }
        if (ConfigBinder.Bind<WasmConfig>(typedConfig, context.Errors) is not { Config: { } config }) return null;
        int before = context.Errors.Count;
        if (PluginBuilder.Build(config, context.Errors, context.Stats, context.Shared, context.Clusters) is { } plugin)
            return new Factory(plugin);
        return context.Errors.Host.MakesDo && context.Errors.Count == before
            ? new Absent(WasmPlugin.PolicyOf(config) == WasmFailurePolicy.FailOpen) : null;
    }

    private sealed class Factory(WasmPlugin plugin) : NetworkFilterFactory
    {
        public override NetworkFilter? Create(Listener.DownstreamConnection connection) => WasmNetworkFilter.Create(plugin, connection);
    }

    // In place of a plugin whose code could not be had when the process started.
    private sealed class Absent(bool open) : NetworkFilterFactory
    {
        public override NetworkFilter? Create(Listener.DownstreamConnection connection) => open ? new WasmNetworkFilter() : null;
    }
}
