using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Codecs.Http2.Messages;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>
/// Header blocks that come in: put together, decoded whatever becomes of them, and given to their stream or to a new one.
/// </summary>
internal abstract partial class Http2Connection
{
    // Beside what a head may have: the representation of each field, and fields that are let go.
    private const int BlockSlack = 16 * 1024;

    private readonly ByteWriter _block;
    private int _blockStream, _continuations; // the stream whose block is under way; 0: none
    private bool _blockEnds;
    private FrameFault _blockFault;
    private int _lastPeerStream;

    private FrameFault OnHeaders(FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        var fault = FrameRules.Unpad(frame, payload, out int start, out int length);
        if (fault.EndsConnection) return fault;
        bool ends = frame.Has(FrameFlags.EndStream);
        if (_guard.OnPayload(length == 0, ends) is { } flood) return Calm(flood);
        if (frame.Has(FrameFlags.EndHeaders)) return OnBlock(frame.StreamId, payload.Slice(start, length), ends, fault);
        _blockStream = frame.StreamId;
        _blockEnds = ends;
        _blockFault = fault;
        _continuations = 0;
        _block.Write(payload.Slice(start, length));
        return FrameFault.None;
    }

    private FrameFault OnContinuation(FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        bool last = frame.Has(FrameFlags.EndHeaders);
        if (_guard.OnPayload(payload.IsEmpty, last) is { } flood) return Calm(flood);
        if (++_continuations > Math.Max(64, Options.MaxHeaderBytes / 4096)
            || _block.Length + payload.Length > Options.MaxHeaderBytes + BlockSlack) return Calm(_stats.HeaderOverflow);
        _block.Write(payload);
        if (!last) return FrameFault.None;
        int id = _blockStream;
        _blockStream = 0;
        var fault = OnBlock(id, _block.Written, _blockEnds, _blockFault);
        _block.Release();
        return fault;
    }

    private FrameFault OnBlock(int id, ReadOnlySpan<byte> block, bool ends, FrameFault fault)
    {
        if (_streams.TryGetValue(id, out var stream))
        {
            if (fault.Code == Http2Error.None && stream.RemoteEnded) fault = FrameFault.Stream(Http2Error.StreamClosed);
            if (fault.Code != Http2Error.None) return SkipBlock(block, fault);
            return stream.HasHead ? OnTrailers(stream, block, ends) : OnResponse(stream, block, ends);
        }
        if (!IsIdle(id))
        {
            if (!IsPassedOver(id)) return FrameFault.Connection(Http2Error.StreamClosed);
            return OnStrayBlock(id, block, ends);
        }
        // Section 5.1.1: clients open the odd ones; nobody opens any towards one that takes no pushes.
        if (!IsServer || (id & 1) == 0) return FrameFault.Connection(Http2Error.Protocol);
        _lastPeerStream = id;
        if (_goAwayFinal && id > _goAwayLast) return SkipBlock(block, FrameFault.None);
        if (OpenStreams >= Options.MaxConcurrentStreams || Attached >= 2L * Options.MaxConcurrentStreams)
        {
            var broken = SkipBlock(block, FrameFault.None);
            if (broken.Code != Http2Error.None) return broken;
            SendReset(id, Http2Error.RefusedStream);
            if (!ends) _resets.Add(new() { Id = id });
            return Calm(_guard.OnClosed(tooEarly: true));
        }
        fault = OnRequest(id, block, ends, fault);
        // Who does not answer the PING behind the GOAWAY is not served for ever.
        if (_goAwaySent && !_goAwayFinal && _loop.NowMicros - _drainedAt >= Options.DrainMicros) FinishDrain();
        return fault;
    }

    private FrameFault OnRequest(int id, ReadOnlySpan<byte> block, bool ends, FrameFault fault)
    {
        var stream = RentStream();
        Attach(stream, id);
        _guard.OnStream();
        Counter? flood = null;
        var verdict = _heads.Read(block, stream.Head, ends);
        stream.BeginPending = true; // whatever ends it now gives it back at once
        if (verdict == MessageVerdict.Broken) return Broken();
        if (verdict == MessageVerdict.Malformed || fault.Code != Http2Error.None)
        {
            if (verdict == MessageVerdict.Malformed) _cells.Increment(_stats.MessagingError);
            if (verdict == MessageVerdict.Malformed && !Options.StreamErrorOnInvalidMessage)
                fault = FrameFault.Connection(Http2Error.Protocol);
            return fault.Code != Http2Error.None ? fault : FrameFault.Stream(Http2Error.Protocol);
        }
        if (verdict == MessageVerdict.Refused)
        {
            stream.RefusedStatus = _heads.ErrorStatus;
            stream.RefusedDetails = _heads.ErrorDetails;
            if (_heads.ErrorStatus == 431 && (flood = _guard.OnLargeHead()) is null) _cells.Increment(_stats.HeaderOverflow);
        }
        stream.HasHead = stream.HeadSeen = true;
        stream.ContentLength = _heads.ContentLength;
        stream.HeadBytes = _heads.HeadBytes;
        stream.AsksUpgrade = ((RequestReader)_heads).AsksUpgrade;
        _begun.Add(stream);
        if (ends) EndRemote(stream);
        return Calm(flood);
    }

    private FrameFault OnResponse(Http2Stream stream, ReadOnlySpan<byte> block, bool ends)
    {
        var reader = (ResponseReader)_heads;
        // Which of the two maps it belongs into is known when it was read.
        var verdict = reader.Read(block, stream.Head, ends);
        if (verdict == MessageVerdict.Broken) return Broken();
        if (verdict != MessageVerdict.Good)
        {
            _cells.Increment(verdict == MessageVerdict.Refused ? _stats.HeaderOverflow : _stats.MessagingError);
            return FrameFault.Stream(Http2Error.Protocol);
        }
        stream.Status = reader.Status;
        if (reader.Status < 200)
        {
            if (stream.Early is { } early)
            {
                early.CopyFrom(stream.Head);
                stream.HasEarly = true;
            }
            stream.Head.Clear();
        }
        else
        {
            stream.HasHead = true;
            stream.IsBodiless |= reader.Status is 204 or 304;
            stream.ContentLength = reader.ContentLength;
            stream.HeadBytes = reader.HeadBytes;
        }
        Wake(stream);
        if (ends) EndRemote(stream);
        return FrameFault.None;
    }

    private FrameFault OnTrailers(Http2Stream stream, ReadOnlySpan<byte> block, bool ends)
    {
        var verdict = _heads.ReadTrailers(block, stream.Trailers);
        if (verdict == MessageVerdict.Broken) return Broken();
        // Section 8.1: nothing follows trailers.
        if (verdict == MessageVerdict.Malformed || !ends)
        {
            _cells.Increment(_stats.MessagingError);
            return FrameFault.Stream(Http2Error.Protocol);
        }
        if (verdict == MessageVerdict.Refused)
        {
            _cells.Increment(_stats.HeaderOverflow);
            return FrameFault.Stream(Http2Error.EnhanceYourCalm);
        }
        _cells.Increment(_stats.Trailers);
        stream.HasTrailers = stream.Trailers.Count > 0;
        EndRemote(stream);
        return FrameFault.None;
    }

    private FrameFault SkipBlock(ReadOnlySpan<byte> block, FrameFault fault) => _heads.Skip(block) ? fault : Broken();

    private FrameFault Broken()
    {
        CloseDetails = "http2.compression_error";
        return FrameFault.Connection(Http2Error.Compression);
    }
}
