using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.LocalRateLimit;

internal sealed class LocalRateLimitFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.local_ratelimit";
    public override string TypeName => "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(LocalRateLimitConfig);
    public override Type RouteConfigType => typeof(LocalRateLimitConfig);
    public override string Summary => "Limits the rate of requests by a token bucket that all workers share; a route may have its own.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "local_ratelimit needs a typed_config",
                "give stat_prefix and token_bucket");
            return null;
        }
        return Settings(typedConfig, context) is { } settings
            ? new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders, _ => new LocalRateLimitFilter(settings))
            : null;
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context) => Settings(typedConfig, context);

    private static LocalRateLimitSettings? Settings(ConfigNode typedConfig, FilterBuildContext context)
    {
        int before = context.Errors.Count;
        if (ConfigBinder.Bind<LocalRateLimitConfig>(typedConfig, context.Errors) is not { } config) return null;
        var settings = new LocalRateLimitSettings(config, context);
        return context.Errors.Count == before ? settings : null;
    }
}
