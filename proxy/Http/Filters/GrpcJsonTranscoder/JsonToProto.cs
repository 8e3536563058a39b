using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>
/// Messages from JSON (protobuf.dev, "ProtoJSON format") to the wire. Members that no field has are passed over, as in Envoy; what is of
/// another type than its field is an error. At most <see cref="MaxDepth"/> levels.
/// </summary>
internal sealed class JsonToProto(DescriptorSet types, bool anyCase)
{
    public const int MaxDepth = 64;

    private readonly ByteWriter _text = new(256);
    private string _place = "";

    /// <summary>Writes the fields of a message; false with the reason.</summary>
    public bool TryMessage(ReadOnlySpan<byte> json, ProtoMessage type, ByteWriter into, out string wrong)
    {
        var text = new JsonText(json);
        _place = "";
        bool ok = Message(ref text, type, into, MaxDepth) && text.Peek() == 0 && text.Position == json.Length;
        wrong = ok ? "" : _place.Length > 0 ? $"invalid value of {_place}" : $"invalid JSON at byte {text.Position}";
        return ok;
    }

    /// <summary>Writes a field with its tag from a value of JSON; false with the reason.</summary>
    public bool TryField(ReadOnlySpan<byte> json, ProtoField field, ByteWriter into, out string wrong)
    {
        var text = new JsonText(json);
        _place = "";
        bool ok = Field(ref text, field, into, MaxDepth) && text.Peek() == 0 && text.Position == json.Length;
        wrong = ok ? "" : _place.Length > 0 ? $"invalid value of {_place}" : $"invalid JSON at byte {text.Position}";
        return ok;
    }

    private bool Message(ref JsonText json, ProtoMessage type, ByteWriter into, int depth)
    {
        if (depth == 0) return Wrong("what is nested too deep");
        if (WellKnownJson.IsWellKnown(type.Name)) return WellKnown(ref json, type, into, depth);
        if (!json.Take((byte)'{')) return false;
        if (json.Take((byte)'}')) return true;
        do
        {
            _text.Clear();
            if (!json.TryString(_text) || !json.Take((byte)':')) return false;
            var field = type.Find(_text.Written);
            if (field is null ? !json.Skip(depth - 1, _text) : !Field(ref json, field, into, depth)) return false;
        }
        while (json.Take((byte)','));
        return json.Take((byte)'}');
    }

    private bool Field(ref JsonText json, ProtoField field, ByteWriter into, int depth)
    {
        // Null is the default of everything but of a Value, for which it is one.
        if (json.Peek() == 'n' && !(field.Message?.Name == "google.protobuf.Value" && !field.IsRepeated)) return json.TryWord("null"u8);
        if (field.IsMap) return Map(ref json, field, into, depth);
        if (!field.IsRepeated) return One(ref json, field, into, depth) || Wrong(field.Name);
        if (!json.Take((byte)'[')) return Wrong(field.Name);
        if (json.Take((byte)']')) return true;
        do
            if (!One(ref json, field, into, depth)) return Wrong(field.Name);
        while (json.Take((byte)','));
        return json.Take((byte)']');
    }

    private bool One(ref JsonText json, ProtoField field, ByteWriter into, int depth)
    {
        if (field.Message is { } message)
        {
            int at = ProtoWriter.Begin(into, field.Number);
            if (!Message(ref json, message, into, depth - 1)) return false;
            ProtoWriter.End(into, at);
            return true;
        }
        _text.Clear();
        switch (json.Peek())
        {
            case (byte)'"':
                // A truth is no text.
                return field.Type != ProtoType.Bool && json.TryString(_text) && ProtoScalar.TryWrite(field, _text.Written, anyCase, into);
            case (byte)'t' or (byte)'f' when field.Type == ProtoType.Bool:
                bool value = json.Peek() == 't';
                return json.TryWord(value ? "true"u8 : "false"u8)
                    && ProtoScalar.TryWrite(field, value ? "true"u8 : "false"u8, false, into);
            case (byte)'-' or >= (byte)'0' and <= (byte)'9':
                return field.Type is not (ProtoType.String or ProtoType.Bytes or ProtoType.Bool) && json.TryNumber(out var number)
                    && ProtoScalar.TryWrite(field, number, false, into);
            default: return false;
        }
    }

    private bool Map(ref JsonText json, ProtoField field, ByteWriter into, int depth)
    {
        ProtoField? key = field.Message!.Find(1), value = field.Message.Find(2);
        if (key is null || value is null || !json.Take((byte)'{')) return Wrong(field.Name);
        if (json.Take((byte)'}')) return true;
        do
        {
            int at = ProtoWriter.Begin(into, field.Number);
            _text.Clear();
            if (!json.TryString(_text) || !json.Take((byte)':') || !ProtoScalar.TryWrite(key, _text.Written, false, into)
                || !One(ref json, value, into, depth - 1)) return Wrong(field.Name);
            ProtoWriter.End(into, at);
        }
        while (json.Take((byte)','));
        return json.Take((byte)'}');
    }

