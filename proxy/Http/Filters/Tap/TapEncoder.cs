using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.Tap;

/// <summary>
/// Writes one message of Envoy's data.tap.v3 in one of its formats: fields have the name and the number of the protocol file.
/// </summary>
internal abstract class TapEncoder
{
    public static TapEncoder Of(TapFormat format) => format switch
    {
        TapFormat.JsonBodyAsBytes or TapFormat.JsonBodyAsString => new Json(),
        TapFormat.ProtoText => new Lines(),
        _ => new Binary(format == TapFormat.ProtoBinaryLengthDelimited),
    };

    public static string ExtensionOf(TapFormat format) => format switch
    {
        TapFormat.JsonBodyAsBytes or TapFormat.JsonBodyAsString => ".json",
        TapFormat.ProtoText => ".pb_text",
        TapFormat.ProtoBinary => ".pb",
        _ => ".pb_length_delimited",
    };

    /// <summary>A message within; ended by <see cref="Close"/>.</summary>
    public abstract void Open(string name, int number);
    public abstract void Close();
    /// <summary>A repeated message: each item is an <see cref="Open"/> with the same name and number.</summary>
    public virtual void OpenList(string name) { }
    public virtual void CloseList() { }
    public abstract void Text(string name, int number, ReadOnlySpan<byte> utf8);
    public abstract void Bytes(string name, int number, ReadOnlySpan<byte> value);
    public abstract void Number(string name, int number, ulong value);
    public abstract void Truth(string name, int number, bool value);
    /// <summary>A google.protobuf.Timestamp; microseconds since the Unix epoch.</summary>
    public abstract void Time(string name, int number, long micros);
    /// <summary>The whole message. Nothing can be written after it.</summary>
    public abstract byte[] Finish();

    private sealed class Json : TapEncoder
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();
        private readonly Utf8JsonWriter _json;
        private int _depth, _listAt = -1; // how many are open, and within how many the list is

        public Json()
        {
            _json = new Utf8JsonWriter(_bytes, new JsonWriterOptions { Indented = true });
            _json.WriteStartObject();
        }

        public override void Open(string name, int number)
        {
            if (_depth++ == _listAt) _json.WriteStartObject(); else _json.WriteStartObject(name);
        }

        public override void Close()
        {
            _depth--;
            _json.WriteEndObject();
        }

        public override void OpenList(string name)
        {
            _json.WriteStartArray(name);
            _listAt = _depth;
        }

        public override void CloseList()
        {
            _json.WriteEndArray();
            _listAt = -1;
        }

        // What is no UTF-8 is replaced, as it cannot be said in JSON.
        public override void Text(string name, int number, ReadOnlySpan<byte> utf8)
            => _json.WriteString(name, Encoding.UTF8.GetString(utf8));

        public override void Bytes(string name, int number, ReadOnlySpan<byte> value) => _json.WriteBase64String(name, value);
        // 64-bit numbers are texts in the JSON of protocol buffers.
        public override void Number(string name, int number, ulong value)
            => _json.WriteString(name, value.ToString(CultureInfo.InvariantCulture));

        public override void Truth(string name, int number, bool value) => _json.WriteBoolean(name, value);

        public override void Time(string name, int number, long micros)
            => _json.WriteString(name, DateTimeOffset.UnixEpoch.AddTicks(micros * 10).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'",
                CultureInfo.InvariantCulture));

        public override byte[] Finish()
        {
            _json.WriteEndObject();
            _json.Flush();
            _bytes.Write("\n"u8);
            return _bytes.WrittenSpan.ToArray();
        }
    }

    private sealed class Binary(bool delimited) : TapEncoder
    {
        private readonly ByteWriter _bytes = new();
        private readonly Stack<int> _open = new();

        public override void Open(string name, int number) => _open.Push(ProtoWriter.Begin(_bytes, number));
        public override void Close() => ProtoWriter.End(_bytes, _open.Pop());
        public override void Text(string name, int number, ReadOnlySpan<byte> utf8) => ProtoWriter.Field(_bytes, number, utf8);
        public override void Bytes(string name, int number, ReadOnlySpan<byte> value) => ProtoWriter.Field(_bytes, number, value);
        public override void Number(string name, int number, ulong value) => ProtoWriter.Number(_bytes, number, value);
        public override void Truth(string name, int number, bool value) => ProtoWriter.Truth(_bytes, number, value);

        public override void Time(string name, int number, long micros)
        {
            Open(name, number);
            ProtoWriter.Number(_bytes, 1, (ulong)(micros / 1_000_000));
            ProtoWriter.Number(_bytes, 2, (ulong)(micros % 1_000_000 * 1000));
            Close();
        }

        public override byte[] Finish()
        {
            if (!delimited) return _bytes.Written.ToArray();
            var framed = new ByteWriter();
            ProtoWriter.Varint(framed, (ulong)_bytes.Length);
            framed.Write(_bytes.Written);
            return framed.Written.ToArray();
        }
    }

    private sealed class Lines : TapEncoder
    {
        private readonly StringBuilder _text = new();
        private int _depth;

        public override void Open(string name, int number)
        {
            Begin(name).Append(" {\n");
            _depth++;
        }

        public override void Close()
        {
            _depth--;
            _text.Append(' ', _depth * 2).Append("}\n");
        }

        public override void Text(string name, int number, ReadOnlySpan<byte> utf8) => Bytes(name, number, utf8);

        public override void Bytes(string name, int number, ReadOnlySpan<byte> value)
        {
            Begin(name).Append(": \"");
            foreach (byte b in value)
                _ = b switch
                {
                    (byte)'"' => _text.Append("\\\""),
                    (byte)'\\' => _text.Append("\\\\"),
                    (byte)'\n' => _text.Append("\\n"),
                    (byte)'\r' => _text.Append("\\r"),
                    (byte)'\t' => _text.Append("\\t"),
                    >= 0x20 and < 0x7F => _text.Append((char)b),
                    _ => _text.Append('\\').Append(Convert.ToString(b, 8).PadLeft(3, '0')),
                };
            _text.Append("\"\n");
        }

        public override void Number(string name, int number, ulong value) => Begin(name).Append(": ").Append(value).Append('\n');
        public override void Truth(string name, int number, bool value) => Begin(name).Append(value ? ": true\n" : ": false\n");

        public override void Time(string name, int number, long micros)
        {
            Open(name, number);
            Number("seconds", 1, (ulong)(micros / 1_000_000));
            Number("nanos", 2, (ulong)(micros % 1_000_000 * 1000));
            Close();
        }

        public override byte[] Finish() => Encoding.UTF8.GetBytes(_text.ToString());

        private StringBuilder Begin(string name) => _text.Append(' ', _depth * 2).Append(name);
    }
}
