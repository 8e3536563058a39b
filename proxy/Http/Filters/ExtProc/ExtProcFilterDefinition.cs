using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router;

namespace Managed.Proxy.Http.Filters.ExtProc;

internal sealed class ExtProcFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.ext_proc";
    public override string TypeName => "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor";
    public override string RouteTypeName => "envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute";
    public override Type ConfigType => typeof(ExtProcConfig);
    public override Type RouteConfigType => typeof(ExtProcPerRouteConfig);
    public override string Summary => "Lets a service over gRPC see and change requests and responses: headers, bodies and trailers.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "ext_proc needs a typed_config", "give grpc_service");
            return null;
        }
        return ConfigBinder.Bind<ExtProcConfig>(typedConfig, context.Errors) is { } config
            && ExtProcSettings.Build(config, context) is { } settings
            ? new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.RequestBody | FilterHooks.RequestTrailers
                | FilterHooks.ResponseHeaders | FilterHooks.ResponseBody | FilterHooks.ResponseTrailers,
                worker => new ExtProcFilter(settings, worker))
            : null;
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<ExtProcPerRouteConfig>(typedConfig, context.Errors) switch
        {
            null => null,
            { Overrides: { } overrides } => ExtProcSettings.BuildRoute(overrides, context),
            _ => RouteEntry.Disabled,
        };
}