    private bool WellKnown(ref JsonText json, ProtoMessage type, ByteWriter into, int depth)
    {
        switch (type.Name)
        {
            case "google.protobuf.Timestamp" or "google.protobuf.Duration":
                _text.Clear();
                if (!json.TryString(_text)) return false;
                bool isTime = type.Name.EndsWith("Timestamp", StringComparison.Ordinal);
                if (!(isTime ? WellKnownJson.TryTimestamp(_text.Written, out long seconds, out int nanos)
                    : WellKnownJson.TryDuration(_text.Written, out seconds, out nanos))) return false;
                if (seconds != 0) ProtoScalar.Number(into, 1, (ulong)seconds);
                if (nanos != 0) ProtoScalar.Number(into, 2, (ulong)nanos);
                return true;
            case "google.protobuf.FieldMask":
                _text.Clear();
                if (!json.TryString(_text)) return false;
                foreach (var path in Encoding.UTF8.GetString(_text.Written).Split(',', StringSplitOptions.RemoveEmptyEntries))
                    ProtoScalar.Bytes(into, 1, Encoding.UTF8.GetBytes(WellKnownJson.Snake(path)));
                return true;
            case "google.protobuf.Struct": return Struct(ref json, into, depth);
            case "google.protobuf.ListValue": return List(ref json, into, depth);
            case "google.protobuf.Value": return Value(ref json, into, depth);
            case "google.protobuf.Any": return Any(ref json, into, depth);
            default: // a wrapper
                return type.Find(1) is { } inner && One(ref json, inner, into, depth);
        }
    }

    private bool Value(ref JsonText json, ByteWriter into, int depth)
    {
        if (depth == 0) return false;
        _text.Clear();
        switch (json.Peek())
        {
            case (byte)'n':
                ProtoScalar.Number(into, 1, 0);
                return json.TryWord("null"u8);
            case (byte)'t':
                ProtoScalar.Number(into, 4, 1);
                return json.TryWord("true"u8);
            case (byte)'f':
                ProtoScalar.Number(into, 4, 0);
                return json.TryWord("false"u8);
            case (byte)'"':
                if (!json.TryString(_text)) return false;
                ProtoScalar.Bytes(into, 3, _text.Written);
                return true;
            case (byte)'{' or (byte)'[':
                bool isStruct = json.Peek() == '{';
                int at = ProtoWriter.Begin(into, isStruct ? 5 : 6);
                if (!(isStruct ? Struct(ref json, into, depth - 1) : List(ref json, into, depth - 1))) return false;
                ProtoWriter.End(into, at);
                return true;
            default:
                if (!json.TryNumber(out var number) || !ProtoScalar.TryDouble(number, out double value)) return false;
                ProtoScalar.Double(into, 2, value);
                return true;
        }
    }

    private bool Struct(ref JsonText json, ByteWriter into, int depth)
    {
        if (depth == 0 || !json.Take((byte)'{')) return false;
        if (json.Take((byte)'}')) return true;
        do
        {
            int at = ProtoWriter.Begin(into, 1);
            _text.Clear();
            if (!json.TryString(_text) || !json.Take((byte)':')) return false;
            ProtoScalar.Bytes(into, 1, _text.Written);
            int value = ProtoWriter.Begin(into, 2);
            if (!Value(ref json, into, depth - 1)) return false;
            ProtoWriter.End(into, value);
            ProtoWriter.End(into, at);
        }
        while (json.Take((byte)','));
        return json.Take((byte)'}');
    }

    private bool List(ref JsonText json, ByteWriter into, int depth)
    {
        if (depth == 0 || !json.Take((byte)'[')) return false;
        if (json.Take((byte)']')) return true;
        do
        {
            int at = ProtoWriter.Begin(into, 1);
            if (!Value(ref json, into, depth - 1)) return false;
            ProtoWriter.End(into, at);
        }
        while (json.Take((byte)','));
        return json.Take((byte)']');
    }

    // Its @type says what the rest is, and need not stand first: so it is looked for, then the object is read again.
    private bool Any(ref JsonText json, ByteWriter into, int depth)
    {
        json.Peek();
        int from = json.Position;
        if (depth == 0 || !json.Skip(depth, _text)) return false;
        var whole = json.Since(from);
        string? url = null;
        int valueFrom = -1, valueTo = -1;
        var look = new JsonText(whole);
        if (!look.Take((byte)'{')) return false;
        if (look.Take((byte)'}')) return true;
        do
        {
            _text.Clear();
            if (!look.TryString(_text) || !look.Take((byte)':')) return false;
            bool isType = _text.Written.SequenceEqual("@type"u8), isValue = _text.Written.SequenceEqual("value"u8);
            look.Peek();
            int begin = look.Position;
            _text.Clear();
            if (isType ? !look.TryString(_text) : !look.Skip(depth, _text)) return false;
            if (isType) url = Encoding.UTF8.GetString(_text.Written);
            if (isValue) (valueFrom, valueTo) = (begin, look.Position);
        }
        while (look.Take((byte)','));
        if (url is null || !types.Messages.TryGetValue(url[(url.LastIndexOf('/') + 1)..], out var type)) return Wrong("@type");
        ProtoScalar.Bytes(into, 1, Encoding.UTF8.GetBytes(url));
        int at = ProtoWriter.Begin(into, 2);
        bool boxed = WellKnownJson.IsWellKnown(type.Name);
        if (boxed && valueFrom < 0) return Wrong("@type");
        var inner = new JsonText(boxed ? whole[valueFrom..valueTo] : whole);
        if (!Message(ref inner, type, into, depth - 1)) return false;
        ProtoWriter.End(into, at);
        return true;
    }

    private bool Wrong(string place)
    {
        if (_place.Length == 0) _place = place;
        return false;
    }
}
