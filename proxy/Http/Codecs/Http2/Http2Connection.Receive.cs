using System.Buffers.Binary;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Codecs.Http2.Frames;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>Frames that come in: taken apart, checked against the state of stream and connection, put where they belong.</summary>
internal abstract partial class Http2Connection
{
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public const int PrefaceLength = 24;

    /// <summary>Whether a connection that begins with these bytes is, or may still become, one of HTTP/2 (RFC 9113 section 3.4).</summary>
    public static bool MayBePreface(ReadOnlySpan<byte> begun)
        => Math.Min(begun.Length, PrefaceLength) is > 0 and var n && begun[..n].SequenceEqual(Preface[..n]);

    private bool _prefaceSeen, _settingsSeen, _settingsAcked;
    // A DATA frame is taken as it comes, not when it is whole; what is read of it when there is no stream is dropped.
    private Http2Stream? _data;
    private int _dataId, _dataLeft, _padLeft;
    private bool _inData, _dataEnds;
    private int _receiveWindow, _credit;

    private void ReadFrames()
    {
        if (IsServer && !_prefaceSeen && !ReadPreface()) return;
        while (!_over)
        {
            if (_inData)
            {
                if (!ReadData()) return;
                continue;
            }
            var unread = Input.Unread;
            if (unread.Length < FrameHeader.Size) return;
            var frame = FrameHeader.Read(unread);
            var fault = FrameRules.Check(frame, Options.MaxFrameSize, _blockStream);
            if (fault is { EndsConnection: true }) { Fail(fault.Code, "http2.invalid_frame"); return; }
            if (!_settingsSeen && (frame.Type != FrameType.Settings || frame.Has(FrameFlags.Ack)))
                { Fail(Http2Error.Protocol, "http2.no_settings"); return; }
            if (frame.Type == FrameType.Data)
            {
                if (frame.Has(FrameFlags.Padded) && frame.Length > 0 && unread.Length == FrameHeader.Size) return;
                BeginData(frame, unread);
                continue;
            }
            if (unread.Length < FrameHeader.Size + frame.Length) return;
            var payload = unread.Slice(FrameHeader.Size, frame.Length);
            if (fault.Code == Http2Error.None) fault = OnFrame(frame, payload);
            Input.Consume(FrameHeader.Size + frame.Length);
            if (fault.Code != Http2Error.None) OnFault(frame.StreamId, fault);
        }
    }

    private bool ReadPreface()
    {
        var unread = Input.Unread;
        int n = Math.Min(unread.Length, Preface.Length);
        if (!unread[..n].SequenceEqual(Preface[..n]))
        {
            Fail(Http2Error.Protocol, "http2.invalid_preface");
            return false;
        }
        if (n < Preface.Length) return false;
        Input.Consume(n);
        return _prefaceSeen = true;
    }

    private FrameFault OnFrame(FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        switch (frame.Type)
        {
            case FrameType.Headers:
                return OnHeaders(frame, payload);
            case FrameType.Continuation:
                return OnContinuation(frame, payload);
            case FrameType.Priority:
                return OnPriority(frame, payload);
            case FrameType.RstStream:
                return OnRstStream(frame.StreamId, (Http2Error)BinaryPrimitives.ReadUInt32BigEndian(payload));
            case FrameType.Settings:
                return frame.Has(FrameFlags.Ack) ? OnSettingsAck() : OnSettings(payload);
            case FrameType.PushPromise:
                // Section 8.4: a client may not, and as one we have said that we take none.
                return FrameFault.Connection(Http2Error.Protocol);
            case FrameType.Ping:
                return OnPing(frame, payload);
            case FrameType.GoAway:
                return OnGoAway(BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue);
            case FrameType.WindowUpdate:
                return OnWindowUpdate(frame.StreamId, BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue);
            default:
                return Calm(_guard.OnControl(_loop.NowMicros)); // section 4.1: passed over
        }
    }

