using System.Buffers.Binary;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>gRPC's messages: a byte that says whether it is compressed, four of length in network order, the message.</summary>
internal static class MessageFrames
{
    public const int Prefix = 5;

    public static int Begin(ByteWriter into)
    {
        into.Write([0, 0, 0, 0, 0]);
        return into.Length;
    }

    public static void End(ByteWriter into, int at)
        => BinaryPrimitives.WriteInt32BigEndian(into.Storage.Slice(at - 4), into.Length - at);

    /// <summary>Takes the first message off; false: it is not all there yet, or its length is beyond the limit.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> rest, long limit, out ReadOnlySpan<byte> message, out bool wrong)
    {
        message = default;
        wrong = false;
        if (rest.Length < Prefix) return false;
        uint length = BinaryPrimitives.ReadUInt32BigEndian(rest[1..]);
        wrong = rest[0] != 0 || length > limit;
        if (wrong || (uint)(rest.Length - Prefix) < length) return false;
        message = rest.Slice(Prefix, (int)length);
        rest = rest[(Prefix + (int)length)..];
        return true;
    }
}
