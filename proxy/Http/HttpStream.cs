using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Router;

namespace Managed.Proxy.Http;

/// <summary>
/// One request and its response, whatever codec carries them: what filters, router and access log see. Lives on one worker and is
/// reused; nothing of it may be kept after <see cref="HttpFilter.OnDestroy"/>.
/// </summary>
public sealed partial class HttpStream
{
    public Worker Worker { get; private set; } = null!;
    public StreamInfo Info { get; } = new();
    public HeaderMap RequestHeaders { get; } = new();
    public HeaderMap ResponseHeaders { get; } = new();
    public HeaderMap RequestTrailers { get; } = new();
    public HeaderMap ResponseTrailers { get; } = new();

    /// <summary>The version this stream began with and keeps to its end.</summary>
    public Snapshot Snapshot { get; private set; } = null!;

    /// <summary>The matched route, computed at first use; null when none matches.</summary>
    public RouteEntry? Route => _routeKnown ? _route : ResolveRoute();

    /// <summary>Forgets the matched route: the next use matches again with the headers as they are then.</summary>
    public void ClearRouteCache() => _routeKnown = false;

    private RouteEntry? _route;
    private bool _routeKnown;
}