    private void OnFault(int streamId, FrameFault fault)
    {
        if (fault.EndsConnection) { Fail(fault.Code, CloseDetails.Length > 0 ? CloseDetails : "http2.protocol_error"); return; }
        if (_streams.TryGetValue(streamId, out var stream)) EndByFault(stream, fault.Code);
        // What is not there cannot be reset (section 6.4).
        else Fail(fault.Code, "http2.protocol_error");
    }

    private void BeginData(FrameHeader frame, ReadOnlySpan<byte> unread)
    {
        int padding = 0, header = FrameHeader.Size;
        if (frame.Has(FrameFlags.Padded))
        {
            if (frame.Length == 0) { Fail(Http2Error.FrameSize, "http2.invalid_frame"); return; }
            padding = unread[FrameHeader.Size];
            header++;
            if (padding >= frame.Length) { Fail(Http2Error.Protocol, "http2.invalid_padding"); return; }
        }
        Input.Consume(header);
        _dataId = frame.StreamId;
        _padLeft = padding;
        _dataLeft = frame.Length - padding - (header - FrameHeader.Size);
        _dataEnds = frame.Has(FrameFlags.EndStream);
        _inData = true;
        _data = null;
        if (frame.Length > _receiveWindow) { Fail(Http2Error.FlowControl, "http2.window_overrun"); return; }
        _receiveWindow -= frame.Length;
        int overhead = frame.Length - _dataLeft;
        OnCredit(overhead);
        if (Calm(_guard.OnPayload(_dataLeft == 0, _dataEnds)) is { Code: not Http2Error.None } flood) { OnFault(0, flood); return; }
        if (!_streams.TryGetValue(frame.StreamId, out var stream))
        {
            if (IsIdle(frame.StreamId)) Fail(Http2Error.Protocol, "http2.data_on_idle_stream");
            else OnStrayData(frame.StreamId, _dataLeft, _dataEnds);
            return;
        }
        var code = stream.RemoteEnded ? Http2Error.StreamClosed
            : !stream.HasHead ? Http2Error.Protocol
            : frame.Length > stream.ReceiveWindow ? Http2Error.FlowControl : Http2Error.None;
        if (code == Http2Error.None && !FitsLength(stream, _dataLeft))
        {
            _cells.Increment(_stats.MessagingError);
            code = Http2Error.Protocol;
        }
        if (code != Http2Error.None) { EndByFault(stream, code); return; }
        // No memory to keep more of what its consumer does not take: it is given up, so that others can end.
        if (stream.Body.Length > 0 && _loop.Buffers.Budget.IsSpent) { GiveUp(stream); return; }
        stream.ReceiveWindow -= frame.Length;
        stream.Credit += overhead;
        stream.BytesReceived += _dataLeft;
        _data = stream;
    }

    // True: the frame is through.
    private bool ReadData()
    {
        var unread = Input.Unread;
        int n = Math.Min(unread.Length, _dataLeft);
        if (n > 0)
        {
            if (_data is { } stream)
            {
                stream.Body.Add(unread[..n]);
                Wake(stream);
            }
            if (_data is null || !IsServer) OnCredit(n);
            _dataLeft -= n;
        }
        int padding = Math.Min(unread.Length - n, _padLeft);
        _padLeft -= padding;
        Input.Consume(n + padding);
        if (_dataLeft > 0 || _padLeft > 0) return false;
        _inData = false;
        if (_data is { } whole && _dataEnds) EndRemote(whole);
        _data = null;
        return true;
    }

    // Section 8.1.1: the lengths of all DATA frames make the content-length.
    private static bool FitsLength(Http2Stream stream, int more)
        => (stream.IsBodiless ? 0 : stream.ContentLength) is var length && (length < 0 || length >= stream.BytesReceived + more);

    private FrameFault OnPriority(FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (_guard.OnPriority() is { } flood) return Calm(flood);
        bool ofItself = (BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue) == frame.StreamId;
        return ofItself ? FrameFault.Stream(Http2Error.Protocol) : FrameFault.None;
    }

