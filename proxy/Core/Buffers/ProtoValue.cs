using System.Buffers.Binary;
using System.Text;

namespace Managed.Proxy.Core.Buffers;

/// <summary>Reads a google.protobuf.Value (struct.proto), which a client may have made.</summary>
internal static class ProtoValue
{
    private const int MaxDepth = 16;

    /// <summary>False: it is none, or too deep. Text, double, bool, null, list or dictionary.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out object? value) => TryRead(message, MaxDepth, out value);

    /// <summary>A google.protobuf.Struct: a <c>Dictionary&lt;string, object?&gt;</c>.</summary>
    public static bool TryReadStruct(ReadOnlySpan<byte> message, out Dictionary<string, object?> values)
    {
        bool read = TryReadStruct(message, MaxDepth, out object? value);
        values = value as Dictionary<string, object?> ?? [];
        return read;
    }

    private static bool TryRead(ReadOnlySpan<byte> message, int depth, out object? value)
    {
        value = null;
        if (depth == 0) return false;
        bool any = false;
        while (!message.IsEmpty)
        {
            if (!ProtoReader.TryNext(ref message, out int field, out var bytes, out ulong number)) return false;
            any = true;
            switch (field)
            {
                case 1: value = null; break;
                case 2 when bytes.Length == 8: value = BinaryPrimitives.ReadDoubleLittleEndian(bytes); break;
                case 3: value = Encoding.UTF8.GetString(bytes); break;
                case 4: value = number != 0; break;
                case 5:
                    if (!TryReadStruct(bytes, depth - 1, out value)) return false;
                    break;
                case 6:
                    if (!TryReadList(bytes, depth - 1, out value)) return false;
                    break;
                default: return false;
            }
        }
        return any;
    }

    private static bool TryReadStruct(ReadOnlySpan<byte> message, int depth, out object? value)
    {
        var map = new Dictionary<string, object?>(StringComparer.Ordinal);
        value = map;
        while (!message.IsEmpty)
        {
            if (!ProtoReader.TryNext(ref message, out int field, out var entry, out _) || field != 1) return false;
            if (!ProtoReader.TryField(entry, 1, out var key) || !ProtoReader.TryField(entry, 2, out var inner)) return false;
            if (!TryRead(inner, depth, out object? one)) return false;
            map[Encoding.UTF8.GetString(key)] = one;
        }
        return true;
    }

    private static bool TryReadList(ReadOnlySpan<byte> message, int depth, out object? value)
    {
        var list = new List<object?>();
        value = list;
        while (!message.IsEmpty)
        {
            if (!ProtoReader.TryNext(ref message, out int field, out var inner, out _) || field != 1) return false;
            if (!TryRead(inner, depth, out object? one)) return false;
            list.Add(one);
        }
        return true;
    }
}
