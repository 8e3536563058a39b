using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.ApiKeyAuth;

internal sealed class ApiKeyAuthFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.api_key_auth";
    public override string TypeName => "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth";
    public override string RouteTypeName => "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuthPerRoute";
    public override Type ConfigType => typeof(ApiKeyAuthConfig);
    public override Type RouteConfigType => typeof(ApiKeyAuthPerRouteConfig);
    public override string Summary => "Asks for a key of a list, in a header, query parameter or cookie; routes may say whose.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var config = typedConfig is null ? new ApiKeyAuthConfig() : ConfigBinder.Bind<ApiKeyAuthConfig>(typedConfig, context.Errors);
        if (config is null || ApiKeySettings.Build(config.Credentials, config.KeySources, config.Forwarding, [], context.Errors)
            is not { } settings) return null;
        var stats = new ApiKeyStats(context);
        return new FilterFactory(FilterHooks.RequestHeaders, _ => new ApiKeyAuthFilter(settings, stats));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<ApiKeyAuthPerRouteConfig>(typedConfig, context.Errors) is { } config
            ? ApiKeySettings.Build(config.Credentials, config.KeySources, config.Forwarding, config.AllowedClients, context.Errors) : null;
}
