using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.LocalReply;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.AccessLog;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>An HTTP filter of a chain, built for one version.</summary>
internal sealed record BuiltHttpFilter(string Name, HttpFilterFactory Factory, bool Disabled);

/// <summary>
/// The network filter that speaks HTTP [4], built for one version: limits, time-outs, header rules, filters [5], routes [6]. Shared by all
/// workers, immutable.
/// </summary>
internal sealed partial class HttpConnectionManager : TerminalFilter
{
    public required HttpConnectionManagerConfig Config { get; init; }
    public required BuiltHttpFilter[] Filters { get; init; }
    public required RouteTable Routes { get; init; }
    public required HttpStats Stats { get; init; }
    public required AccessLog? AccessLog { get; init; }
    public required LocalReplyRewriter? LocalReply { get; init; }
    public required InternalAddresses Internal { get; init; }
    public required int BufferLimit { get; init; }
    public required bool SuppressEnvoyHeaders { get; init; }

    public bool RoutesConfigureFilters => Filters.Length > 0;
    public bool ForwardTrailers { get; private set; }
    public long IdleMicros { get; private set; }
    public long StreamIdleMicros { get; private set; }
    public long RequestHeadersMicros { get; private set; }
    public long RequestMicros { get; private set; }
    public override long DrainMicros => _drainMicros;
    public long DelayedCloseMicros { get; private set; }
    public long MaxConnectionMicros { get; private set; }
    public long MaxStreamMicros { get; private set; }
    public int MaxRequestsPerConnection { get; private set; }
    public int MaxHeadBytes { get; private set; }

    private long _drainMicros;

    /// <summary>Reads the time-outs and rules out of the configuration; once, when built.</summary>
    public HttpConnectionManager Compile()
    {
        var options = Config.CommonHttpProtocolOptions;
        ForwardTrailers = Config.HttpProtocolOptions.EnableTrailers;
        IdleMicros = Micros(options.IdleTimeout);
        StreamIdleMicros = Micros(Config.StreamIdleTimeout);
        RequestHeadersMicros = Micros(Config.RequestHeadersTimeout);
        RequestMicros = Micros(Config.RequestTimeout);
        _drainMicros = Math.Max(1, Micros(Config.DrainTimeout));
        DelayedCloseMicros = Micros(Config.DelayedCloseTimeout);
        MaxConnectionMicros = Micros(options.MaxConnectionDuration ?? TimeSpan.Zero);
        MaxStreamMicros = Micros(options.MaxStreamDuration ?? TimeSpan.Zero);
        MaxRequestsPerConnection = options.MaxRequestsPerConnection;
        MaxHeadBytes = Config.MaxRequestHeadersKb * 1024;
        CompileRules();
        return this;
    }

