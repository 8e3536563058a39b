using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Codecs.Http2.Messages;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>The table of streams, how they end, and what their consumers have taken.</summary>
internal abstract partial class Http2Connection
{
    private readonly ResetStreams _resets = new();
    private HeaderMap? _strayTrailers;

    private void Attach(Http2Stream stream, int id)
    {
        stream.Connection = this;
        stream.ContentLength = -1;
        stream.SendWindow = _peer.InitialWindowSize;
        stream.ReceiveWindow = Options.InitialStreamWindowSize;
        stream.StartMicros = _loop.NowMicros;
        if (Attached++ == 0) OnBusy(true);
        if (id != 0) Enter(stream, id);
    }

    private void Enter(Http2Stream stream, int id)
    {
        stream.Id = id;
        stream.IsOpen = true;
        _streams.Add(id, stream);
        OpenStreams++;
        _cells.Increment(_stats.StreamsActive);
    }

    private bool IsIdle(int id) => (id & 1) == (IsServer ? 1 : 0) ? id > _lastPeerStream : id >= _nextStream;

    // What comes on it is of no interest and no fault: we have ended it or not begun it, which the peer could not know yet.
    private bool IsPassedOver(int id)
        => _resets.Find(id) >= 0 || (_goAwayFinal && (id & 1) == 1 && IsServer && id > _goAwayLast);

    private void Close(Http2Stream stream)
    {
        if (!stream.IsOpen) return;
        stream.IsOpen = false;
        stream.Queue?.Remove(stream);
        if (_data == stream) _data = null;
        _streams.Remove(stream.Id);
        OpenStreams--;
        _cells.Decrement(_stats.StreamsActive);
        OnClosed();
    }

    // Nothing more comes on it.
    private void EndRemote(Http2Stream stream)
    {
        if (stream.ContentLength > stream.BytesReceived && !stream.IsBodiless)
        {
            _cells.Increment(_stats.MessagingError);
            OnFault(stream.Id, FrameFault.Stream(Http2Error.Protocol));
            return;
        }
        stream.RemoteEnded = true;
        Wake(stream);
        if (stream.LocalEnded) Finished(stream);
    }

    private void Finished(Http2Stream stream)
    {
        Close(stream);
        _guard.OnClosed(tooEarly: false);
    }

    // The peer has done on it what it must not do.
    private void EndByFault(Http2Stream stream, Http2Error code)
    {
        SendReset(stream.Id, code);
        if (!stream.RemoteEnded) Remember(stream, isChecked: false);
        if (Calm(EndByPeer(stream, code)) is { Code: not Http2Error.None } flood) Fail(flood.Code, CloseDetails);
    }

    private Counter? EndByPeer(Http2Stream stream, Http2Error code)
    {
        bool tooEarly = IsServer && !stream.LocalEnded && _loop.NowMicros - stream.StartMicros < FloodGuard.PrematureMicros;
        Break(stream, code);
        if (stream.BeginPending) Unuse(stream);
        return _guard.OnClosed(tooEarly);
    }

    private void Break(Http2Stream stream, Http2Error code)
    {
        Close(stream);
        stream.Queue?.Remove(stream);
        stream.IsReset = true;
        stream.ResetCode = code;
        stream.GonePending = true;
        stream.DropBody();
        stream.OutHead = stream.OutTrailers = null;
        Wake(stream);
    }

    internal void OnResetByUs(Http2Stream stream, Http2Error code)
    {
        if (!stream.IsOpen)
        {
            stream.IsReset |= stream.Id == 0;
            stream.Queue?.Remove(stream);
            return;
        }
        SendReset(stream.Id, code);
        if (!stream.RemoteEnded) Remember(stream, isChecked: IsServer && stream.LocalEnded);
        Break(stream, code);
        stream.GonePending = false; // whoever did it knows
        _guard.OnClosed(tooEarly: false);
    }

    private void GiveUp(Http2Stream stream)
    {
        OnResetByUs(stream, Http2Error.EnhanceYourCalm);
        stream.GonePending = true;
    }

