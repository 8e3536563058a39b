using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Codecs.Http2.Messages;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>What goes out: composed at the end of a turn, a frame of each ready stream after another, and sent in one call.</summary>
internal abstract partial class Http2Connection
{
    // What is composed at one time: with a frame more it still is in one buffer of 64 KiB.
    private const int BatchBytes = 47 * 1024;

    private readonly StreamQueue _ready = new(), _blocked = new(); // have something to say; wait for the connection's window
    private readonly List<Http2Stream> _taken = [];
    private ByteWriter _out, _sending;
    private bool _writeScheduled, _writing;
    private int _controlFrames, _frames; // in _out, and of those that are being sent
    private int _sendWindow = Http2Settings.DefaultWindow;
    private int _nextStream = 1;

    private void WriteSettings()
    {
        var settings = new SettingsList();
        if (Options.HpackTableSize != 4096) settings.Add(SettingId.HeaderTableSize, (uint)Options.HpackTableSize);
        if (!IsServer) settings.Add(SettingId.EnablePush, 0);
        if (IsServer) settings.Add(SettingId.MaxConcurrentStreams, (uint)Options.MaxConcurrentStreams);
        if (Options.InitialStreamWindowSize != Http2Settings.DefaultWindow)
            settings.Add(SettingId.InitialWindowSize, (uint)Options.InitialStreamWindowSize);
        settings.Add(SettingId.MaxHeaderListSize, (uint)Options.MaxHeaderBytes);
        if (IsServer && Options.AllowConnect) settings.Add(SettingId.EnableConnectProtocol, 1);
        _out.Settings(settings.Written);
        // The connection's window is no setting, and smaller than the protocol's it cannot be (section 6.9.2).
        int more = Options.InitialConnectionWindowSize - Http2Settings.DefaultWindow;
        if (more > 0) _out.WindowUpdate(0, more);
        _receiveWindow = Http2Settings.DefaultWindow + Math.Max(0, more);
        _frames += 2;
    }

    /// <summary>The stream has something to say, or may say it now.</summary>
    internal void OnOut(Http2Stream stream)
    {
        if (stream.Queue is not null || !stream.HasOut || stream.WriteError < 0) return;
        if (_over)
        {
            stream.IsReset = true;
            stream.IsRefused = stream.Id == 0;
            return;
        }
        if (!stream.IsOpen && stream.Id != 0) return;
        if (stream.OutHead is null && stream.Pending > 0 && stream.SendWindow <= 0) return; // its window has to open first
        _ready.Add(stream);
        ScheduleWrite();
    }

    private void OnWindowOpens()
    {
        while (_blocked.Take() is { } stream) _ready.Add(stream);
        ScheduleWrite();
    }

    // A frame that the peer has caused is in _out.
    private void OnControlOut()
    {
        _controlFrames++;
        ScheduleWrite();
        if (!_over && _guard.OnOutbound(++_frames, _controlFrames) is { } flood)
        {
            Calm(flood);
            Fail(Http2Error.EnhanceYourCalm, CloseDetails);
        }
    }

    private void ScheduleWrite()
    {
        if (_writing || _writeScheduled) return;
        _writeScheduled = true;
        _loop.Defer(static c => ((Http2Connection)c!).BeginWrite(), this);
    }

    private void BeginWrite()
    {
        _writeScheduled = false;
        if (!_writing) WriteAsync().Forget();
    }

    private async IoTask<bool> WriteAsync()
    {
        _writing = true;
        try
        {
            while (Compose())
            {
                (_out, _sending) = (_sending, _out);
                int frames = _frames, control = _controlFrames;
                var writing = Transport.WriteAsync(_sending.WrittenMemory);
                TellTaken();
                if (!writing.IsCompleted) ArmStall();
                int result = await writing;
                _loop.Timers.Cancel(_stall);
                _sending.Release();
                _frames -= frames;
                _controlFrames -= control;
                if (result >= 0) continue;
                Lose();
                break;
            }
        }
        catch
        {
            Lose(); // a bug of ours: without its writer the connection is none
            throw;
        }
        finally
        {
            _writing = false;
            if (_disposed) ReleaseOut();
            if (_over) _written?.Set();
        }
        return true;
    }

    private void ArmStall()
    {
        if (_over) _loop.Timers.Arm(_stall, Options.DelayedCloseMicros);
        else if (Options.WriteTimeoutMicros > 0) _loop.Timers.Arm(_stall, Options.WriteTimeoutMicros);
    }

    private void ReleaseOut()
    {
        _out.Release();
        _sending.Release();
    }

    // Producers go on while their bytes are on the way; what they say next is composed after.
    private void TellTaken()
    {
        for (int i = 0; i < _taken.Count; i++)
        {
            var stream = _taken[i];
            if (stream.Connection != this || !stream.TakenPending) continue;
            stream.TakenPending = false;
            stream.OnTakenOut();
        }
        _taken.Clear();
    }

    // True: there is something in _out.
    private bool Compose()
    {
        if (_over) return _out.Length > 0 && !_lost;
        for (int n = _ready.Count; _out.Length < BatchBytes && n > 0; n = _ready.Count)
            for (; n > 0 && _out.Length < BatchBytes && _ready.Take() is { } stream; n--) Compose(stream);
        return _out.Length > 0;
    }

