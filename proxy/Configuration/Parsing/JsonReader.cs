using System.Text;
using System.Text.Json;

namespace Managed.Proxy.Configuration.Parsing;

/// <summary>Reads strict JSON (RFC 8259): no comments, no trailing commas, and a member twice only in a bootstrap file of Envoy.</summary>
internal ref struct JsonReader
{
    private readonly ReadOnlySpan<byte> _utf8;
    private readonly ConfigSource _source;
    private readonly TextPosition _position = new();
    private Utf8JsonReader _reader;
    private readonly ReadIssues _issues = new();
    private int _nodes;

    private JsonReader(ReadOnlySpan<byte> utf8, ConfigSource source)
    {
        _utf8 = utf8;
        _source = source;
        _reader = new(utf8, new JsonReaderOptions { MaxDepth = DocumentLimits.MaxDepth });
    }

    public static ConfigNode? Read(ReadOnlySpan<byte> utf8, ConfigSource source, ConfigErrors errors)
    {
        var reader = new JsonReader(utf8, source);
        try
        {
            reader._reader.Read();
            var node = reader.Value(ConfigPath.Root);
            reader._reader.Read(); // throws on anything after the value
            return reader._issues.Settle(node, errors);
        }
        catch (JsonException e) when (reader._nodes > DocumentLimits.MaxNodes)
        {
            errors.Error(reader.Here(ConfigPath.Root), ConfigCode.MalformedBody, e.Message);
        }
        catch (JsonException e)
        {
            errors.Error(reader.At(e), ConfigCode.MalformedBody, Reason(e));
        }
        catch (InvalidOperationException)
        {
            // An escape such as \ud800 that is no character: the reader finds it when the string is taken.
            errors.Error(reader.Here(ConfigPath.Root), ConfigCode.MalformedBody, "the string holds half of a surrogate pair");
        }
        reader._issues.Report(errors);
        return null;
    }

    private ConfigNode Value(ConfigPath path)
    {
        var origin = Here(path);
        if (++_nodes > DocumentLimits.MaxNodes)
            throw new JsonException($"more than {DocumentLimits.MaxNodes} values");
        switch (_reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return Members(origin, path);
            case JsonTokenType.StartArray:
                var array = new ConfigArray(origin);
                while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
                    array.Add(Value(path.Child(array.Count)));
                return array;
            case JsonTokenType.String:
                return ConfigScalar.String(_reader.GetString()!, origin);
            case JsonTokenType.Number:
                return new ConfigScalar(ConfigScalarKind.Number, Number(Encoding.ASCII.GetString(_reader.ValueSpan)), origin);
            case JsonTokenType.Null:
                return ConfigScalar.Null(origin);
            default:
                return ConfigScalar.Boolean(_reader.TokenType == JsonTokenType.True, origin);
        }
    }

    private ConfigObject Members(ConfigOrigin origin, ConfigPath path)
    {
        var o = new ConfigObject(origin);
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndObject)
        {
            var name = _reader.GetString()!;
            var nameOrigin = Here(path.Child(name));
            _reader.Read();
            var member = new ConfigMember(name, Value(nameOrigin.Path), nameOrigin.Line, nameOrigin.Column);
            if (o.TryAdd(member))
                continue;
            _issues.Twice(nameOrigin, name);
            o.Put(member);
        }
        return o;
    }

    private readonly ConfigOrigin Here(ConfigPath path)
    {
        var (line, column) = _position.Advance(_utf8, (int)_reader.TokenStartIndex);
        return new(_source, path, line, column);
    }

    /// <summary>An integer has one spelling, so that equal documents are equal texts.</summary>
    private static string Number(string text) => text == "-0" ? "0" : text;

    private readonly ConfigOrigin At(JsonException e)
    {
        var line = (int)(e.LineNumber ?? 0);
        var start = 0;
        for (var i = 0; i < line; i++)
            start += _utf8[start..].IndexOf((byte)'\n') + 1;
        var end = Math.Min(_utf8.Length, start + (int)(e.BytePositionInLine ?? 0));
        return new(_source, ConfigPath.Root, line + 1, Encoding.UTF8.GetCharCount(_utf8[start..end]) + 1);
    }

    private static string Reason(JsonException e)
    {
        if (e.Message.Contains("maximum configured depth", StringComparison.OrdinalIgnoreCase))
            return $"nested deeper than {DocumentLimits.MaxDepth} levels";
        var end = e.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return "not valid JSON: " + (end < 0 ? e.Message : e.Message[..end]).TrimEnd('.');
    }
}