    internal void OnFinished(Http2Stream stream, Http2Error code)
    {
        // Section 8.1: a response may be complete before its request; then the rest of that is not wanted, and nothing was wrong.
        if (stream.IsOpen) OnResetByUs(stream, IsServer && stream.LocalEnded ? Http2Error.None : code);
        stream.Queue?.Remove(stream);
        if (IsServer) OnCredit(stream.Body.Length);
        if (--Attached == 0) OnBusy(false);
        EndWhenDone();
    }

    private void SendReset(int id, Http2Error code)
    {
        _cells.Increment(_stats.TxReset);
        _out.RstStream(id, code);
        OnControlOut();
    }

    private void Remember(Http2Stream stream, bool isChecked) => _resets.Add(new()
    {
        Id = stream.Id,
        IsChecked = isChecked,
        Left = stream.ContentLength < 0 ? -1 : stream.ContentLength - stream.BytesReceived,
        SendWindow = stream.SendWindow,
    });

    // DATA of a stream that is not there any more.
    private void OnStrayData(int id, int length, bool ends)
    {
        int index = _resets.Find(id);
        if (index < 0)
        {
            if (!IsPassedOver(id)) Fail(Http2Error.StreamClosed, "http2.data_on_closed_stream");
            return;
        }
        ref var rest = ref _resets.At(index);
        bool fits = rest.Left < 0 || (ends ? length == rest.Left : length <= rest.Left);
        if (rest.Left >= 0) rest.Left -= length;
        if (rest.IsChecked && !fits) EndRest(ref rest, Http2Error.Protocol);
        if (ends) _resets.Forget(id);
    }

    // Trailers of such a one; their block has to be read for the sake of those after it.
    private FrameFault OnStrayBlock(int id, ReadOnlySpan<byte> block, bool ends)
    {
        int index = _resets.Find(id);
        if (index < 0 || !_resets.At(index).IsChecked) return SkipBlock(block, FrameFault.None);
        var verdict = _heads.ReadTrailers(block, _strayTrailers ??= new HeaderMap());
        if (verdict == MessageVerdict.Broken) return Broken();
        ref var rest = ref _resets.At(index);
        if (verdict == MessageVerdict.Malformed || !ends || rest.Left > 0) EndRest(ref rest, Http2Error.Protocol);
        if (ends) _resets.Forget(id);
        return FrameFault.None;
    }

    // Section 5.4.2: a second RST_STREAM may be sent, one for each stream: the first said that nothing was wrong.
    private void EndRest(ref ResetStreams.Rest rest, Http2Error code)
    {
        rest.IsChecked = false;
        if (code == Http2Error.Protocol) _cells.Increment(_stats.MessagingError);
        SendReset(rest.Id, code);
    }

    private void OnStrayWindow(int id, int increment)
    {
        int index = _resets.Find(id);
        if (index < 0 || !_resets.At(index).IsChecked) return;
        ref var rest = ref _resets.At(index);
        if (FrameRules.AddToWindow(rest.SendWindow, increment) is { } window) rest.SendWindow = window;
        else EndRest(ref rest, Http2Error.FlowControl);
    }

    /// <summary>
    /// The consumer is done with so many bytes of the body: the peer may send as many more. On a connection that we have opened that holds
    /// of the stream alone: its streams are of many clients, and the slow ones would take the connection's window from all others.
    /// </summary>
    internal void OnTaken(Http2Stream stream, int bytes)
    {
        if (IsServer) OnCredit(bytes);
        stream.Credit += bytes;
        // At half, so that the peer does not run dry, and not for each piece.
        if (!stream.IsOpen || stream.RemoteEnded || stream.Credit < Options.InitialStreamWindowSize / 2) return;
        _out.WindowUpdate(stream.Id, stream.Credit);
        stream.ReceiveWindow += stream.Credit;
        stream.Credit = 0;
        ScheduleWrite();
    }

    private void OnCredit(int bytes)
    {
        _credit += bytes;
        if (_credit < Options.InitialConnectionWindowSize / 2 || _over) return;
        _out.WindowUpdate(0, _credit);
        _receiveWindow += _credit;
        _credit = 0;
        ScheduleWrite();
    }
}
