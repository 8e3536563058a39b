using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Fault;

internal sealed class FaultFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.fault";
    public override string TypeName => "envoy.extensions.filters.http.fault.v3.HTTPFault";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(FaultConfig);
    public override Type RouteConfigType => typeof(FaultConfig);
    public override string Summary => "Delays or aborts a share of the requests, as configured or as the request's own headers ask for.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var settings = typedConfig is null ? FaultSettings.Build(new FaultConfig(), context) : Bind(typedConfig, context);
        if (settings is null) return null;
        var stats = new FaultStats(context);
        return new FilterFactory(FilterHooks.RequestHeaders, _ => new FaultFilter(settings, stats));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context) => Bind(typedConfig, context);

    private static FaultSettings? Bind(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<FaultConfig>(typedConfig, context.Errors) is { } config ? FaultSettings.Build(config, context) : null;
}
