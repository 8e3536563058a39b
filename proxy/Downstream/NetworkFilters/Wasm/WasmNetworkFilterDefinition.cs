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
        return PluginBuilder.Build(config, context.Errors, context.Stats, context.Shared, context.Clusters) is { } plugin ? new Factory(plugin) : null;
    }

    private sealed class Factory(WasmPlugin plugin) : NetworkFilterFactory
    {
        public override NetworkFilter? Create(Listener.DownstreamConnection connection) => WasmNetworkFilter.Create(plugin, connection);
    }
}
