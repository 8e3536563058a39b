using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.GrpcStats;

internal sealed class GrpcStatsFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.grpc_stats";
    public override string TypeName => "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig";
    public override Type ConfigType => typeof(GrpcStatsConfig);
    public override string Summary => "Counts gRPC calls, their outcomes and their messages, for each cluster and, if asked, each method.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var config = typedConfig is null ? new() : ConfigBinder.Bind<GrpcStatsConfig>(typedConfig, context.Errors);
        if (config is null) return null;
        var stats = new GrpcCallStats(config, context.Stats, $"grpc_stats/{context.Identity}");
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.RequestBody
            | FilterHooks.ResponseBody | FilterHooks.Complete, worker => new GrpcStatsFilter(stats, worker.Id));
    }
}
