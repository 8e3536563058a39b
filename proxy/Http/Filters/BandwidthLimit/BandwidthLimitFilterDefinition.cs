using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.BandwidthLimit;

internal sealed class BandwidthLimitFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.bandwidth_limit";
    public override string TypeName => "envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(BandwidthLimitConfig);
    public override Type RouteConfigType => typeof(BandwidthLimitConfig);
    public override string Summary => "Limits how fast bodies of requests and responses pass; a route may have its own limit.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "bandwidth_limit needs a typed_config", "give stat_prefix");
            return null;
        }
        return BuildRoute(typedConfig, context) is BandwidthSettings settings
            ? new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.RequestBody | FilterHooks.RequestTrailers
                | FilterHooks.ResponseHeaders | FilterHooks.ResponseBody | FilterHooks.ResponseTrailers,
                worker => new BandwidthLimitFilter(settings, worker))
            : null;
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<BandwidthLimitConfig>(typedConfig, context.Errors) is { } config
            ? BandwidthSettings.Build(config, context) : null;
}
