using System.Globalization;
using System.Text;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.Proxy;

namespace Managed.AdminApi.EnvoyPaths;

/// <summary>
/// Envoy's <c>/clusters</c>: one value a line, or JSON (its <c>admin.v3.Clusters</c>) with <c>?format=json</c>. Without what does not exist
/// here: a second priority of requests, and <c>pending_dynamic_removal</c>, since an endpoint that is removed gets nothing more.
/// </summary>
internal static class ClustersText
{
    public static Task WriteAsync(HttpContext context)
    {
        var clusters = context.RequestServices.GetRequiredService<ProxyServer>().Clusters();
        return (Query.Text(context, "format") ?? "text") switch
        {
            "text" => ServerAnswers.TextAsync(context, Text(clusters)),
            "json" => JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new { cluster_statuses = clusters.Select(Json) }),
            var other => throw ApiException.Parameter("format", $"'{other}' is not text or json"),
        };
    }

    private static string Text(IReadOnlyList<ClusterStatus> clusters)
    {
        var text = new StringBuilder();
        foreach (var cluster in clusters)
        {
            void Line(string name, object value) => text.Append(CultureInfo.InvariantCulture, $"{cluster.Name}::{name}::{value}\n");
            Line("observability_name", cluster.Name);
            if (cluster.Rates is { } rates)
            {
                Line("outlier::success_rate_average", rates.Average);
                Line("outlier::success_rate_ejection_threshold", rates.Threshold);
                Line("outlier::local_origin_success_rate_average", rates.LocalAverage);
                Line("outlier::local_origin_success_rate_ejection_threshold", rates.LocalThreshold);
            }
            Line("default_priority::max_connections", cluster.MaxConnections);
            Line("default_priority::max_pending_requests", cluster.MaxPendingRequests);
            Line("default_priority::max_requests", cluster.MaxRequests);
            Line("default_priority::max_retries", cluster.MaxRetries);
            Line("added_via_api", "true");
            foreach (var endpoint in cluster.Endpoints)
                foreach (var (name, value) in Values(endpoint))
                    Line($"{endpoint.Address}::{name}", value);
        }
        return text.ToString();
    }

    private static IEnumerable<(string Name, object Value)> Values(EndpointStatus e) =>
    [
        ("cx_active", e.ConnectionsActive), ("cx_connect_fail", e.ConnectFailures), ("cx_total", e.ConnectionsTotal),
        ("rq_active", e.RequestsActive),
        ("rq_error", e.RequestsError), ("rq_success", e.RequestsSuccess), ("rq_timeout", e.RequestsTimeout), ("rq_total", e.RequestsTotal),
        ("hostname", e.HostName), ("health_flags", Flags(e)), ("weight", e.Weight), ("region", e.Region), ("zone", e.Zone),
        ("sub_zone", e.SubZone),
        ("canary", e.Canary ? "true" : "false"), ("priority", e.Priority), ("success_rate", e.SuccessRate),
        ("local_origin_success_rate", e.LocalOriginSuccessRate),
    ];

    private static object Json(ClusterStatus cluster) => new
    {
        name = cluster.Name,
        added_via_api = true,
        observability_name = cluster.Name,
        success_rate_ejection_threshold = Percent(cluster.Rates?.Threshold ?? -1),
        local_origin_success_rate_ejection_threshold = Percent(cluster.Rates?.LocalThreshold ?? -1),
        circuit_breakers = new
        {
            thresholds = new[] { new { max_connections = cluster.MaxConnections, max_pending_requests = cluster.MaxPendingRequests,
                max_requests = cluster.MaxRequests, max_retries = cluster.MaxRetries } },
        },
        host_statuses = cluster.Endpoints.Select(e => new
        {
            address = ListenersText.Address(e.Address),
            hostname = e.HostName,
            weight = e.Weight,
            priority = e.Priority,
            locality = new { region = Given(e.Region), zone = Given(e.Zone), sub_zone = Given(e.SubZone) },
            success_rate = Percent(e.SuccessRate),
            local_origin_success_rate = Percent(e.LocalOriginSuccessRate),
            health_status = Health(e),
            stats = new object[]
            {
                Stat("cx_connect_fail", e.ConnectFailures), Stat("cx_total", e.ConnectionsTotal), Stat("rq_error", e.RequestsError),
                Stat("rq_success", e.RequestsSuccess),
                Stat("rq_timeout", e.RequestsTimeout), Stat("rq_total", e.RequestsTotal), Gauge("cx_active", e.ConnectionsActive),
                Gauge("rq_active", e.RequestsActive),
            },
        }),
    };

    /// <summary>Envoy calls an endpoint healthy until something says otherwise; nothing has been said about an UNKNOWN one.</summary>
    private static string Flags(EndpointStatus endpoint)
        => endpoint.Flags.Count == 0 ? "healthy" : string.Concat(endpoint.Flags.Select(f => "/" + f));

    private static Dictionary<string, object> Health(EndpointStatus endpoint)
    {
        var status = new Dictionary<string, object>();
        foreach (string flag in endpoint.Flags)
            if (flag is "failed_active_hc" or "failed_outlier_check" or "degraded_active_hc" or "pending_active_hc" or "active_hc_timeout"
                or "excluded_via_immediate_hc_fail")
                status[flag switch
                {
                    "failed_active_hc" => "failed_active_health_check",
                    "degraded_active_hc" => "failed_active_degraded_check",
                    _ => flag,
                }] = true;
        string eds = endpoint.Flags.Contains("failed_eds_health") ? "UNHEALTHY"
            : endpoint.Flags.Contains("eds_status_draining") ? "DRAINING"
            : endpoint.Flags.Contains("degraded_eds_health") ? "DEGRADED" : "HEALTHY";
        status["eds_health_status"] = eds;
        return status;
    }

    // What is not known is null, which protobuf's JSON takes for what Envoy leaves out.
    private static object? Percent(double value) => value >= 0 ? new { value } : null;
    private static string? Given(string text) => text.Length > 0 ? text : null;

    private static object Stat(string name, long value)
        => new { name, type = "COUNTER", value = value.ToString(CultureInfo.InvariantCulture) };

    private static object Gauge(string name, long value)
        => new { name, type = "GAUGE", value = value.ToString(CultureInfo.InvariantCulture) };
}
