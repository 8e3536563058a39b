using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Managed.Proxy.Http.Filters.JsonToMetadata;

/// <summary>
/// Reads a text of JSON (RFC 8259) once, strictly, and takes the values that are looked for. No tree is made of it and nothing is thrown,
/// whatever a client sends; its depth is bounded.
/// </summary>
internal ref struct JsonWalk(ReadOnlySpan<byte> json, object?[] found)
{
    public const int MaxDepth = 100, MaxText = 8 * 1024; // MAX_PAYLOAD_VALUE_LEN of Envoy's filter

    /// <summary>In place of a value that is no text, number or truth, or too long.</summary>
    public static readonly object Other = new();

    private readonly ReadOnlySpan<byte> _json = json;
    private readonly object?[] _found = found;
    private int _at;

    /// <summary>False: it is not JSON, or too deep. Otherwise each rule's value is in the array; null where there is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> json, JsonPaths paths, object?[] found)
    {
        var walk = new JsonWalk(json, found);
        if (!Utf8.IsValid(json) || !walk.Value(paths, 0)) return false;
        walk.Space();
        return walk._at == json.Length;
    }

    private readonly byte Next => _at < _json.Length ? _json[_at] : (byte)0;

    private void Space()
    {
        while (_at < _json.Length && _json[_at] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r') _at++;
    }

    private bool Take(byte expected)
    {
        Space();
        if (Next != expected) return false;
        _at++;
        return true;
    }

    private bool Value(JsonPaths? paths, int depth)
    {
        Space();
        int start = _at;
        switch (Next)
        {
            case (byte)'{':
                Keep(paths, Other);
                return depth < MaxDepth && Members(paths, depth + 1);
            case (byte)'[':
                Keep(paths, Other);
                return depth < MaxDepth && Items(depth + 1);
            case (byte)'"':
                if (!Text()) return false;
                if (paths is { Rules.Count: > 0 }) Keep(paths, Unescaped(_json[(start + 1)..(_at - 1)]));
                return true;
            case (byte)'t': return Word("true"u8, paths, true);
            case (byte)'f': return Word("false"u8, paths, false);
            case (byte)'n': return Word("null"u8, paths, Other);
            default: return Number(paths);
        }
    }

    private bool Members(JsonPaths? paths, int depth)
    {
        _at++;
        if (Take((byte)'}')) return true;
        do
        {
            Space();
            int start = _at;
            if (Next != '"' || !Text()) return false;
            var below = paths is null ? null : Below(paths, _json[(start + 1)..(_at - 1)]);
            if (!Take((byte)':') || !Value(below, depth)) return false;
        }
        while (Take((byte)','));
        return Take((byte)'}');
    }

    private bool Items(int depth)
    {
        _at++;
        if (Take((byte)']')) return true;
        do
        {
            if (!Value(null, depth)) return false;
        }
        while (Take((byte)','));
        return Take((byte)']');
    }

    private bool Text()
    {
        _at++;
        while (_at < _json.Length)
        {
            int n = _json[_at..].IndexOfAny((byte)'"', (byte)'\\');
            if (n < 0 || _json.Slice(_at, n).ContainsAnyInRange((byte)0, (byte)0x1F)) return false;
            _at += n + 1;
            if (_json[_at - 1] == '"') return true;
            switch (Next)
            {
                case (byte)'"' or (byte)'\\' or (byte)'/' or (byte)'b' or (byte)'f' or (byte)'n' or (byte)'r' or (byte)'t':
                    _at++;
                    break;
                case (byte)'u':
                    if (_json.Length - _at < 5 || !TryHex(_json.Slice(_at + 1, 4), out _)) return false;
                    _at += 5;
                    break;
                default: return false;
            }
        }
        return false;
    }

    private bool Word(ReadOnlySpan<byte> word, JsonPaths? paths, object value)
    {
        if (!_json[_at..].StartsWith(word)) return false;
        _at += word.Length;
        Keep(paths, value);
        return true;
    }

    private bool Number(JsonPaths? paths)
    {
        int start = _at;
        if (Next == '-') _at++;
        if (Next == '0') _at++;
        else if (!Digits()) return false;
        bool whole = true;
        if (Next == '.')
        {
            whole = false;
            _at++;
            if (!Digits()) return false;
        }
        if (Next is (byte)'e' or (byte)'E')
        {
            whole = false;
            _at++;
            if (Next is (byte)'+' or (byte)'-') _at++;
            if (!Digits()) return false;
        }
        if (paths is not { Rules.Count: > 0 }) return true;
        var text = _json[start.._at];
        Keep(paths, whole && long.TryParse(text, CultureInfo.InvariantCulture, out long integer) ? integer
            : double.TryParse(text, CultureInfo.InvariantCulture, out double number) ? number : Other);
        return true;
    }

    private bool Digits()
    {
        int start = _at;
        while (Next is >= (byte)'0' and <= (byte)'9') _at++;
        return _at > start;
    }

    // Of several members of one name the last counts.
    private readonly void Keep(JsonPaths? paths, object value)
    {
        if (paths is null) return;
        for (int i = 0; i < paths.Rules.Count; i++) _found[paths.Rules[i]] = value;
    }

    private static JsonPaths? Below(JsonPaths paths, ReadOnlySpan<byte> key)
        => !key.Contains((byte)'\\') ? paths.Find(key) : key.Length <= 6 * 256 && Unescaped(key) is string text
            ? paths.Find(Encoding.UTF8.GetBytes(text)) : null;

    private static object Unescaped(ReadOnlySpan<byte> text)
    {
        if (text.Length > 6 * MaxText) return Other;
        if (!text.Contains((byte)'\\')) return text.Length > MaxText ? Other : Encoding.UTF8.GetString(text);
        var plain = new StringBuilder();
        while (!text.IsEmpty)
        {
            int n = text.IndexOf((byte)'\\');
            if (n != 0)
            {
                plain.Append(Encoding.UTF8.GetString(n < 0 ? text : text[..n]));
                text = n < 0 ? default : text[n..];
                continue;
            }
            byte kind = text[1];
            int length = 2;
            if (kind == 'u')
            {
                TryHex(text.Slice(2, 4), out int unit);
                plain.Append((char)unit);
                length = 6;
            }
            else plain.Append(kind switch { (byte)'b' => '\b', (byte)'f' => '\f', (byte)'n' => '\n', (byte)'r' => '\r',
                (byte)'t' => '\t', _ => (char)kind });
            text = text[length..];
        }
        return plain.Length > MaxText ? Other : plain.ToString();
    }

    private static bool TryHex(ReadOnlySpan<byte> digits, out int value)
        => System.Buffers.Text.Utf8Parser.TryParse(digits, out value, out int used, 'x') && used == 4;
}
