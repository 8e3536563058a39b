using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>How messages are printed.</summary>
internal sealed record JsonPrint(bool Whitespace, bool AlwaysPrimitive, bool EnumsAsInts, bool PlainNames);

/// <summary>
/// Messages from the wire to JSON (protobuf.dev, "ProtoJSON format"). Fields come in the order of their message, unknown ones are left
/// out. At most <see cref="JsonToProto.MaxDepth"/> levels.
/// </summary>
internal sealed class ProtoToJson(DescriptorSet types, JsonPrint print)
{
    private readonly record struct Found(ProtoField Field, int Sequence, int Wire, int From, int Length, ulong Number);

    private readonly List<Found> _found = [];

    /// <summary>False: the bytes are no such message, or too deep.</summary>
    public bool TryWrite(ReadOnlySpan<byte> message, ProtoMessage type, ByteWriter into)
    {
        _found.Clear();
        return Message(message, type, into, 0);
    }

    /// <summary>A field of it alone; nothing set is its default.</summary>
    public bool TryWriteField(ReadOnlySpan<byte> message, ProtoMessage type, ProtoField field, ByteWriter into)
    {
        _found.Clear();
        if (!Collect(message, type, only: field)) return false;
        var found = CollectionsMarshal.AsSpan(_found);
        if (found.IsEmpty && field.Message is { } inner && !field.IsRepeated) return Message(default, inner, into, 0);
        return Value(message, field, 0, found.Length, into, 0);
    }

    private bool Message(ReadOnlySpan<byte> message, ProtoMessage type, ByteWriter into, int depth)
    {
        if (depth >= JsonToProto.MaxDepth) return false;
        if (WellKnownJson.IsWellKnown(type.Name)) return WellKnown(message, type, into, depth);
        return Open(message, type, into, depth, first: true);
    }

    // An object from its brace on, or behind a member that is there already.
    private bool Open(ReadOnlySpan<byte> message, ProtoMessage type, ByteWriter into, int depth, bool first)
    {
        int begin = _found.Count;
        if (!Collect(message, type, null)) return false;
        if (first) into.Write((byte)'{');
        int at = begin;
        foreach (var field in type.Fields)
        {
            int from = at;
            while (at < _found.Count && ReferenceEquals(_found[at].Field, field)) at++;
            bool absent = at == from || (!field.HasPresence && !field.IsRepeated && IsDefault(_found[at - 1], message));
            if (absent && !(print.AlwaysPrimitive && !field.HasPresence)) continue;
            if (!first) into.Write((byte)',');
            first = false;
            Line(into, depth + 1);
            into.Write(print.PlainNames ? field.PlainLabel : field.JsonLabel);
            if (print.Whitespace) into.Write((byte)' ');
            if (!Value(message, field, from, at, into, depth)) return false;
        }
        _found.RemoveRange(begin, _found.Count - begin);
        if (!first) Line(into, depth);
        into.Write((byte)'}');
        return true;
    }

    // Where that is the same as nothing.
    private static bool IsDefault(Found found, ReadOnlySpan<byte> message) => found.Wire switch
    {
        0 => found.Number == 0,
        2 => found.Length == 0,
        _ => !message.Slice(found.From, found.Length).ContainsAnyExcept((byte)0),
    };

    // Its fields, in the order of the message; those of one number as they came.
    private bool Collect(ReadOnlySpan<byte> message, ProtoMessage type, ProtoField? only)
    {
        int begin = _found.Count;
        var rest = message;
        while (!rest.IsEmpty)
        {
            if (!ProtoReader.TryNext(ref rest, out int number, out int wire, out var bytes, out ulong value)) return false;
            if (type.Find(number) is not { } field || (only is not null && !ReferenceEquals(field, only))) continue;
            int from = wire == 0 ? 0 : message.Length - rest.Length - bytes.Length;
            _found.Add(new Found(field, _found.Count, wire, from, bytes.Length, value));
        }
        CollectionsMarshal.AsSpan(_found)[begin..].Sort(static (a, b) => a.Field.Order != b.Field.Order
            ? a.Field.Order.CompareTo(b.Field.Order) : a.Sequence.CompareTo(b.Sequence));
        return true;
    }

