using Managed.Proxy.Configuration;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Security.Rbac;

/// <summary>What is judged: a request, or a connection.</summary>
/// <param name="headers">Of the request; null for a connection, on which no header matches.</param>
/// <param name="info">What is known of it.</param>
/// <param name="route">The metadata of its route.</param>
internal readonly ref struct RbacSubject(HeaderMap? headers, StreamInfo info, IReadOnlyDictionary<string, ConfigObject>? route)
{
    public HeaderMap? Headers { get; } = headers;
    public StreamInfo Info { get; } = info;
    public IReadOnlyDictionary<string, ConfigObject>? RouteMetadata { get; } = route;
}
