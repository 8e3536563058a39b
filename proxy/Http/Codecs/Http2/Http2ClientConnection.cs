using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>A connection that we have opened; its streams are attached by whoever has requests.</summary>
internal sealed class Http2ClientConnection(
    EventLoop loop, StatsCells cells, Transport transport, Http2Options options, Http2Stats stats, bool isSecure)
    : Http2Connection(loop, cells, transport, options, stats, isServer: false, isSecure)
{
    private readonly EventLoop _loop = loop;
    private readonly Signal _settled = new();
    private bool _telling;

    /// <summary>
    /// There is room for more streams than before, or for none any more. Called outside of the codec, in the turn in which it has happened.
    /// </summary>
    public Action<object?>? Changed { get; init; }
    public object? ChangedState { get; init; }

    /// <summary>Streams that it may carry at one time; 0 when no more are to be opened.</summary>
    public int Capacity => IsGoingAway || IsOver ? 0 : (int)Math.Min(Peer.MaxConcurrentStreams, (uint)Options.MaxConcurrentStreams);

    /// <summary>
    /// Waits for the peer's SETTINGS, while <see cref="Http2Connection.RunAsync"/> runs. False: it ended before they came. Once.
    /// </summary>
    public async IoTask<bool> SettledAsync()
    {
        while (!HasSettings && !IsOver) await _settled.WaitAsync();
        return HasSettings && !IsOver;
    }

    /// <summary>RunAsync has returned.</summary>
    public void OnOver() => _settled.Set();

    protected override void OnPeerChanged()
    {
        if (_telling) return;
        _telling = true;
        _loop.Defer(static c => ((Http2ClientConnection)c!).Tell(), this);
    }

    private void Tell()
    {
        _telling = false;
        _settled.Set();
        Changed?.Invoke(ChangedState);
    }

    // A peer that pushes is refused before it comes to this.
    protected override Http2Stream RentStream() => throw new InvalidOperationException();
    protected override void OnBegun(Http2Stream stream) => throw new InvalidOperationException();
    protected override void OnUnused(Http2Stream stream) => throw new InvalidOperationException();
}