    private bool Value(ReadOnlySpan<byte> message, ProtoField field, int from, int to, ByteWriter into, int depth)
    {
        if (field.IsMap) return Map(message, field, from, to, into, depth);
        if (field.IsRepeated) return List(message, field, from, to, into, depth);
        if (to == from) return Scalar(field, 0, default, into);
        // Of a number the last counts; pieces of a message are one message.
        if (field.Message is not { } type || to - from == 1) return Item(field, message, _found[to - 1], into, depth + 1);
        var whole = new ByteWriter(256);
        for (int i = from; i < to; i++) whole.Write(message.Slice(_found[i].From, _found[i].Length));
        return Message(whole.Written, type, into, depth + 1);
    }

    private bool List(ReadOnlySpan<byte> message, ProtoField field, int from, int to, ByteWriter into, int depth)
    {
        into.Write((byte)'[');
        bool first = true;
        for (int i = from; i < to; i++)
        {
            var found = _found[i];
            bool packed = found.Wire == 2
                && field.Type is not (ProtoType.String or ProtoType.Bytes or ProtoType.Message or ProtoType.Group);
            var rest = packed ? message.Slice(found.From, found.Length) : default;
            if (packed && rest.IsEmpty) continue;
            do
            {
                if (!first) into.Write((byte)',');
                first = false;
                Line(into, depth + 2);
                if (packed ? !Packed(field, ref rest, into) : !Item(field, message, found, into, depth + 2)) return false;
            }
            while (!rest.IsEmpty);
        }
        if (!first) Line(into, depth + 1);
        into.Write((byte)']');
        return true;
    }

    private bool Packed(ProtoField field, ref ReadOnlySpan<byte> rest, ByteWriter into)
    {
        int width = field.Type switch
        {
            ProtoType.Double or ProtoType.Fixed64 or ProtoType.SFixed64 => 8,
            ProtoType.Float or ProtoType.Fixed32 or ProtoType.SFixed32 => 4,
            _ => 0,
        };
        if (width == 0) return ProtoReader.TryVarint(ref rest, out ulong number) && Scalar(field, number, default, into);
        if (rest.Length < width) return false;
        var bytes = rest[..width];
        rest = rest[width..];
        return Scalar(field, 0, bytes, into);
    }

    private bool Map(ReadOnlySpan<byte> message, ProtoField field, int from, int to, ByteWriter into, int depth)
    {
        if (field.Message!.Find(1) is not { } key || field.Message.Find(2) is not { } value) return false;
        into.Write((byte)'{');
        for (int i = from; i < to; i++)
        {
            if (i > from) into.Write((byte)',');
            Line(into, depth + 2);
            var entry = message.Slice(_found[i].From, _found[i].Length);
            int begin = _found.Count;
            if (!Collect(entry, field.Message, null)) return false;
            int keys = begin;
            while (keys < _found.Count && ReferenceEquals(_found[keys].Field, key)) keys++;
            bool quoted = key.Type is ProtoType.String or ProtoType.Int64 or ProtoType.UInt64 or ProtoType.Fixed64 or ProtoType.SFixed64
                or ProtoType.SInt64;
            if (!quoted) into.Write((byte)'"');
            if (keys == begin ? !Scalar(key, 0, default, into) : !Item(key, entry, _found[keys - 1], into, depth)) return false;
            into.Write(quoted ? ":"u8 : "\":"u8);
            if (print.Whitespace) into.Write((byte)' ');
            bool written = _found.Count > keys ? Item(value, entry, _found[^1], into, depth + 2)
                : value.Message is { } empty ? Message(default, empty, into, depth + 2) : Scalar(value, 0, default, into);
            if (!written) return false;
            _found.RemoveRange(begin, _found.Count - begin);
        }
        if (to > from) Line(into, depth + 1);
        into.Write((byte)'}');
        return true;
    }

    private bool Item(ProtoField field, ReadOnlySpan<byte> message, Found found, ByteWriter into, int depth)
    {
        var bytes = found.Wire == 0 ? default : message.Slice(found.From, found.Length);
        if (field.Message is { } type) return found.Wire == 2 && Message(bytes, type, into, depth);
        bool isText = field.Type is ProtoType.String or ProtoType.Bytes;
        if (isText != (found.Wire == 2)) return !isText && found.Wire == 2 && !bytes.IsEmpty && LastOf(field, bytes, into);
        return Scalar(field, found.Number, bytes, into);
    }