    private void Compose(Http2Stream stream)
    {
        if (stream.OutHead is { } head)
        {
            bool ends = stream is { OutEnd: true, OutTrailers: null, Pending: 0 };
            if (!ComposeHead(stream, head, ends)) return;
            if (ends) EndLocal(stream);
        }
        if (stream.Pending > 0 && !ComposeData(stream)) return;
        if (stream is { OutEnd: true, LocalEnded: false })
        {
            if (stream.OutTrailers is { } trailers) ComposeTrailers(stream, trailers);
            else
            {
                _out.FrameHead(FrameType.Data, FrameFlags.EndStream, stream.Id, 0);
                _frames++;
            }
            EndLocal(stream);
        }
        if (stream.TakenPending) return;
        stream.TakenPending = true;
        _taken.Add(stream);
    }

    private bool ComposeHead(Http2Stream stream, HeaderMap head, bool ends)
    {
        if (stream.Id == 0 && !Open(stream)) return false;
        stream.OutHead = null;
        int start = _out.Length;
        _out.GetSpan(FrameHeader.Size);
        _out.Advance(FrameHeader.Size);
        if (IsServer) HeadWriter.Response(_encoder, head, stream.OutIsUpgrade ? "200"u8 : head.Get(HeaderId.Status), _out);
        else HeadWriter.Request(_encoder, head, IsSecure, stream.OutIsUpgrade, stream.OutLength, _out);
        stream.OutHeadBytes = _out.Length - start;
        _out.EndHeaders(start, stream.Id, ends, _peer.MaxFrameSize);
        _frames++;
        return true;
    }

    private void ComposeTrailers(Http2Stream stream, HeaderMap trailers)
    {
        int start = _out.Length;
        _out.GetSpan(FrameHeader.Size);
        _out.Advance(FrameHeader.Size);
        HeadWriter.Trailers(_encoder, trailers, _out);
        _out.EndHeaders(start, stream.Id, endStream: true, _peer.MaxFrameSize);
        _frames++;
    }

    /// <summary>A head of 1xx, at once: its map may be used for the next one. False when the stream is gone.</summary>
    public bool SendInformational(Http2Stream stream, HeaderMap headers, int status)
    {
        if (!stream.IsOpen || stream.IsReset) return false;
        int start = _out.Length;
        _out.GetSpan(FrameHeader.Size);
        _out.Advance(FrameHeader.Size);
        Span<byte> digits = [(byte)('0' + status / 100), (byte)('0' + status / 10 % 10), (byte)('0' + status % 10)];
        HeadWriter.Response(_encoder, headers, digits, _out);
        _out.EndHeaders(start, stream.Id, endStream: false, _peer.MaxFrameSize);
        _frames++;
        ScheduleWrite();
        return true;
    }

    // One frame. True: all of it is out.
    private bool ComposeData(Http2Stream stream)
    {
        int pending = stream.Pending, n = Math.Min(Math.Min(pending, Http2Settings.MinFrameSize), Math.Min(stream.SendWindow, _sendWindow));
        if (n <= 0)
        {
            if (stream.SendWindow > 0) _blocked.Add(stream);
            return false;
        }
        bool ends = n == pending && stream is { OutEnd: true, OutTrailers: null };
        _out.FrameHead(FrameType.Data, ends ? FrameFlags.EndStream : FrameFlags.None, stream.Id, n);
        _frames++;
        int copied = Math.Min(n, stream.Copied.Length - stream.CopiedTaken);
        if (copied > 0)
        {
            _out.Write(stream.Copied.Written.Slice(stream.CopiedTaken, copied));
            stream.CopiedTaken += copied;
            if (stream.CopiedTaken == stream.Copied.Length)
            {
                stream.Copied.Release();
                stream.CopiedTaken = 0;
            }
        }
        if (n > copied)
        {
            _out.Write(stream.Piece.Span[..(n - copied)]);
            stream.Piece = stream.Piece[(n - copied)..];
        }
        stream.SendWindow -= n;
        _sendWindow -= n;
        stream.BytesSent += n;
        _guard.OnDataSent();
        if (n < pending && n < 64 && Calm(_guard.OnDribble()) is { Code: not Http2Error.None } flood)
        {
            Fail(flood.Code, CloseDetails);
            return false;
        }
        if (ends) EndLocal(stream);
        if (n == pending) return true;
        if (stream.SendWindow > 0) _ready.Add(stream);
        return false;
    }

    private void EndLocal(Http2Stream stream)
    {
        stream.LocalEnded = true;
        if (stream.RemoteEnded) Finished(stream);
    }
}

/// <summary>The few settings that we send.</summary>
internal ref struct SettingsList
{
    private Buffer8 _settings;
    private int _count;

    public void Add(SettingId id, uint value) => _settings[_count++] = (id, value);

    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public ReadOnlySpan<(SettingId Id, uint Value)> Written => ((ReadOnlySpan<(SettingId Id, uint Value)>)_settings)[.._count];

    [System.Runtime.CompilerServices.InlineArray(8)]
    private struct Buffer8
    {
        private (SettingId Id, uint Value) _first;
    }
}
