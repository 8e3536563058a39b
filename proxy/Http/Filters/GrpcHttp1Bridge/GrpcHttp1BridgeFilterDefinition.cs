using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.GrpcHttp1Bridge;

internal sealed class GrpcHttp1BridgeFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.grpc_http1_bridge";
    public override string TypeName => "envoy.extensions.filters.http.grpc_http1_bridge.v3.Config";
    public override Type ConfigType => typeof(GrpcHttp1BridgeConfig);
    public override string Summary
        => "Lets clients of HTTP/1.1 call unary gRPC methods: status and message of the answer come in its head, an error as 503.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var config = typedConfig is null ? new() : ConfigBinder.Bind<GrpcHttp1BridgeConfig>(typedConfig, context.Errors);
        if (config is null) return null;
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.RequestBody | FilterHooks.RequestTrailers
            | FilterHooks.ResponseHeaders | FilterHooks.ResponseBody | FilterHooks.ResponseTrailers,
            _ => new GrpcHttp1BridgeFilter(config));
    }
}
