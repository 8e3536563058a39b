using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>A cluster's counters under Envoy's names.</summary>
internal sealed class ClusterStats
{
    private static readonly StatGroup Names = new(
        [
            "upstream_cx_total", "upstream_cx_destroy", "upstream_cx_connect_fail", "upstream_cx_connect_timeout",
            "upstream_cx_overflow", "upstream_cx_http1_total", "upstream_cx_http2_total", "upstream_cx_idle_timeout",
            "upstream_cx_max_requests", "upstream_cx_close_notify", "upstream_rq_pending_failure_eject", "upstream_rq_total",
            "upstream_rq_retry", "upstream_rq_retry_success", "upstream_rq_retry_limit_exceeded", "upstream_rq_retry_overflow",
            "upstream_rq_retry_backoff_exponential", "upstream_rq_retry_backoff_ratelimited", "retry_or_shadow_abandoned",
            "upstream_rq_per_try_timeout", "upstream_rq_per_try_idle_timeout", "upstream_rq_timeout",
            "upstream_rq_pending_total", "upstream_rq_pending_overflow", "upstream_rq_cancelled", "upstream_cx_none_healthy",
            "lb_healthy_panic", "lb_subsets_selected", "lb_subsets_fallback", "lb_subsets_fallback_panic",
            "upstream_internal_redirect_succeeded_total", "upstream_internal_redirect_failed_total",
            "lb_zone_routing_all_directly", "lb_zone_routing_sampled", "lb_zone_routing_cross_zone",
            "upstream_rq_rx_reset", "upstream_rq_tx_reset", "upstream_cx_protocol_error", "upstream_rq_informational_overflow", "upstream_rq_1xx",
            "upstream_rq_2xx", "upstream_rq_3xx", "upstream_rq_4xx",
            "upstream_rq_5xx", "upstream_rq_completed", "upstream_cx_rx_bytes_total", "upstream_cx_tx_bytes_total",
        ],
        ["upstream_cx_active", "upstream_rq_active", "upstream_rq_pending_active"], ["upstream_rq_time", "upstream_cx_connect_ms"]);

    public readonly Counter CxTotal, CxDestroy, CxConnectFail, CxConnectTimeout, CxOverflow, CxHttp1, CxHttp2, CxIdleTimeout,
        CxMaxRequests, CxCloseNotify, RqPendingFailureEject, RqTotal, RqRetry, RqRetrySuccess, RqRetryLimitExceeded,
        RqRetryOverflow, RqRetryBackoffExponential, RqRetryBackoffRateLimited, RetryAbandoned, RqTryTimeout, RqTryIdleTimeout, RqTimeout,
        RqPendingTotal, RqPendingOverflow,
        RqCancelled, NoHealthy, HealthyPanic, SubsetsSelected, SubsetsFallback, SubsetsFallbackPanic,
        ZoneDirect, ZoneStays, ZoneLeaves, RedirectSucceeded, RedirectFailed,
        RxReset, TxReset, ProtocolError, InformationalOverflow, Rq1xx, Rq2xx, Rq3xx, Rq4xx, Rq5xx,
        RqCompleted, RxBytes, TxBytes;
    public readonly Gauge CxActive, RqActive, RqPendingActive;
    public readonly Histogram RqTime, ConnectMs;

    private readonly StatScope _scope;
    private readonly string _cluster, _owner;
    private readonly Counter[]?[] _byCode = new Counter[6][]; // of a class; those that occurred
    private readonly Dictionary<string, Counter> _retried = []; // of answers that were not passed on

    /// <summary>Counts nothing.</summary>
    public static readonly ClusterStats Nowhere = new();

    private ClusterStats() => (_scope, _cluster, _owner) = (null!, "", "");

