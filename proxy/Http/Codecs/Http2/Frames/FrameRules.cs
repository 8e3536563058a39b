using System.Buffers.Binary;

namespace Managed.Proxy.Http.Codecs.Http2.Frames;

/// <summary>What is wrong with a frame, and how far it reaches.</summary>
/// <param name="Code"><see cref="Http2Error.None"/>: nothing.</param>
/// <param name="EndsConnection">Else it ends the stream alone.</param>
internal readonly record struct FrameFault(Http2Error Code, bool EndsConnection)
{
    public static FrameFault None => default;
    public static FrameFault Connection(Http2Error code) => new(code, true);
    public static FrameFault Stream(Http2Error code) => new(code, false);
}

/// <summary>What a frame must be whatever state its stream and connection are in (RFC 9113 section 6). Pure functions.</summary>
internal static class FrameRules
{
    /// <summary>By the header alone, so that nothing is kept for a payload that cannot be right.</summary>
    /// <param name="frame">The header.</param>
    /// <param name="maxLength">Our SETTINGS_MAX_FRAME_SIZE.</param>
    /// <param name="block">The stream whose header block is under way; 0 for none. Nothing may stand in between (section 4.3).</param>
    public static FrameFault Check(FrameHeader frame, int maxLength, int block)
    {
        if (frame.Length > maxLength) return FrameFault.Connection(Http2Error.FrameSize);
        if (block != 0 ? frame.Type != FrameType.Continuation || frame.StreamId != block : frame.Type == FrameType.Continuation)
            return FrameFault.Connection(Http2Error.Protocol);
        bool ofStream = frame.StreamId != 0;
        int length = frame.Length;
        switch (frame.Type)
        {
            case FrameType.Data or FrameType.Headers or FrameType.Continuation or FrameType.PushPromise:
                return ofStream ? FrameFault.None : FrameFault.Connection(Http2Error.Protocol);
            case FrameType.Priority:
                if (!ofStream) return FrameFault.Connection(Http2Error.Protocol);
                return length == 5 ? FrameFault.None : FrameFault.Stream(Http2Error.FrameSize);
            case FrameType.RstStream:
                if (!ofStream) return FrameFault.Connection(Http2Error.Protocol);
                return length == 4 ? FrameFault.None : FrameFault.Connection(Http2Error.FrameSize);
            case FrameType.Settings:
                if (ofStream) return FrameFault.Connection(Http2Error.Protocol);
                return (frame.Has(FrameFlags.Ack) ? length == 0 : length % 6 == 0)
                    ? FrameFault.None : FrameFault.Connection(Http2Error.FrameSize);
            case FrameType.Ping:
                if (ofStream) return FrameFault.Connection(Http2Error.Protocol);
                return length == 8 ? FrameFault.None : FrameFault.Connection(Http2Error.FrameSize);
            case FrameType.GoAway:
                if (ofStream) return FrameFault.Connection(Http2Error.Protocol);
                return length >= 8 ? FrameFault.None : FrameFault.Connection(Http2Error.FrameSize);
            case FrameType.WindowUpdate:
                return length == 4 ? FrameFault.None : FrameFault.Connection(Http2Error.FrameSize);
            default:
                return FrameFault.None;
        }
    }

    /// <summary>
    /// Takes padding, and in HEADERS the priority, off a payload. Padding as long as the payload or longer is an error of the connection
    /// (sections 6.1 and 6.2), too few bytes one of size, a stream that depends on itself one of the stream (RFC 7540 section 5.3.1).
    /// </summary>
    public static FrameFault Unpad(FrameHeader frame, ReadOnlySpan<byte> payload, out int start, out int length)
    {
        start = 0;
        length = payload.Length;
        var fault = FrameFault.None;
        int padding = 0;
        if (frame.Has(FrameFlags.Padded))
        {
            if (payload.IsEmpty) return FrameFault.Connection(Http2Error.FrameSize);
            padding = payload[0];
            start = 1;
        }
        if (frame.Type == FrameType.Headers && frame.Has(FrameFlags.Priority))
        {
            if (payload.Length < start + 5) return FrameFault.Connection(Http2Error.FrameSize);
            if ((BinaryPrimitives.ReadUInt32BigEndian(payload[start..]) & int.MaxValue) == frame.StreamId)
                fault = FrameFault.Stream(Http2Error.Protocol);
            start += 5;
        }
        length = payload.Length - start - padding;
        return length < 0 ? FrameFault.Connection(Http2Error.Protocol) : fault;
    }

    /// <summary>A window after an update or a change of the initial size; null when it is beyond 2^31 - 1 (section 6.9.1).</summary>
    public static int? AddToWindow(int window, int change) => window + (long)change is <= int.MaxValue and var sum ? (int)sum : null;
}
