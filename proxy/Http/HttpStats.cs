using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http;

/// <summary>A connection manager's counters under Envoy's names.</summary>
internal sealed class HttpStats
{
    private static readonly StatGroup Names = new(
        [
            "downstream_cx_total", "downstream_cx_http2_total", "downstream_cx_destroy", "downstream_cx_idle_timeout",
            "downstream_cx_protocol_error",
            "downstream_cx_rx_bytes_total", "downstream_cx_tx_bytes_total", "downstream_rq_total", "downstream_rq_http1_total",
            "downstream_rq_http2_total", "downstream_rq_completed", "downstream_rq_rx_reset", "downstream_rq_response_timeout",
            "downstream_rq_idle_timeout", "downstream_rq_max_duration_reached", "downstream_rq_timeout", "downstream_rq_1xx",
            "downstream_rq_2xx", "downstream_rq_3xx", "downstream_rq_4xx", "downstream_rq_5xx", "downstream_rq_overload_close",
            "passthrough_internal_redirect_bad_location", "passthrough_internal_redirect_unsafe_scheme",
            "passthrough_internal_redirect_too_many_redirects", "passthrough_internal_redirect_no_route",
            "passthrough_internal_redirect_predicate",
        ],
        ["downstream_cx_active", "downstream_rq_active"], ["downstream_rq_time"]);

    public readonly Counter CxTotal, CxHttp2, CxDestroy, CxIdleTimeout, CxProtocolError, CxRxBytes, CxTxBytes, RqTotal, RqHttp1, RqHttp2,
        RqCompleted, RqReset, RqTimeout, RqIdleTimeout, RqMaxDuration, RqOverallTimeout, RqOverload,
        Rq1xx, Rq2xx, Rq3xx, Rq4xx, Rq5xx;
    /// <summary>Why a redirect of the upstream was the client's, of those that the policy of its route would follow.</summary>
    public readonly Counter RedirectBadLocation, RedirectUnsafeScheme, RedirectTooMany, RedirectNoRoute, RedirectPredicate;
    public readonly Gauge CxActive, RqActive;
    public readonly Histogram RqTime;

    public HttpStats(StatScope stats, string prefix)
    {
        var group = stats.Group($"http.{prefix}.", Names);
        Counter C(string name) => group.Counter(name);
        CxTotal = C("downstream_cx_total");
        CxHttp2 = C("downstream_cx_http2_total");
        CxDestroy = C("downstream_cx_destroy");
        CxIdleTimeout = C("downstream_cx_idle_timeout");
        CxProtocolError = C("downstream_cx_protocol_error");
        CxRxBytes = C("downstream_cx_rx_bytes_total");
        CxTxBytes = C("downstream_cx_tx_bytes_total");
        RqTotal = C("downstream_rq_total");
        RqHttp1 = C("downstream_rq_http1_total");
        RqHttp2 = C("downstream_rq_http2_total");
        RqCompleted = C("downstream_rq_completed");
        RqReset = C("downstream_rq_rx_reset");
        RqTimeout = C("downstream_rq_response_timeout");
        RqIdleTimeout = C("downstream_rq_idle_timeout");
        RqMaxDuration = C("downstream_rq_max_duration_reached");
        RqOverallTimeout = C("downstream_rq_timeout");
        RqOverload = C("downstream_rq_overload_close");
        RedirectBadLocation = C("passthrough_internal_redirect_bad_location");
        RedirectUnsafeScheme = C("passthrough_internal_redirect_unsafe_scheme");
        RedirectTooMany = C("passthrough_internal_redirect_too_many_redirects");
        RedirectNoRoute = C("passthrough_internal_redirect_no_route");
        RedirectPredicate = C("passthrough_internal_redirect_predicate");
        Rq1xx = C("downstream_rq_1xx");
        Rq2xx = C("downstream_rq_2xx");
        Rq3xx = C("downstream_rq_3xx");
        Rq4xx = C("downstream_rq_4xx");
        Rq5xx = C("downstream_rq_5xx");
        CxActive = group.Gauge("downstream_cx_active");
        RqActive = group.Gauge("downstream_rq_active");
        RqTime = group.Histogram("downstream_rq_time");
    }

    public Counter OfClass(int status) => (status / 100) switch { 1 => Rq1xx, 2 => Rq2xx, 3 => Rq3xx, 4 => Rq4xx, 5 => Rq5xx,
        _ => default };
}
