using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Router;

[Description("The last filter: sends the request to the cluster of its route.")]
[UnsupportedField(
    "start_child_span upstream_log upstream_log_options strict_check_headers respect_expected_rq_timeout "
        + "suppress_grpc_request_failure_code_stats upstream_http_filters reject_connect_request_early_data",
            "not available in this version")]
[UnsupportedField("dynamic_stats", "statistics of clusters are always kept")]
public sealed record RouterConfig : ConfigRecord
{
    [Description("Adds none of the x-envoy-* headers.")]
    public bool SuppressEnvoyHeaders { get; init; }
}
