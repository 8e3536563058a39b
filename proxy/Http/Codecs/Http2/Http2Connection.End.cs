using System.Buffers.Binary;
using System.Text;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs.Http2.Frames;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>
/// How a connection ends: for the peer's fault, because it is gone, in two steps when we want it to, for want of an answer.
/// </summary>
internal abstract partial class Http2Connection
{
    // RFC 9113 section 6.8: first a number that refuses nobody, then, when what was on its way has come, the true one.
    private const int NobodyRefused = int.MaxValue;
    private const long DrainPing = 0x6472_6169_6E00_0000, AlivePing = 0x616C_6976_6500_0000;

    private int _goAwayLast = NobodyRefused;
    private bool _goAwaySent, _goAwayFinal, _pinged;
    private long _pingedAt, _drainedAt;
    private Signal? _written;

    /// <summary>
    /// Ends the connection without harm: the peer is told to open no more streams; those that it opens until it has heard that are served;
    /// after the last one the connection is over.
    /// </summary>
    public void Drain()
    {
        if (_goAwaySent || _over) return;
        _goAwaySent = IsGoingAway = true;
        _drainedAt = _loop.NowMicros;
        if (IsServer && _prefaceSeen)
        {
            SendGoAway(NobodyRefused, Http2Error.None, "");
            Span<byte> payload = stackalloc byte[8];
            BinaryPrimitives.WriteInt64BigEndian(payload, DrainPing);
            _out.Ping(ack: false, payload); // its answer says that the GOAWAY was heard
            ScheduleWrite();
        }
        else FinishDrain();
    }

    /// <summary>The second step, whether the peer has answered or not: the streams that are open are the last ones.</summary>
    public void FinishDrain()
    {
        if (_goAwayFinal || _over) return;
        _goAwaySent = _goAwayFinal = IsGoingAway = true;
        _goAwayLast = _lastPeerStream;
        SendGoAway(_goAwayLast, Http2Error.None, "");
        EndWhenDone();
    }

    /// <summary>Ends it now: streams that are open are lost.</summary>
    public void Abort(Http2Error code, string details) => Fail(code, details);

    private void EndWhenDone()
    {
        if (!_goAwayFinal || OpenStreams > 0 || Attached > 0 || _over) return;
        _over = true;
        Transport.CancelRead(Libc.ECanceled);
    }

    private void SendGoAway(int last, Http2Error code, string details)
    {
        _cells.Increment(_stats.GoAwaySent);
        Span<byte> debug = stackalloc byte[64];
        int n = Encoding.ASCII.GetBytes(details.AsSpan(0, Math.Min(details.Length, debug.Length)), debug);
        _out.GoAway(last, code, debug[..n]);
        _frames++;
        ScheduleWrite();
    }

    // The peer's fault: what is under way is lost, the peer is told why.
    private void Fail(Http2Error code, string details)
    {
        if (_over) return;
        if (code is not (Http2Error.EnhanceYourCalm or Http2Error.None)) _cells.Increment(_stats.ProtocolError);
        CloseCode = code;
        CloseDetails = details;
        SendGoAway(_lastPeerStream, code, details);
        End();
    }

    // The transport is broken.
    private void Lose()
    {
        if (_lost) return;
        _lost = true;
        if (!_over) End();
    }

    private void End()
    {
        _over = true;
        Transport.CancelRead(Libc.ECanceled); // whoever reads sees that it is over
    }

    // RunAsync, behind its loop.
    private async IoTask<bool> CloseAsync()
    {
        if (!_over && CloseCode == Http2Error.None) _lost = true; // the peer has ended it
        _over = true;
        await EndStreamsAsync();
        if (_lost) { Transport.CancelWrite(Libc.ECanceled); return false; }
        if (_writing) ArmStall(); else ScheduleWrite();
        while (_writing || _writeScheduled) await (_written ??= new Signal()).WaitAsync();
        if (_lost || Options.DelayedCloseMicros == 0) return true;
        // A close with bytes unread, or before bytes that are on their way, resets: that may overtake the GOAWAY and the last answers.
        Transport.ShutdownWrite();
        _loop.Timers.Arm(_stall, Options.DelayedCloseMicros);
        long end = _loop.NowMicros + Options.DelayedCloseMicros;
        while (!_lost && _loop.NowMicros < end)
        {
            Input.Release();
            if (!Transport.MayRead && await Transport.ReadableAsync() < 0) break;
            if (Input.Fill(Transport) is <= 0 and not -Libc.EAgain) break;
        }
        return true;
    }

