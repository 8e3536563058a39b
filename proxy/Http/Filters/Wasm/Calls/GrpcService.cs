using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.Wasm.Calls;

/// <summary>
/// The upstream of a gRPC call: SDKs give a name, older ones Envoy's GrpcService message (envoy.config.core.v3), of which
/// envoy_grpc.cluster_name is read.
/// </summary>
internal static class GrpcService
{
    public static bool TryName(ReadOnlySpan<byte> upstream, out string name)
    {
        name = "";
        if (upstream.IsEmpty) return false;
        // Field 1, length-delimited: EnvoyGrpc. No cluster name begins with a line feed.
        if (upstream[0] == 0x0A)
        {
            if (!ProtoReader.TryField(upstream, 1, out var grpc) || !ProtoReader.TryField(grpc, 1, out var cluster)) return false;
            name = Encoding.UTF8.GetString(cluster);
        }
        else name = Encoding.UTF8.GetString(upstream);
        return name.Length > 0;
    }
}

/// <summary>The same for what goes back to them.</summary>
internal static class ProtoWriter
{
    /// <summary>Text, bytes or a message; nothing for an empty one, as in proto3.</summary>
    public static void Field(ByteWriter into, int number, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) return;
        into.Write((byte)((number << 3) | 2));
        uint length = (uint)value.Length;
        for (; length >= 0x80; length >>= 7) into.Write((byte)(length | 0x80));
        into.Write((byte)length);
        into.Write(value);
    }

    public static void Truth(ByteWriter into, int number, bool value)
    {
        if (!value) return;
        into.Write((byte)(number << 3));
        into.Write((byte)1);
    }
}

/// <summary>As much of the protocol buffers wire format as guests' small messages need.</summary>
internal static class ProtoReader
{
    private const int MaxFields = 1000; // of a message; those that are read here have less than ten

    /// <summary>The last field of this number that is text, bytes or a message.</summary>
    public static bool TryField(ReadOnlySpan<byte> message, int number, out ReadOnlySpan<byte> value)
    {
        value = default;
        bool found = false;
        for (int fields = 0; !message.IsEmpty; fields++)
        {
            if (fields == MaxFields) return false;
            if (!TryNext(ref message, out int field, out ReadOnlySpan<byte> bytes, out _)) return false;
            if (field != number) continue;
            value = bytes;
            found = true;
        }
        return found;
    }

    /// <summary>The last field of this number that is a number; <paramref name="absent"/> when there is none.</summary>
    public static ulong Number(ReadOnlySpan<byte> message, int number, ulong absent)
    {
        while (!message.IsEmpty && TryNext(ref message, out int field, out _, out ulong value))
            if (field == number) absent = value;
        return absent;
    }

    private static bool TryNext(scoped ref ReadOnlySpan<byte> rest, out int field, out ReadOnlySpan<byte> bytes, out ulong value)
    {
        field = 0;
        bytes = default;
        value = 0;
        if (!TryVarint(ref rest, out ulong tag)) return false;
        field = (int)(tag >> 3);
        switch (tag & 7)
        {
            case 0: return TryVarint(ref rest, out value);
            case 1 or 5:
                int width = (tag & 7) == 1 ? 8 : 4;
                if (rest.Length < width) return false;
                rest = rest[width..];
                return true;
            case 2:
                if (!TryVarint(ref rest, out ulong length) || length > (ulong)rest.Length) return false;
                bytes = rest[..(int)length];
                rest = rest[(int)length..];
                return true;
            default: return false;
        }
    }

    private static bool TryVarint(scoped ref ReadOnlySpan<byte> rest, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && !rest.IsEmpty; shift += 7)
        {
            byte b = rest[0];
            rest = rest[1..];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return true;
        }
        return false;
    }
}
