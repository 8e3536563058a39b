using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router;

namespace Managed.Proxy.Http.Filters.ExtAuthz;

internal sealed class ExtAuthzFilterDefinition : HttpFilterDefinition
{
    public override string Name => ExtAuthzFilter.Namespace;
    public override string TypeName => "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
    public override string RouteTypeName => "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute";
    public override Type ConfigType => typeof(ExtAuthzConfig);
    public override Type RouteConfigType => typeof(ExtAuthzPerRouteConfig);
    public override string Summary => "Asks a service over HTTP or gRPC whether a request may go on, and lets it change the request.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "ext_authz needs a typed_config",
                "give grpc_service or http_service");
            return null;
        }
        return ConfigBinder.Bind<ExtAuthzConfig>(typedConfig, context.Errors) is { } config
            && AuthzSettings.Build(config, context) is { } settings
            ? new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.RequestBody | FilterHooks.RequestTrailers
                | FilterHooks.ResponseHeaders, _ => new ExtAuthzFilter(settings))
            : null;
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<ExtAuthzPerRouteConfig>(typedConfig, context.Errors) switch
        {
            null => null,
            { CheckSettings: { } check } => new AuthzRoute(check.ContextExtensions, check.DisableRequestBodyBuffering,
                AuthzBuffer.Of(check.WithRequestBody)),
            _ => RouteEntry.Disabled,
        };
}
