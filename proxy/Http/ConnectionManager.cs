using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Http.LocalReply;
using Managed.Proxy.Http.Rules;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.AccessLog;

namespace Managed.Proxy.Http;

/// <summary>An HTTP filter of a chain, built for one version.</summary>
internal sealed record BuiltHttpFilter(string Name, HttpFilterFactory Factory, bool Disabled)
{
    /// <summary>What it takes of a stream's time in each direction, all its hooks together; nanoseconds.</summary>
    public Histogram RequestTime { get; init; }
    public Histogram ResponseTime { get; init; }
    /// <summary>Requests that it ended with a 4xx or 5xx of its own, or by throwing.</summary>
    public Counter Errors { get; init; }
}

/// <summary>What becomes of a server header of the upstream.</summary>
public enum ServerHeaderTransformation { Overwrite, AppendIfAbsent, PassThrough }

/// <summary>What becomes of header names that hold an underscore.</summary>
public enum HeadersWithUnderscoresAction { Allow, RejectRequest, DropHeader }

/// <summary>
/// What one version of a connection manager says of its connections and streams, whatever codec carries them: limits, time-outs, header
/// rules, filters [5], routes [6]. Built once, shared by all workers, immutable. Times are microseconds; 0 is none.
/// </summary>
internal sealed partial class ConnectionManager
{
    public required BuiltHttpFilter[] Filters { get; init; }
    /// <summary>All routes; null where scopes have them.</summary>
    public required RouteTable? Routes { get; init; }
    public ScopedRoutes? Scopes { get; init; }
    public required HttpStats Stats { get; init; }
    public AccessLog? AccessLog { get; init; }
    public LocalReplyRewriter? LocalReply { get; init; }
    public InternalAddresses Internal { get; init; } = InternalAddresses.None;
    public required int BufferLimit { get; init; }
    public bool SuppressEnvoyHeaders { get; init; }

    public bool ForwardTrailers { get; init; }
    public long IdleMicros { get; init; }
    public long StreamIdleMicros { get; init; }
    public long RequestHeadersMicros { get; init; }
    public long RequestMicros { get; init; }
    public long DrainMicros { get; init; }
    public long DelayedCloseMicros { get; init; }
    public long MaxConnectionMicros { get; init; }
    public long MaxStreamMicros { get; init; }
    public int MaxRequestsPerConnection { get; init; }
    public int MaxHeadBytes { get; init; }
    public int MaxFields { get; init; }

    // HTTP/1 alone.
    public bool AllowAbsoluteUrl { get; init; }
    public bool AcceptHttp10 { get; init; }
    /// <summary>For a request of HTTP/1.0 that names no host; null: such a one is refused.</summary>
    public byte[]? DefaultHost { get; init; }

    // HTTP/2 alone.
    public Http2Options Http2 { get; init; } = new();
    public required Http2Stats Http2Stats { get; init; }

    /// <summary>Some routes are for CONNECT.</summary>
    public bool TakesConnect => Routes?.TakesConnect ?? Scopes!.TakesConnect;

    /// <summary>The routes of a request; null when it is in no scope.</summary>
    public RouteTable? RoutesOf(HeaderMap request) => Routes ?? Scopes!.Find(request);

    public bool RoutesConfigureFilters => Filters.Length > 0 || UpgradesHaveFilters;

    /// <summary>Clusters that tell endpoints of clients may do so.</summary>
    public bool TellsClient { get; init; } = true;

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
        stream.MatchedRoute?.Counts?.Count(stream.Worker, info.ResponseCode, info.EndTime - info.StartTime);
        stats.Add(Stats.CxTxBytes, info.WireBytesSent);
        if (!complete) stats.Increment(Stats.RqReset);
        AccessLog?.Log(stream.Worker, info);
    }

    public void CountIdleTimeout(WorkerContext worker) => worker.Stats.Increment(Stats.CxIdleTimeout);
    public void CountOverload(WorkerContext worker) => worker.Stats.Increment(Stats.RqOverload);
    public void CountProtocolError(WorkerContext worker) => worker.Stats.Increment(Stats.CxProtocolError);

    public void CountTimeout(WorkerContext worker, bool route, bool idle, bool request)
    {
        if (request) worker.Stats.Increment(Stats.RqOverallTimeout);
        else if (route) worker.Stats.Increment(Stats.RqTimeout);
        else if (idle) worker.Stats.Increment(Stats.RqIdleTimeout);
        else worker.Stats.Increment(Stats.RqMaxDuration);
    }
}
