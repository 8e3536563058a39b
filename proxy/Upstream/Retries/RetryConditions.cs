using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Upstream.Retries;

/// <summary>What is tried again (Envoy: x-envoy-retry-on, x-envoy-retry-grpc-on).</summary>
[Flags]
internal enum RetryConditions : uint
{
    None = 0,
    ServerError = 1 << 0,
    GatewayError = 1 << 1,
    Reset = 1 << 2,
    ResetBeforeRequest = 1 << 3,
    ConnectFailure = 1 << 4,
    RateLimited = 1 << 5,
    Retriable4xx = 1 << 6,
    RefusedStream = 1 << 7,
    StatusCodes = 1 << 8,
    Headers = 1 << 9,
    /// <summary>Cannot happen: there is no HTTP/3 to upstreams.</summary>
    Http3PostConnectFailure = 1 << 10,
    GrpcCancelled = 1 << 11,
    GrpcDeadlineExceeded = 1 << 12,
    GrpcInternal = 1 << 13,
    GrpcResourceExhausted = 1 << 14,
    GrpcUnavailable = 1 << 15,
    Grpc = GrpcCancelled | GrpcDeadlineExceeded | GrpcInternal | GrpcResourceExhausted | GrpcUnavailable,
}

/// <summary>Their names.</summary>
internal static class RetryConditionNames
{
    private static readonly (byte[] Name, RetryConditions Value)[] All =
    [
        ("5xx"u8.ToArray(), RetryConditions.ServerError),
        ("gateway-error"u8.ToArray(), RetryConditions.GatewayError),
        ("reset"u8.ToArray(), RetryConditions.Reset),
        ("reset-before-request"u8.ToArray(), RetryConditions.ResetBeforeRequest),
        ("connect-failure"u8.ToArray(), RetryConditions.ConnectFailure),
        ("envoy-ratelimited"u8.ToArray(), RetryConditions.RateLimited),
        ("retriable-4xx"u8.ToArray(), RetryConditions.Retriable4xx),
        ("refused-stream"u8.ToArray(), RetryConditions.RefusedStream),
        ("retriable-status-codes"u8.ToArray(), RetryConditions.StatusCodes),
        ("retriable-headers"u8.ToArray(), RetryConditions.Headers),
        ("http3-post-connect-failure"u8.ToArray(), RetryConditions.Http3PostConnectFailure),
        ("cancelled"u8.ToArray(), RetryConditions.GrpcCancelled),
        ("deadline-exceeded"u8.ToArray(), RetryConditions.GrpcDeadlineExceeded),
        ("internal"u8.ToArray(), RetryConditions.GrpcInternal),
        ("resource-exhausted"u8.ToArray(), RetryConditions.GrpcResourceExhausted),
        ("unavailable"u8.ToArray(), RetryConditions.GrpcUnavailable),
    ];

    /// <summary>None when there is none of this name.</summary>
    public static RetryConditions Of(ReadOnlySpan<byte> name)
    {
        foreach (var (known, value) in All)
            if (name.SequenceEqual(known)) return value;
        return RetryConditions.None;
    }

    /// <summary>Those of a list with commas; a name that is none counts for nothing, as in Envoy.</summary>
    /// <param name="among">Which may be in it: x-envoy-retry-on and x-envoy-retry-grpc-on have their own.</param>
    public static RetryConditions Parse(ReadOnlySpan<byte> list, RetryConditions among = (RetryConditions)uint.MaxValue)
    {
        var all = RetryConditions.None;
        while (FieldSyntax.NextMember(ref list, out var name)) all |= Of(name) & among;
        return all;
    }
}
