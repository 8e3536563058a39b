using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

internal enum UrlOutcome { Bound, Unknown, Wrong }

/// <summary>
/// What path and query say of a request, as fields of its message: written behind what the body says, where they count instead of it.
/// </summary>
internal sealed class UrlBinder
{
    private const int MostParameters = 1000, MostLevels = 16;

    private readonly ByteWriter _name = new(64), _value = new(256), _json = new(256);
    private readonly string[] _path = new string[MostLevels];

    /// <summary>For people: what was not right.</summary>
    public string Wrong { get; private set; } = "";

    /// <summary>The variables of the template.</summary>
    public bool TryPath(HttpBinding binding, ReadOnlySpan<byte> path, ReadOnlySpan<(int From, int To)> segments,
        TranscoderSettings settings, ByteWriter into)
    {
        for (int i = 0; i < binding.Variables.Length; i++)
        {
            var variable = binding.Template.Variables[i];
            var (from, to) = binding.Template.Part(variable, segments);
            _value.Clear();
            var keep = !variable.IsMulti || settings.Config.UrlUnescapeSpec == UrlUnescapeSpec.AllCharacters ? default
                : settings.Config.UrlUnescapeSpec == UrlUnescapeSpec.AllCharactersExceptSlash ? "/"u8
                : "!#$&'()*+,/:;=?@[]"u8; // RFC 6570 section 1.5
            Unescape(path[from..to], keep, plus: false, _value);
            if (TryAppend(binding.Variables[i], _value.Written, settings, into)) continue;
            Wrong = $"invalid value of {string.Join('.', variable.Field)}";
            return false;
        }
        return true;
    }

    /// <summary>The parameters of the query.</summary>
    public UrlOutcome Query(HttpBinding binding, ReadOnlySpan<byte> query, TranscoderSettings settings, JsonToProto json, ByteWriter into)
    {
        int count = 0;
        bool unknown = false;
        while (!query.IsEmpty)
        {
            int end = query.IndexOf((byte)'&');
            var pair = end < 0 ? query : query[..end];
            query = end < 0 ? default : query[(end + 1)..];
            if (pair.IsEmpty) continue;
            if (++count > MostParameters) { Wrong = "too many query parameters"; return UrlOutcome.Wrong; }
            int equals = pair.IndexOf((byte)'=');
            _name.Clear();
            _value.Clear();
            Unescape(equals < 0 ? pair : pair[..equals], default, settings.Config.QueryParamUnescapePlus, _name);
            if (equals >= 0) Unescape(pair[(equals + 1)..], default, settings.Config.QueryParamUnescapePlus, _value);
            if (settings.Ignores(_name.Written)) continue;
            if (FieldsOf(binding.Method.Input) is not { } fields)
            {
                unknown |= !settings.Config.IgnoreUnknownQueryParameters;
                if (unknown && Wrong.Length == 0) Wrong = $"no field has the name of query parameter {count}";
                continue;
            }
            if (!TryAppend(fields, _value.Written, settings, into, json))
            {
                Wrong = $"invalid value of {string.Join('.', fields.Select(f => f.Name))}";
                return UrlOutcome.Wrong;
            }
        }
        return unknown ? UrlOutcome.Unknown : UrlOutcome.Bound;
    }

    public void Reset()
    {
        Wrong = "";
        _name.Release(keep: 4096);
        _value.Release(keep: 16 * 1024);
        _json.Release(keep: 16 * 1024);
    }

    private ProtoField[]? FieldsOf(ProtoMessage message)
    {
        var name = _name.Written;
        int levels = 0;
        while (true)
        {
            if (levels == MostLevels) return null;
            int dot = name.IndexOf((byte)'.');
            _path[levels++] = Encoding.UTF8.GetString(dot < 0 ? name : name[..dot]);
            if (dot < 0) return HttpBinding.FieldPath(message, _path.AsSpan(0, levels));
            name = name[(dot + 1)..];
        }
    }

