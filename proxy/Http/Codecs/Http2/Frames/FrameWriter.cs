using System.Buffers.Binary;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Codecs.Http2.Frames;

/// <summary>Frames into a run of bytes that is going to be sent.</summary>
internal static class FrameWriter
{
    public static void Frame(this ByteWriter to, FrameType type, FrameFlags flags, int streamId, ReadOnlySpan<byte> payload)
    {
        var span = to.GetSpan(FrameHeader.Size + payload.Length);
        new FrameHeader(payload.Length, type, flags, streamId).Write(span);
        payload.CopyTo(span[FrameHeader.Size..]);
        to.Advance(FrameHeader.Size + payload.Length);
    }

    /// <summary>Its payload follows.</summary>
    public static void FrameHead(this ByteWriter to, FrameType type, FrameFlags flags, int streamId, int length)
    {
        new FrameHeader(length, type, flags, streamId).Write(to.GetSpan(FrameHeader.Size));
        to.Advance(FrameHeader.Size);
    }

    public static void Settings(this ByteWriter to, ReadOnlySpan<(SettingId Id, uint Value)> settings)
    {
        to.FrameHead(FrameType.Settings, FrameFlags.None, 0, settings.Length * 6);
        foreach (var (id, value) in settings)
        {
            var span = to.GetSpan(6);
            BinaryPrimitives.WriteUInt16BigEndian(span, (ushort)id);
            BinaryPrimitives.WriteUInt32BigEndian(span[2..], value);
            to.Advance(6);
        }
    }

    public static void SettingsAck(this ByteWriter to) => to.FrameHead(FrameType.Settings, FrameFlags.Ack, 0, 0);

    public static void Ping(this ByteWriter to, bool ack, ReadOnlySpan<byte> eightBytes)
        => to.Frame(FrameType.Ping, ack ? FrameFlags.Ack : 0, 0, eightBytes);

    public static void RstStream(this ByteWriter to, int streamId, Http2Error code) => to.Word(FrameType.RstStream, streamId, (uint)code);

    public static void WindowUpdate(this ByteWriter to, int streamId, int increment)
        => to.Word(FrameType.WindowUpdate, streamId, (uint)increment);

    /// <param name="to">Where.</param>
    /// <param name="lastStreamId">The last of the peer's streams that we have served or will.</param>
    /// <param name="code">Why.</param>
    /// <param name="debug">For people.</param>
    public static void GoAway(this ByteWriter to, int lastStreamId, Http2Error code, ReadOnlySpan<byte> debug)
    {
        to.FrameHead(FrameType.GoAway, FrameFlags.None, 0, 8 + debug.Length);
        var span = to.GetSpan(8);
        BinaryPrimitives.WriteInt32BigEndian(span, lastStreamId);
        BinaryPrimitives.WriteUInt32BigEndian(span[4..], (uint)code);
        to.Advance(8);
        to.Write(debug);
    }

    /// <summary>
    /// Makes frames of a header block that was written behind room for one frame's header: HEADERS, and where the block is longer than
    /// a frame may be, CONTINUATIONs.
    /// </summary>
    /// <param name="to">What the block was written to.</param>
    /// <param name="start">Where the nine bytes of the first header are.</param>
    /// <param name="streamId">Whose.</param>
    /// <param name="endStream">Nothing follows on the stream.</param>
    /// <param name="maxLength">The peer's SETTINGS_MAX_FRAME_SIZE.</param>
    public static void EndHeaders(this ByteWriter to, int start, int streamId, bool endStream, int maxLength)
    {
        int length = to.Length - start - FrameHeader.Size;
        var flags = endStream ? FrameFlags.EndStream : FrameFlags.None;
        int following = length <= maxLength ? 0 : (length - 1) / maxLength;
        to.GetSpan(following * FrameHeader.Size);
        to.Advance(following * FrameHeader.Size);
        var all = to.Storage.Slice(start, to.Length - start);
        // The last first, so that nothing is overwritten that is still to be moved.
        for (int i = following; i > 0; i--)
        {
            int piece = Math.Min(maxLength, length - i * maxLength), from = FrameHeader.Size + i * maxLength;
            all.Slice(from, piece).CopyTo(all[(from + i * FrameHeader.Size)..]);
            new FrameHeader(piece, FrameType.Continuation, i == following ? FrameFlags.EndHeaders : 0, streamId)
                .Write(all[(from + (i - 1) * FrameHeader.Size)..]);
        }
        new FrameHeader(Math.Min(length, maxLength), FrameType.Headers,
            following == 0 ? flags | FrameFlags.EndHeaders : flags, streamId).Write(all);
    }

    private static void Word(this ByteWriter to, FrameType type, int streamId, uint value)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(payload, value);
        to.Frame(type, FrameFlags.None, streamId, payload);
    }
}
