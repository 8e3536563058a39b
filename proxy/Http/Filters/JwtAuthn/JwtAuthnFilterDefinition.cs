using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

internal sealed class JwtAuthnFilterDefinition : HttpFilterDefinition
{
    public override string Name => JwtAuthnFilter.Namespace;
    public override string TypeName => "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
    public override string RouteTypeName => "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig";
    public override Type ConfigType => typeof(JwtAuthnConfig);
    public override Type RouteConfigType => typeof(JwtPerRouteConfig);
    public override string Summary => "Verifies JSON Web Tokens with keys of the configuration or of a URL, and passes on what they say.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var config = typedConfig is null ? new JwtAuthnConfig() : ConfigBinder.Bind<JwtAuthnConfig>(typedConfig, context.Errors);
        return config is not null && JwtAuthnSettings.Build(config, context) is { } settings
            ? new FilterFactory(FilterHooks.RequestHeaders, _ => new JwtAuthnFilter(settings)) : null;
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<JwtPerRouteConfig>(typedConfig, context.Errors) is not { } config ? null
            : config.RequirementName is { } name ? new JwtRoute(name) : RouteEntry.Disabled;
}