    private bool TryAppend(ProtoField[] fields, ReadOnlySpan<byte> text, TranscoderSettings settings, ByteWriter into,
        JsonToProto? json = null)
    {
        Span<int> open = stackalloc int[MostLevels];
        if (fields.Length > MostLevels) return false;
        for (int i = 0; i < fields.Length - 1; i++) open[i] = ProtoWriter.Begin(into, fields[i].Number);
        var last = fields[^1];
        if (last.Message is null)
        {
            if (!ProtoScalar.TryWrite(last, text, settings.Config.CaseInsensitiveEnumParsing, into)) return false;
        }
        else if (json is null || !TryKnown(last, text, settings, json, into)) return false;
        for (int i = fields.Length - 2; i >= 0; i--) ProtoWriter.End(into, open[i]);
        return true;
    }

    // Times, field masks and wrappers, whose JSON is one value.
    private bool TryKnown(ProtoField field, ReadOnlySpan<byte> text, TranscoderSettings settings, JsonToProto json, ByteWriter into)
    {
        string name = field.Message!.Name;
        if (field.IsMap || !WellKnownJson.IsWellKnown(name)) return false;
        if (name is "google.protobuf.Timestamp" or "google.protobuf.Duration" or "google.protobuf.FieldMask")
        {
            _json.Clear();
            if (field.IsRepeated) _json.Write((byte)'[');
            ProtoToJson.Text(text, _json);
            if (field.IsRepeated) _json.Write((byte)']');
            return json.TryField(_json.Written, field, into, out _);
        }
        if (!name.EndsWith("Value", StringComparison.Ordinal) || name is "google.protobuf.Value" or "google.protobuf.ListValue"
            || field.Message.Find(1) is not { Message: null } inner) return false;
        int at = ProtoWriter.Begin(into, field.Number);
        if (!ProtoScalar.TryWrite(inner, text, settings.Config.CaseInsensitiveEnumParsing, into)) return false;
        ProtoWriter.End(into, at);
        return true;
    }

    private static void Unescape(ReadOnlySpan<byte> text, ReadOnlySpan<byte> keep, bool plus, ByteWriter into)
    {
        for (int i = 0; i < text.Length; i++)
        {
            byte b = text[i];
            if (b == '%' && i + 2 < text.Length && Hex(text[i + 1]) is >= 0 and var high && Hex(text[i + 2]) is >= 0 and var low)
            {
                byte decoded = (byte)(high * 16 + low);
                if (keep.IndexOf(decoded) < 0)
                {
                    into.Write(decoded);
                    i += 2;
                    continue;
                }
            }
            into.Write(plus && b == '+' ? (byte)' ' : b);
        }
    }

    private static int Hex(byte digit) => digit switch
    {
        >= (byte)'0' and <= (byte)'9' => digit - '0',
        >= (byte)'a' and <= (byte)'f' => digit - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => digit - 'A' + 10,
        _ => -1,
    };

    /// <summary>Whether what the URL says of a field the body says otherwise.</summary>
    public static bool Collides(HttpBinding binding, ReadOnlySpan<byte> body, ReadOnlySpan<byte> url)
        => Collides(binding.Method.Input, body, url, MostLevels);

    private static bool Collides(ProtoMessage type, ReadOnlySpan<byte> body, ReadOnlySpan<byte> url, int depth)
    {
        while (depth > 0 && !url.IsEmpty && ProtoReader.TryNext(ref url, out int number, out int wire, out var bytes, out ulong value))
        {
            if (type.Find(number) is not { IsRepeated: false } field) continue;
            bool found = false, same = true;
            var rest = body;
            while (!rest.IsEmpty && ProtoReader.TryNext(ref rest, out int other, out _, out var otherBytes, out ulong otherValue))
            {
                if (other != number) continue;
                found = true;
                if (field.Message is { } inner) same &= !Collides(inner, otherBytes, bytes, depth - 1);
                else same = wire == 0 ? otherValue == value : otherBytes.SequenceEqual(bytes);
            }
            if (found && !same) return true;
        }
        return false;
    }
}
