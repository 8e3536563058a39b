using Managed.Proxy.Http.Codecs.Http2.Frames;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>Streams that we open, and a peer that goes away.</summary>
internal abstract partial class Http2Connection
{
    private readonly StreamQueue _waiting = new(); // for the peer to allow one more
    private int _peerLast = int.MaxValue;

    /// <summary>Streams that may be opened beside those that are attached.</summary>
    public int Room => IsGoingAway || _over ? 0
        : (int)Math.Clamp(Math.Min(_peer.MaxConcurrentStreams, Options.MaxConcurrentStreams) - Attached, 0, int.MaxValue);

    /// <summary>
    /// A stream for a request of ours, its maps set. It gets its number when its head goes out; one too many waits until the peer allows
    /// it.
    /// </summary>
    public void Attach(Http2Stream stream)
    {
        Attach(stream, 0);
        if (!_over && !IsGoingAway) return;
        stream.IsReset = stream.IsRefused = true;
        stream.ResetCode = Http2Error.RefusedStream;
    }

    // When its head is composed, so that numbers go out in their order (RFC 9113 section 5.1.1).
    private bool Open(Http2Stream stream)
    {
        if (IsGoingAway || _nextStream <= 0)
        {
            BreakUnopened(stream);
            TellSoon(); // what is composed is no answer to what has come: nobody else would
            return false;
        }
        if (OpenStreams >= _peer.MaxConcurrentStreams)
        {
            _waiting.Add(stream);
            return false;
        }
        stream.SendWindow = _peer.InitialWindowSize;
        _guard.OnStream();
        Enter(stream, _nextStream);
        _nextStream += 2;
        return true;
    }

    private void OnClosed()
    {
        if (_waiting.Count > 0 && OpenStreams < _peer.MaxConcurrentStreams && _waiting.Take() is { } stream)
        {
            _ready.Add(stream);
            ScheduleWrite();
        }
        EndWhenDone();
    }

    private FrameFault OnGoAway(int last)
    {
        if (_guard.OnControl(_loop.NowMicros) is { } flood) return Calm(flood);
        // Section 6.8: a later one may name a smaller number, never a larger one.
        if (last > _peerLast) return FrameFault.Connection(Http2Error.Protocol);
        _peerLast = last;
        IsGoingAway = true;
        if (!IsServer)
        {
            while (Above(last) is { } stream)
            {
                stream.IsRefused = stream.IsResetByPeer = true;
                Break(stream, Http2Error.RefusedStream);
            }
            while (_waiting.Take() is { } stream) BreakUnopened(stream);
        }
        OnPeerChanged();
        return FrameFault.None;
    }

    private Http2Stream? Above(int last)
    {
        foreach (var stream in _streams.Values)
            if (stream.Id > last) return stream;
        return null;
    }
}