    public override async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        var stats = connection.Worker.Stats;
        stats.Increment(Stats.CxTotal);
        stats.Increment(Stats.CxActive);
        var http = new Http1ServerConnection(connection, this);
        await http.RunAsync();
        stats.Decrement(http.Stats.CxActive);
        stats.Increment(http.Stats.CxDestroy);
        return true;
    }

    /// <summary>The limits of the next head.</summary>
    public void Configure(RequestHead head, DownstreamConnection connection)
    {
        head.MaxBytes = MaxHeadBytes;
        head.MaxFields = Config.CommonHttpProtocolOptions.MaxHeadersCount;
        head.AllowAbsoluteUrl = _allowAbsolute;
        head.DefaultHost = _defaultHost;
        head.Scheme = connection.Tls is null ? HttpScheme : HttpsScheme;
    }

    public void OnRequest(HttpStream stream)
    {
        var stats = stream.Worker.Stats;
        stats.Increment(Stats.RqTotal);
        stats.Increment(Stats.RqActive);
        if (stream.Info.Protocol == HttpProtocol.Http2) stats.Increment(Stats.RqHttp2); else stats.Increment(Stats.RqHttp1);
    }

    public void OnComplete(HttpStream stream, bool complete)
    {
        var stats = stream.Worker.Stats;
        var info = stream.Info;
        stats.Decrement(Stats.RqActive);
        stats.Increment(Stats.RqCompleted);
        stats.Increment(Stats.OfClass(info.ResponseCode));
        stats.Record(Stats.RqTime, info.EndTime - info.StartTime);
        stats.Add(Stats.CxTxBytes, info.WireBytesSent);
        if (!complete) stats.Increment(Stats.RqReset);
        AccessLog?.Log(stream.Worker, info);
    }

    public void CountReceived(Worker worker, int bytes) => worker.Stats.Add(Stats.CxRxBytes, bytes);
    public void CountIdleTimeout(Worker worker) => worker.Stats.Increment(Stats.CxIdleTimeout);
    public void CountOverload(Worker worker) => worker.Stats.Increment(Stats.RqOverload);
    public void CountProtocolError(Worker worker) => worker.Stats.Increment(Stats.CxProtocolError);

    public void CountTimeout(Worker worker, bool route, bool idle, bool request)
    {
        if (request) worker.Stats.Increment(Stats.RqOverallTimeout);
        else if (route) worker.Stats.Increment(Stats.RqTimeout);
        else if (idle) worker.Stats.Increment(Stats.RqIdleTimeout);
        else worker.Stats.Increment(Stats.RqMaxDuration);
    }

    private static long Micros(TimeSpan span) => (long)span.TotalMicroseconds;
    private static readonly ReadOnlyMemory<byte> HttpScheme = "http"u8.ToArray(), HttpsScheme = "https"u8.ToArray();
}

/// <summary>A connection manager's counters under Envoy's names.</summary>
internal sealed class HttpStats
{
    private static readonly StatGroup Names = new(
        [
            "downstream_cx_total", "downstream_cx_destroy", "downstream_cx_idle_timeout", "downstream_cx_protocol_error",
            "downstream_cx_rx_bytes_total", "downstream_cx_tx_bytes_total", "downstream_rq_total", "downstream_rq_http1_total",
            "downstream_rq_http2_total", "downstream_rq_completed", "downstream_rq_rx_reset", "downstream_rq_response_timeout",
            "downstream_rq_idle_timeout", "downstream_rq_max_duration_reached", "downstream_rq_timeout", "downstream_rq_1xx",
            "downstream_rq_2xx", "downstream_rq_3xx", "downstream_rq_4xx", "downstream_rq_5xx", "downstream_rq_overload_close",
        ],
        ["downstream_cx_active", "downstream_rq_active"], ["downstream_rq_time"]);

    public readonly Counter CxTotal, CxDestroy, CxIdleTimeout, CxProtocolError, CxRxBytes, CxTxBytes, RqTotal, RqHttp1, RqHttp2, RqCompleted, RqReset, RqTimeout, RqIdleTimeout, RqMaxDuration, RqOverallTimeout, RqOverload,
        Rq1xx, Rq2xx, Rq3xx, Rq4xx, Rq5xx;
    public readonly Gauge CxActive, RqActive;
    public readonly Histogram RqTime;

    public HttpStats(StatScope stats, string prefix)
    {
        var group = stats.Group($"http.{prefix}.", Names);
        Counter C(string name) => group.Counter(name);
        CxTotal = C("downstream_cx_total");
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
        Rq1xx = C("downstream_rq_1xx");
        Rq2xx = C("downstream_rq_2xx");
        Rq3xx = C("downstream_rq_3xx");
        Rq4xx = C("downstream_rq_4xx");
        Rq5xx = C("downstream_rq_5xx");
        CxActive = group.Gauge("downstream_cx_active");
        RqActive = group.Gauge("downstream_rq_active");
        RqTime = group.Histogram("downstream_rq_time");
    }

    public Counter OfClass(int status) => (status / 100) switch { 1 => Rq1xx, 2 => Rq2xx, 3 => Rq3xx, 4 => Rq4xx, 5 => Rq5xx, _ => default };
}
