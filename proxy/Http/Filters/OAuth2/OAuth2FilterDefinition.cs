using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router;

namespace Managed.Proxy.Http.Filters.OAuth2;

internal sealed class OAuth2FilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.oauth2";
    public override string TypeName => "envoy.extensions.filters.http.oauth2.v3.OAuth2";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(OAuth2FilterConfig);
    public override Type RouteConfigType => typeof(OAuth2FilterConfig);
    public override string Summary => "Signs browsers in at an authorization server and keeps the session in cookies.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        OAuth2Settings? settings = null;
        if (typedConfig is not null)
        {
            if (ConfigBinder.Bind<OAuth2FilterConfig>(typedConfig, context.Errors) is not { } config) return null;
            if (config.Config is { } given && (settings = OAuth2Settings.Build(given, context)) is null) return null;
            if (config.HasErrors) return null;
        }
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders, _ => new OAuth2Filter(settings));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<OAuth2FilterConfig>(typedConfig, context.Errors) switch
        {
            null or { HasErrors: true } => null,
            { Config: { } given } => OAuth2Settings.Build(given, context),
            _ => RouteEntry.Disabled,
        };
}
