using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.GrpcWeb;

internal sealed class GrpcWebFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.grpc_web";
    public override string TypeName => "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb";
    public override Type ConfigType => typeof(GrpcWebConfig);
    public override string Summary => "Makes gRPC of gRPC-Web, which is what browsers can speak, and gRPC-Web of the answers.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is not null && ConfigBinder.Bind<GrpcWebConfig>(typedConfig, context.Errors) is null) return null;
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.RequestBody | FilterHooks.ResponseHeaders
            | FilterHooks.ResponseBody | FilterHooks.ResponseTrailers, _ => new GrpcWebFilter());
    }
}
