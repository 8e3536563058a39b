using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Router;

/// <summary>How long a request may take, as its route says, and as its gRPC client does where the route lets it. Microseconds.</summary>
public sealed partial class RouteEntry
{
    /// <summary>max_grpc_timeout, deprecated in Envoy: grpc-timeout is the time-out, up to this; 0: whatever it says; -1: not.</summary>
    internal long MaxGrpcTimeoutMicros { get; init; } = -1;
    internal long GrpcTimeoutOffsetMicros { get; init; }
    /// <summary>The same of the longest life of the stream.</summary>
    internal long GrpcHeaderMaxMicros { get; init; } = -1;
    internal long GrpcHeaderOffsetMicros { get; init; }

    /// <summary>From the end of the request to the end of the response; 0: none.</summary>
    internal long TimeoutOf(HeaderMap request)
    {
        if (MaxGrpcTimeoutMicros < 0 || !GrpcStatus.IsGrpc(request)) return TimeoutMicros;
        long asked = Math.Max(0, GrpcTimeout.Of(request));
        if (GrpcTimeoutOffsetMicros < asked) asked -= GrpcTimeoutOffsetMicros;
        return MaxGrpcTimeoutMicros > 0 && (asked == 0 || asked > MaxGrpcTimeoutMicros) ? MaxGrpcTimeoutMicros : asked;
    }

    /// <summary>
    /// From the stream's beginning to its end; 0: none, -1: as the connection manager says. At least 1 where a client's time is over.
    /// </summary>
    internal long DurationOf(HeaderMap request)
    {
        if (GrpcHeaderMaxMicros < 0 || !request.TryGet(GrpcTimeout.Name, out _) || GrpcTimeout.Of(request) is not (>= 0 and var asked))
            return MaxStreamDurationMicros;
        if (GrpcHeaderMaxMicros > 0) asked = Math.Min(asked, GrpcHeaderMaxMicros);
        return Math.Max(1, asked - GrpcHeaderOffsetMicros);
    }
}
