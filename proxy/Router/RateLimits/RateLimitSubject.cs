using Managed.Proxy.Configuration;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Router.RateLimits;

/// <summary>A request as rate limits see it.</summary>
internal readonly ref struct RateLimitSubject(HeaderMap headers, StreamInfo info, string? cluster,
    IReadOnlyDictionary<string, ConfigObject>? route)
{
    public HeaderMap Headers { get; } = headers;
    public StreamInfo Info { get; } = info;
    /// <summary>Where the route sends it; null: nowhere.</summary>
    public string? Cluster { get; } = cluster;
    public IReadOnlyDictionary<string, ConfigObject>? RouteMetadata { get; } = route;
}
