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
    public void ClearRouteCache() { }
    public void SendLocalReply(int status, ReadOnlySpan<byte> body, string details, ResponseFlags flags = ResponseFlags.None) { }
    public void SendLocalReply(int status, ReadOnlySpan<byte> body, string details, ResponseFlags flags, Action<HeaderMap, object?>? decorate, object? state) { }
    internal void ContinueRequest(int index) { }
    internal void ContinueResponse(int index) { }
    internal object? RouteConfig(int index) => null;
}
