using System.Buffers.Binary;

namespace Managed.Proxy.Http.Codecs.Http2.Frames;

/// <summary>Types of frames (RFC 9113 section 6); all others are passed over.</summary>
internal enum FrameType : byte
{
    Data = 0x0,
    Headers = 0x1,
    Priority = 0x2,
    RstStream = 0x3,
    Settings = 0x4,
    PushPromise = 0x5,
    Ping = 0x6,
    GoAway = 0x7,
    WindowUpdate = 0x8,
    Continuation = 0x9,
}

/// <summary>Flags; what a bit means depends on the type, and bits without a meaning there are ignored (section 4.1).</summary>
[Flags]
internal enum FrameFlags : byte
{
    None = 0,
    EndStream = 0x1,
    Ack = 0x1,
    EndHeaders = 0x4,
    Padded = 0x8,
    Priority = 0x20,
}

/// <summary>The nine bytes before each payload (section 4.1).</summary>
internal readonly record struct FrameHeader(int Length, FrameType Type, FrameFlags Flags, int StreamId)
{
    public const int Size = 9;

    /// <summary>From nine bytes; the reserved bit is ignored.</summary>
    public static FrameHeader Read(ReadOnlySpan<byte> from) => new(
        from[0] << 16 | from[1] << 8 | from[2], (FrameType)from[3], (FrameFlags)from[4],
            (int)(BinaryPrimitives.ReadUInt32BigEndian(from[5..]) & int.MaxValue));

    public void Write(Span<byte> to)
    {
        to[0] = (byte)(Length >> 16);
        to[1] = (byte)(Length >> 8);
        to[2] = (byte)Length;
        to[3] = (byte)Type;
        to[4] = (byte)Flags;
        BinaryPrimitives.WriteInt32BigEndian(to[5..], StreamId);
    }

    public bool Has(FrameFlags flag) => (Flags & flag) != 0;
}