    // A single field that came packed: its last value.
    private bool LastOf(ProtoField field, ReadOnlySpan<byte> bytes, ByteWriter into)
    {
        var before = into.Length;
        while (!bytes.IsEmpty)
        {
            into.Truncate(before);
            if (!Packed(field, ref bytes, into)) return false;
        }
        return true;
    }

    private bool Scalar(ProtoField field, ulong number, ReadOnlySpan<byte> bytes, ByteWriter into)
    {
        switch (field.Type)
        {
            case ProtoType.String: Text(bytes, into); return true;
            case ProtoType.Bytes:
                into.Write((byte)'"');
                var room = into.GetSpan(Base64.GetMaxEncodedToUtf8Length(bytes.Length));
                Base64.EncodeToUtf8(bytes, room, out _, out int written);
                into.Advance(written);
                into.Write((byte)'"');
                return true;
            case ProtoType.Bool: into.Write(number != 0 ? "true"u8 : "false"u8); return true;
            case ProtoType.Enum:
                if (field.Enum!.Name == "google.protobuf.NullValue") into.Write("null"u8);
                else if (!print.EnumsAsInts && field.Enum.Names.TryGetValue((int)number, out byte[]? name)) Quoted(name, into);
                else into.Write((long)(int)number);
                return true;
            case ProtoType.Double: return Real(bytes.Length == 8 ? BinaryPrimitives.ReadDoubleLittleEndian(bytes) : 0, into);
            case ProtoType.Float:
                return Real(bytes.Length == 4 ? BinaryPrimitives.ReadSingleLittleEndian(bytes) : 0f, into);
            case ProtoType.Fixed32: into.Write((long)(bytes.Length == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0)); return true;
            case ProtoType.SFixed32: into.Write((long)(bytes.Length == 4 ? BinaryPrimitives.ReadInt32LittleEndian(bytes) : 0)); return true;
            case ProtoType.UInt32: into.Write((long)(uint)number); return true;
            case ProtoType.Int32: into.Write((long)(int)number); return true;
            case ProtoType.SInt32: into.Write((long)(int)((uint)number >> 1) ^ -(long)(number & 1)); return true;
            default: Long(field, number, bytes, into); return true;
        }
    }

    // Numbers of 64 bits are texts: JavaScript's have 53.
    private static void Long(ProtoField field, ulong number, ReadOnlySpan<byte> bytes, ByteWriter into)
    {
        if (field.Type is ProtoType.Fixed64 or ProtoType.SFixed64)
            number = bytes.Length == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;
        into.Write((byte)'"');
        if (field.Type is ProtoType.UInt64 or ProtoType.Fixed64) Formatted(number, into);
        else into.Write(field.Type == ProtoType.SInt64 ? (long)(number >> 1) ^ -(long)(number & 1) : (long)number);
        into.Write((byte)'"');
    }

    private static void Formatted<T>(T value, ByteWriter into) where T : IUtf8SpanFormattable
    {
        var room = into.GetSpan(40);
        value.TryFormat(room, out int n, default, CultureInfo.InvariantCulture);
        into.Advance(n);
    }

    private static bool Real<T>(T value, ByteWriter into) where T : System.Numerics.IFloatingPointIeee754<T>
    {
        if (T.IsFinite(value)) Formatted(value, into);
        else into.Write(T.IsNaN(value) ? "\"NaN\""u8 : T.IsPositive(value) ? "\"Infinity\""u8 : "\"-Infinity\""u8);
        return true;
    }

    private static void Quoted(ReadOnlySpan<byte> text, ByteWriter into)
    {
        into.Write((byte)'"');
        into.Write(text);
        into.Write((byte)'"');
    }

