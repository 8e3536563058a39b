using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Filters.Wasm.Plugins;

namespace Managed.Proxy.Http.Filters.Wasm;

internal sealed class WasmFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.wasm";
    public override string TypeName => "envoy.extensions.filters.http.wasm.v3.Wasm";
    public override Type ConfigType => typeof(WasmConfig);
    public override string Summary => "Runs a Proxy-Wasm module on each request and response.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "a wasm filter needs a typed_config");
            return null;
        }
        if (ConfigBinder.Bind<WasmConfig>(typedConfig, context.Errors) is not { Config: { } config }) return null;
        int before = context.Errors.Count;
        if (PluginBuilder.Build(config, context.Errors, context.Stats, context.Shared, context.Clusters) is { } plugin)
            return new FilterFactory((FilterHooks)127, _ => new WasmFilter(plugin));
        if (!context.Errors.Host.MakesDo || context.Errors.Count > before) return null;
        return WasmPlugin.PolicyOf(config) == WasmFailurePolicy.FailOpen
            ? new FilterFactory(FilterHooks.None, static _ => new AbsentFilter())
            : new FilterFactory(FilterHooks.RequestHeaders, static _ => new AbsentFilter());
    }
}
