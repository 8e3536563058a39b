using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>A connection that we have opened; its streams are attached by whoever has requests.</summary>
internal sealed class Http2ClientConnection(
    EventLoop loop, StatsCells cells, Transport transport, Http2Options options, Http2Stats stats, bool isSecure)
    : Http2Connection(loop, cells, transport, options, stats, isServer: false, isSecure)
{
    /// <summary>There is room for more streams than before, or for none any more.</summary>
    public Action<object?>? Changed { get; init; }
    public object? ChangedState { get; init; }

    protected override void OnPeerChanged() => Changed?.Invoke(ChangedState);

    protected override void OnBusy(bool busy) => Changed?.Invoke(ChangedState);

    // A peer that pushes is refused before it comes to this.
    protected override Http2Stream RentStream() => throw new InvalidOperationException();
    protected override void OnBegun(Http2Stream stream) => throw new InvalidOperationException();
    protected override void OnUnused(Http2Stream stream) => throw new InvalidOperationException();
}
