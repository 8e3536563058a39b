using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router.RateLimits;

namespace Managed.Proxy.Http.Filters.RateLimit;

internal sealed class RateLimitFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.ratelimit";
    public override string TypeName => "envoy.extensions.filters.http.ratelimit.v3.RateLimit";
    public override string RouteTypeName => "envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute";
    public override Type ConfigType => typeof(RateLimitFilterConfig);
    public override Type RouteConfigType => typeof(RateLimitPerRouteConfig);
    public override string Summary => "Asks a rate limit service, which counts for many proxies, whether a request is within its limits.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "ratelimit needs a typed_config",
                "give domain and rate_limit_service");
            return null;
        }
        return ConfigBinder.Bind<RateLimitFilterConfig>(typedConfig, context.Errors) is { } config
            && RateLimitSettings.Build(config, context) is { } settings
            ? new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders, _ => new RateLimitFilter(settings)) : null;
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<RateLimitPerRouteConfig>(typedConfig, context.Errors) is { } config
            && RateLimitPolicy.Build(config.RateLimits, context.Errors) is { } limits
            ? new RateLimitRoute(config.VhRateLimits, config.Domain, limits) : null;
}
