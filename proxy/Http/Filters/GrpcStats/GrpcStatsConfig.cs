using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.GrpcStats;

[Description("Counts gRPC calls and their messages, under cluster.NAME.grpc.")]
public sealed record GrpcStatsConfig : ConfigRecord
{
    [Description("Keeps the messages of the request and of the response, as \"2,5\", in the filter state envoy.filters.http.grpc_stats.")]
    public bool EmitFilterState { get; init; }

    [OneOf("per_method_stat_specifier"), Description("Only these methods count under their names, all others together.")]
    public GrpcMethodListConfig? IndividualMethodStatsAllowlist { get; init; }

    [OneOf("per_method_stat_specifier"),
        Description("Each method counts under its name, up to 1,000 of them, as clients choose the names. Absent: all count together.")]
    public bool? StatsForAllMethods { get; init; }

    [Description("Keeps upstream_rq_time too: from the beginning of the request to the endpoint to the end of its answer.")]
    public bool EnableUpstreamStats { get; init; }

    [Description("Writes the dots in a service's name as underscores.")]
    public bool ReplaceDotsInGrpcServiceName { get; init; }
}

[Description("Methods of services.")]
public sealed record GrpcMethodListConfig : ConfigRecord
{
    [Description("The services.")]
    public IReadOnlyList<GrpcServiceMethodsConfig> Services { get; init; } = [];
}

[Description("Methods of one service.")]
public sealed record GrpcServiceMethodsConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The service's name with its package, such as shop.Orders.")]
    public string Name { get; init; } = "";

    [Required, Length(1, 1000), Description("Its methods.")]
    public IReadOnlyList<string> MethodNames { get; init; } = [];
}
