using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Fault;

[Description("Delays or aborts some requests.")]
[UnsupportedField(
    "response_rate_limit downstream_nodes disable_downstream_cluster_stats filter_metadata delay_percent_runtime abort_percent_runtime "
        + "delay_duration_runtime abort_http_status_runtime max_active_faults_runtime response_rate_limit_percent_runtime "
            + "abort_grpc_status_runtime",
    "not available in this version")]
public sealed record FaultConfig : ConfigRecord
{
    [Description("Holds the request back.")]
    public FaultDelayConfig? Delay { get; init; }

    [Description("Answers instead of the upstream.")]
    public FaultAbortConfig? Abort { get; init; }

    [Description("Only requests of routes to this cluster.")]
    public string UpstreamCluster { get; init; } = "";

    [Description("Only requests that pass all of these tests.")]
    public IReadOnlyList<HeaderMatcherConfig> Headers { get; init; } = [];

    [Description("Most faults at a time. Absent: no limit.")]
    public uint? MaxActiveFaults { get; init; }
}

[Description("A delay.")]
public sealed record FaultDelayConfig : ConfigRecord
{
    [OneOf("fault_delay_secifier", Required = true), DurationRange(1), Description("How long.")]
    public TimeSpan? FixedDelay { get; init; }

    [OneOf("fault_delay_secifier", Required = true),
        Description("Taken from x-envoy-fault-delay-request in milliseconds; x-envoy-fault-delay-request-percentage may lower the share.")]
    public EmptyConfig? HeaderDelay { get; init; }

    [Description("Share of the requests. Absent: none, as in Envoy.")]
    public FractionalPercentConfig? Percentage { get; init; }
}

[Description("An answer in place of the upstream's.")]
public sealed record FaultAbortConfig : ConfigRecord
{
    [OneOf("error_type", Required = true), Range(200, 599), Description("HTTP status.")]
    public int? HttpStatus { get; init; }

    [OneOf("error_type", Required = true), Range(0, 16), Description("gRPC status.")]
    public int? GrpcStatus { get; init; }

    [OneOf("error_type", Required = true),
        Description(
            "Taken from x-envoy-fault-abort-request or x-envoy-fault-abort-grpc-request; x-envoy-fault-abort-request-percentage may "
                + "lower the share.")]
    public EmptyConfig? HeaderAbort { get; init; }

    [Description("Share of the requests. Absent: none, as in Envoy.")]
    public FractionalPercentConfig? Percentage { get; init; }
}