    public ClusterStats(StatScope stats, string cluster)
    {
        (_scope, _cluster, _owner) = (stats, cluster, "cluster." + cluster);
        stats.Own(_owner); // codes that occurred in the version before go on counting
        var group = stats.Group($"cluster.{cluster}.", Names);
        Counter C(string name) => group.Counter(name);
        Gauge G(string name) => group.Gauge(name);
        CxTotal = C("upstream_cx_total");
        CxDestroy = C("upstream_cx_destroy");
        CxConnectFail = C("upstream_cx_connect_fail");
        CxConnectTimeout = C("upstream_cx_connect_timeout");
        CxOverflow = C("upstream_cx_overflow");
        CxHttp1 = C("upstream_cx_http1_total");
        CxHttp2 = C("upstream_cx_http2_total");
        CxIdleTimeout = C("upstream_cx_idle_timeout");
        CxMaxRequests = C("upstream_cx_max_requests");
        CxCloseNotify = C("upstream_cx_close_notify");
        RqPendingFailureEject = C("upstream_rq_pending_failure_eject");
        RqTotal = C("upstream_rq_total");
        RqRetry = C("upstream_rq_retry");
        RqRetrySuccess = C("upstream_rq_retry_success");
        RqRetryLimitExceeded = C("upstream_rq_retry_limit_exceeded");
        RqRetryOverflow = C("upstream_rq_retry_overflow");
        RqRetryBackoffExponential = C("upstream_rq_retry_backoff_exponential");
        RqRetryBackoffRateLimited = C("upstream_rq_retry_backoff_ratelimited");
        RetryAbandoned = C("retry_or_shadow_abandoned");
        RqTryTimeout = C("upstream_rq_per_try_timeout");
        RqTryIdleTimeout = C("upstream_rq_per_try_idle_timeout");
        RqTimeout = C("upstream_rq_timeout");
        RqPendingTotal = C("upstream_rq_pending_total");
        RqPendingOverflow = C("upstream_rq_pending_overflow");
        RqCancelled = C("upstream_rq_cancelled");
        NoHealthy = C("upstream_cx_none_healthy");
        HealthyPanic = C("lb_healthy_panic");
        RedirectSucceeded = C("upstream_internal_redirect_succeeded_total");
        RedirectFailed = C("upstream_internal_redirect_failed_total");
        ZoneDirect = C("lb_zone_routing_all_directly");
        ZoneStays = C("lb_zone_routing_sampled");
        ZoneLeaves = C("lb_zone_routing_cross_zone");
        SubsetsSelected = C("lb_subsets_selected");
        SubsetsFallback = C("lb_subsets_fallback");
        SubsetsFallbackPanic = C("lb_subsets_fallback_panic");
        RxReset = C("upstream_rq_rx_reset");
        TxReset = C("upstream_rq_tx_reset");
        ProtocolError = C("upstream_cx_protocol_error");
        InformationalOverflow = C("upstream_rq_informational_overflow");
        Rq1xx = C("upstream_rq_1xx");
        Rq2xx = C("upstream_rq_2xx");
        Rq3xx = C("upstream_rq_3xx");
        Rq4xx = C("upstream_rq_4xx");
        Rq5xx = C("upstream_rq_5xx");
        RqCompleted = C("upstream_rq_completed");
        RxBytes = C("upstream_cx_rx_bytes_total");
        TxBytes = C("upstream_cx_tx_bytes_total");
        CxActive = G("upstream_cx_active");
        RqActive = G("upstream_rq_active");
        RqPendingActive = G("upstream_rq_pending_active");
        RqTime = group.Histogram("upstream_rq_time");
        ConnectMs = group.Histogram("upstream_cx_connect_ms");
    }

    /// <summary>An answer of this status, the endpoint's or ours in its place: its class, its code, and that there was one.</summary>
    public void CountResponse(StatsCells cells, int status)
    {
        cells.Increment((status / 100) switch { 1 => Rq1xx, 2 => Rq2xx, 3 => Rq3xx, 4 => Rq4xx, 5 => Rq5xx, _ => default });
        cells.Increment(OfCode(status));
        cells.Increment(RqCompleted);
    }

    /// <summary>An answer that is not passed on, for another attempt is made: under retry. what other answers count.</summary>
    public void CountRetried(StatsCells cells, int status)
    {
        cells.Increment(OfRetried("completed"));
        cells.Increment(OfRetried($"{status / 100}xx"));
        if (status is >= 100 and < 600) cells.Increment(OfRetried(FormattableString.Invariant($"{status}")));
    }

    private Counter OfRetried(string what)
    {
        lock (_retried)
        {
            if (!_retried.TryGetValue(what, out var counter))
                _retried[what] = counter
                    = new Counter(_scope.Guest(StatKind.Counter, $"cluster.{_cluster}.retry.upstream_rq_{what}", _owner));
            return counter;
        }
    }

    // A code gets its counter when it first occurs: five hundred for each cluster would be none of use and much to read.
    private Counter OfCode(int status)
    {
        if (status is < 100 or > 599) return default;
        var codes = _byCode[status / 100] ??= new Counter[100];
        ref var counter = ref codes[status % 100];
        if (counter.Index == 0)
            counter = new Counter(_scope.Guest(StatKind.Counter, FormattableString.Invariant($"cluster.{_cluster}.upstream_rq_{status}"),
                _owner));
        return counter;
    }
}