    private FrameFault OnRstStream(int id, Http2Error code)
    {
        _cells.Increment(_stats.RxReset);
        if (code == Http2Error.RefusedStream) _cells.Increment(_stats.StreamRefused);
        if (IsIdle(id)) return FrameFault.Connection(Http2Error.Protocol);
        if (!_streams.TryGetValue(id, out var stream))
        {
            _resets.Forget(id);
            return Calm(_guard.OnControl(_loop.NowMicros));
        }
        if (!IsServer && code == Http2Error.None && stream.RemoteEnded)
        {
            stream.IsStopped = true;
            stream.DropBody();
            stream.OutHead = null;
            stream.LocalEnded = true;
            Close(stream);
            Wake(stream);
            return FrameFault.None;
        }
        stream.IsResetByPeer = true;
        stream.IsRefused = code == Http2Error.RefusedStream;
        return Calm(EndByPeer(stream, code));
    }

    private FrameFault OnSettings(ReadOnlySpan<byte> payload)
    {
        if (_guard.OnControl(_loop.NowMicros) is { } flood) return Calm(flood);
        var former = _peer;
        var error = _peer.Apply(payload, fromServer: !IsServer);
        if (error != Http2Error.None) return FrameFault.Connection(error);
        if (_peer.HeaderTableSize != former.HeaderTableSize) _encoder.SetPeerLimit(_peer.HeaderTableSize);
        int change = _peer.InitialWindowSize - former.InitialWindowSize;
        if (change != 0)
            foreach (var stream in _streams.Values)
            {
                if (FrameRules.AddToWindow(stream.SendWindow, change) is not { } window)
                    return FrameFault.Connection(Http2Error.FlowControl);
                stream.SendWindow = window;
                if (change > 0) OnOut(stream);
            }
        _settingsSeen = true;
        _out.SettingsAck();
        OnControlOut();
        OnPeerChanged();
        return FrameFault.None;
    }

    private FrameFault OnSettingsAck()
    {
        if (!_settingsAcked) _decoder.SetLimit(Options.HpackTableSize);
        _settingsAcked = true;
        return Calm(_guard.OnControl(_loop.NowMicros));
    }

    private FrameFault OnPing(FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (_guard.OnControl(_loop.NowMicros) is { } flood) return Calm(flood);
        if (frame.Has(FrameFlags.Ack)) OnPong(payload);
        else
        {
            _out.Ping(ack: true, payload);
            OnControlOut();
        }
        return FrameFault.None;
    }

    private FrameFault OnWindowUpdate(int id, int increment)
    {
        if (id == 0)
        {
            if (increment == 0) return FrameFault.Connection(Http2Error.Protocol);
            if (FrameRules.AddToWindow(_sendWindow, increment) is not { } all) return FrameFault.Connection(Http2Error.FlowControl);
            bool opens = _sendWindow <= 0 && all > 0;
            _sendWindow = all;
            if (opens) OnWindowOpens();
            return Calm(_guard.OnWindowUpdate());
        }
        if (!_streams.TryGetValue(id, out var stream))
        {
            if (IsIdle(id) || increment == 0) return FrameFault.Connection(Http2Error.Protocol);
            OnStrayWindow(id, increment);
            return Calm(_guard.OnWindowUpdate());
        }
        if (increment == 0) return FrameFault.Stream(Http2Error.Protocol);
        if (FrameRules.AddToWindow(stream.SendWindow, increment) is not { } window) return FrameFault.Stream(Http2Error.FlowControl);
        stream.SendWindow = window;
        OnOut(stream);
        return Calm(_guard.OnWindowUpdate());
    }

    // A limit was passed.
    private FrameFault Calm(Counter? flood)
    {
        if (flood is not { } counter) return FrameFault.None;
        _cells.Increment(counter);
        CloseDetails = "http2.flood";
        return FrameFault.Connection(Http2Error.EnhanceYourCalm);
    }
}
