namespace Managed.Proxy.Http.Headers;

/// <summary>
/// The field names that the path itself looks at. A header map finds these without comparing names.
/// Order matters only in that the pseudo-headers come first.
/// </summary>
public enum HeaderId : byte
{
    /// <summary>Any other name.</summary>
    Unknown = 0,
    Method, Path, Authority, Scheme, Status, Protocol,
    Host, Connection, ContentLength, TransferEncoding, Upgrade, Te, Trailer, Expect, KeepAlive, ProxyConnection,
    Accept, AcceptEncoding, Authorization, CacheControl, ContentEncoding, ContentType, Cookie, Date, Etag, Forwarded,
    GrpcStatus, GrpcMessage, Location, MaxForwards, Origin, Range, Referer, RetryAfter, Server, SetCookie, UserAgent, Vary, Via,
    XForwardedFor, XForwardedHost, XForwardedPort, XForwardedProto, XRequestId,
    XEnvoyOriginalPath, XEnvoyUpstreamServiceTime, XEnvoyExpectedRqTimeoutMs, XEnvoyAttemptCount, XEnvoyExternalAddress, XEnvoyInternal,
    XEnvoyOverloaded, XEnvoyRatelimited, Http2Settings, WwwAuthenticate, ProxyAuthenticate, ProxyAuthorization, XForwardedClientCert,
    XEnvoyRetryOn, XEnvoyRetryGrpcOn, XEnvoyMaxRetries, XEnvoyRetriableStatusCodes, XEnvoyRetriableHeaderNames, XEnvoyHedgeOnPerTryTimeout,
    XEnvoyUpstreamRqTimeoutMs, XEnvoyUpstreamRqPerTryTimeoutMs, XEnvoyIsTimeoutRetry,
    /// <summary>How many there are; not a name.</summary>
    Count,
}