    /// <summary>A text in quotes, escaped as far as JSON asks for it.</summary>
    public static void Text(ReadOnlySpan<byte> text, ByteWriter into)
    {
        if (!System.Text.Unicode.Utf8.IsValid(text)) text = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text));
        into.Write((byte)'"');
        while (!text.IsEmpty)
        {
            int n = 0;
            while (n < text.Length && text[n] is not ((byte)'"' or (byte)'\\' or < 0x20)) n++;
            into.Write(text[..n]);
            if (n == text.Length) break;
            byte c = text[n];
            int named = "\"\\\b\f\n\r\t"u8.IndexOf(c);
            if (named >= 0) into.Write([(byte)'\\', "\"\\bfnrt"u8[named]]);
            else into.Write([(byte)'\\', (byte)'u', (byte)'0', (byte)'0', (byte)('0' + (c >> 4)), "0123456789abcdef"u8[c & 15]]);
            text = text[(n + 1)..];
        }
        into.Write((byte)'"');
    }

    private bool WellKnown(ReadOnlySpan<byte> message, ProtoMessage type, ByteWriter into, int depth)
    {
        switch (type.Name)
        {
            case "google.protobuf.Timestamp" or "google.protobuf.Duration":
                long seconds = (long)ProtoReader.Number(message, 1, 0);
                int nanos = (int)ProtoReader.Number(message, 2, 0);
                var text = type.Name.EndsWith("Timestamp", StringComparison.Ordinal) ? WellKnownJson.Timestamp(seconds, nanos)
                    : WellKnownJson.Duration(seconds, nanos);
                if (text is not null) Quoted(Encoding.ASCII.GetBytes(text), into);
                return text is not null;
            case "google.protobuf.FieldMask":
                var paths = new List<string>();
                while (!message.IsEmpty)
                {
                    if (!ProtoReader.TryNext(ref message, out int field, out var path, out _)) return false;
                    if (field == 1) paths.Add(WellKnownJson.Camel(Encoding.UTF8.GetString(path)));
                }
                Text(Encoding.UTF8.GetBytes(string.Join(',', paths)), into);
                return true;
            case "google.protobuf.Struct" or "google.protobuf.ListValue":
                // Their one field is the whole of them.
                return type.Find(1) is { } all && TryNested(message, type, all, into, depth);
            case "google.protobuf.Value": return StructValue(message, type, into, depth);
            case "google.protobuf.Any": return Any(message, into, depth);
            default: // a wrapper
                if (type.Find(1) is not { } inner) return false;
                return TryNested(message, type, inner, into, depth);
        }
    }

    private bool TryNested(ReadOnlySpan<byte> message, ProtoMessage type, ProtoField field, ByteWriter into, int depth)
    {
        int begin = _found.Count;
        if (!Collect(message, type, field) || !Value(message, field, begin, _found.Count, into, depth)) return false;
        _found.RemoveRange(begin, _found.Count - begin);
        return true;
    }

    private bool StructValue(ReadOnlySpan<byte> message, ProtoMessage type, ByteWriter into, int depth)
    {
        int begin = _found.Count;
        if (!Collect(message, type, null)) return false;
        // Of a oneof the last that came is meant; nothing is null.
        int last = -1;
        for (int i = begin; i < _found.Count; i++) if (last < 0 || _found[i].Sequence > _found[last].Sequence) last = i;
        if (last < 0) into.Write("null"u8);
        else if (!Item(_found[last].Field, message, _found[last], into, depth)) return false;
        _found.RemoveRange(begin, _found.Count - begin);
        return true;
    }

    private bool Any(ReadOnlySpan<byte> message, ByteWriter into, int depth)
    {
        if (!ProtoReader.TryField(message, 1, out var url))
        {
            into.Write("{}"u8);
            return true;
        }
        string name = Encoding.UTF8.GetString(url[(url.LastIndexOf((byte)'/') + 1)..]);
        if (!types.Messages.TryGetValue(name, out var type)) return false;
        ProtoReader.TryField(message, 2, out var value);
        into.Write("{"u8);
        Line(into, depth + 1);
        into.Write("\"@type\":"u8);
        if (print.Whitespace) into.Write((byte)' ');
        Text(url, into);
        if (!WellKnownJson.IsWellKnown(name)) return Open(value, type, into, depth, first: false);
        into.Write(",\"value\":"u8);
        if (!Message(value, type, into, depth + 1)) return false;
        into.Write((byte)'}');
        return true;
    }

    private void Line(ByteWriter into, int depth)
    {
        if (!print.Whitespace) return;
        into.Write((byte)'\n');
        for (int i = 0; i < depth; i++) into.Write((byte)' ');
    }
}