    // All that are left learn that it is over, a few in each turn: what each of them has open is closed with it, and others wait meanwhile.
    private async IoTask<bool> EndStreamsAsync()
    {
        while (!EndStreams(atMost: StreamsAtOnce))
            if (_loop.IsTurnSpent) await NextTurnAsync();
        return true;
    }

    // True: none is left.
    private bool EndStreams(int atMost)
    {
        if (_ending.Count == 0)
        {
            while (_waiting.Take() is { } waiting) BreakUnopened(waiting);
            while (_ready.Take() is { } unopened) BreakUnopened(unopened);
            _ending.AddRange(_streams.Values);
        }
        for (; _ending.Count > 0 && atMost > 0; _ending.RemoveAt(_ending.Count - 1))
        {
            var stream = _ending[^1];
            // It may have ended by itself since, and serve another connection.
            if (stream.Connection != this || !stream.IsOpen) continue;
            atMost--;
            stream.IsResetByPeer = _lost;
            stream.IsRefused = !IsServer && stream.Id > _peerLast;
            Break(stream, CloseCode == Http2Error.None ? Http2Error.Cancel : CloseCode);
            if (stream.BeginPending) Unuse(stream);
        }
        TellWoken();
        if (_ending.Count == 0) _begun.Clear();
        return _ending.Count == 0;
    }

    private void BreakUnopened(Http2Stream stream)
    {
        stream.IsRefused = true;
        Break(stream, Http2Error.RefusedStream);
    }

    private void ArmKeepAlive()
    {
        if (Options.KeepAliveIntervalMicros <= 0) return;
        long jitter = Options.KeepAliveIntervalMicros / 100 * Options.KeepAliveJitterPercent;
        _loop.Timers.Arm(_keepAlive, Options.KeepAliveIntervalMicros + (jitter > 0 ? Random.Shared.NextInt64(jitter) : 0));
    }

    /// <summary>Asks the peer for a sign of life: none within the time-out closes the connection.</summary>
    public void Ping()
    {
        if (_pinged || _over) return;
        _pinged = true;
        _pingedAt = _loop.NowMicros;
        Span<byte> payload = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(payload, AlivePing);
        _out.Ping(ack: false, payload);
        ScheduleWrite();
        if (Options.KeepAliveTimeoutMicros > 0) _loop.Timers.Arm(_keepAlive, Options.KeepAliveTimeoutMicros);
    }

    private void OnKeepAlive()
    {
        if (_over) return;
        if (!_pinged) { Ping(); return; }
        // Whatever came since is a sign of life as well: the answer may wait behind it (Envoy: the time-out is extended).
        long left = Math.Max(_pingedAt, _lastReceived) + Options.KeepAliveTimeoutMicros - _loop.NowMicros;
        if (left > 0) { _loop.Timers.Arm(_keepAlive, left); return; }
        _cells.Increment(_stats.KeepAliveTimeout);
        CloseDetails = "http2.ping_timeout";
        Lose();
    }

    private void OnPong(ReadOnlySpan<byte> payload)
    {
        switch (BinaryPrimitives.ReadInt64BigEndian(payload))
        {
            case AlivePing when _pinged:
                _pinged = false;
                _loop.Timers.Cancel(_keepAlive);
                ArmKeepAlive();
                break;
            case DrainPing when _goAwaySent:
                FinishDrain();
                break;
        }
    }

    // Of a frame, a block or the preface a part is here: the rest has to follow, however the bytes come.
    private void TimePartial()
    {
        bool partial = _blockStream != 0 || !_settingsSeen || (Input.Length > 0 && !_inData);
        if (!partial) _loop.Timers.Cancel(_partial);
        else if (!_partial.IsArmed && Options.HeaderTimeoutMicros > 0) _loop.Timers.Arm(_partial, Options.HeaderTimeoutMicros);
    }

    private void OnPartial() => Fail(Http2Error.EnhanceYourCalm, "http2.request_header_timeout");

    // The peer does not take what is to be sent.
    private void OnStall()
    {
        if (!_over) _cells.Increment(_stats.FlushTimeout);
        _lost = true;
        Transport.CancelWrite(Libc.ETimedOut);
        End();
    }
}
