using System.Buffers.Binary;
using System.Collections;
using System.Globalization;
using System.Text;

namespace Managed.Proxy.Core.Buffers;

/// <summary>Reads a google.protobuf.Value (struct.proto), which a client may have made, and writes one.</summary>
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

    /// <summary>Writes a google.protobuf.Struct; what lies too deep is left out.</summary>
    public static void WriteStruct(ByteWriter to, IReadOnlyDictionary<string, object?> values) => WriteStruct(to, values, MaxDepth);

    /// <summary>Writes a google.protobuf.Value.</summary>
    public static void Write(ByteWriter to, object? value) => Write(to, value, MaxDepth);

    private static void WriteStruct(ByteWriter to, IReadOnlyDictionary<string, object?> values, int depth)
    {
        if (depth == 0) return;
        foreach (var (name, value) in values)
        {
            int entry = ProtoWriter.Begin(to, 1);
            ProtoWriter.Field(to, 1, name);
            int at = ProtoWriter.Begin(to, 2);
            Write(to, value, depth - 1);
            ProtoWriter.End(to, at);
            ProtoWriter.End(to, entry);
        }
    }

    private static void Write(ByteWriter to, object? value, int depth)
    {
        switch (value)
        {
            case null: to.Write([8, 0]); break; // the one that is written though it is zero
            case bool flag: to.Write([32, flag ? (byte)1 : (byte)0]); break;
            case double or float or int or long or short or byte:
                to.Write((byte)17);
                BinaryPrimitives.WriteDoubleLittleEndian(to.GetSpan(8), Convert.ToDouble(value, CultureInfo.InvariantCulture));
                to.Advance(8);
                break;
            case IReadOnlyDictionary<string, object?> map:
                int inner = ProtoWriter.Begin(to, 5);
                WriteStruct(to, map, depth);
                ProtoWriter.End(to, inner);
                break;
            case IEnumerable list and not string:
                int items = ProtoWriter.Begin(to, 6);
                if (depth > 0)
                    foreach (object? item in list)
                    {
                        int one = ProtoWriter.Begin(to, 1);
                        Write(to, item, depth - 1);
                        ProtoWriter.End(to, one);
                    }
                ProtoWriter.End(to, items);
                break;
            default:
                int text = ProtoWriter.Begin(to, 3);
                to.Write(value as string ?? value.ToString() ?? "");
                ProtoWriter.End(to, text);
                break;
        }
    }
}
