using System.Globalization;
using System.Text;

namespace Managed.Proxy.Core.Json;

/// <summary>
/// Reads JSON (RFC 8259) that comes from the network: wrong text is an answer, not an exception. Objects become
/// <c>Dictionary&lt;string, object?&gt;</c> (of a name given twice the last counts), arrays <c>List&lt;object?&gt;</c>, numbers
/// <c>double</c>. At most 32 levels deep; its cost is linear in its length.
/// </summary>
public static class JsonTree
{
    private const int MaxDepth = 32;

    /// <summary>False: it is no JSON, or too deep.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out object? value)
    {
        int at = 0;
        return Value(text, ref at, MaxDepth, out value) && Space(text, ref at) == text.Length;
    }

    /// <summary>The same where only an object will do.</summary>
    public static bool TryReadObject(ReadOnlySpan<byte> text, out Dictionary<string, object?> members)
    {
        bool read = TryRead(text, out object? value);
        members = value as Dictionary<string, object?> ?? [];
        return read && value is Dictionary<string, object?>;
    }

    private static bool Value(ReadOnlySpan<byte> text, ref int at, int depth, out object? value)
    {
        value = null;
        if (Space(text, ref at) == text.Length || depth == 0) return false;
        switch (text[at])
        {
            case (byte)'{': return Object(text, ref at, depth, out value);
            case (byte)'[': return Array(text, ref at, depth, out value);
            case (byte)'"':
                bool read = String(text, ref at, out string? letters);
                value = letters;
                return read;
            case (byte)'t': value = true; return Word(text, ref at, "true"u8);
            case (byte)'f': value = false; return Word(text, ref at, "false"u8);
            case (byte)'n': return Word(text, ref at, "null"u8);
            default: return Number(text, ref at, out value);
        }
    }

    private static bool Object(ReadOnlySpan<byte> text, ref int at, int depth, out object? value)
    {
        var members = new Dictionary<string, object?>(StringComparer.Ordinal);
        value = members;
        at++;
        if (Space(text, ref at) < text.Length && text[at] == '}') { at++; return true; }
        while (true)
        {
            if (Space(text, ref at) == text.Length || text[at] != '"' || !String(text, ref at, out string? name)) return false;
            if (Space(text, ref at) == text.Length || text[at++] != ':') return false;
            if (!Value(text, ref at, depth - 1, out object? member)) return false;
            members[name!] = member;
            if (Space(text, ref at) == text.Length) return false;
            byte next = text[at++];
            if (next == '}') return true;
            if (next != ',') return false;
        }
    }

    private static bool Array(ReadOnlySpan<byte> text, ref int at, int depth, out object? value)
    {
        var items = new List<object?>();
        value = items;
        at++;
        if (Space(text, ref at) < text.Length && text[at] == ']') { at++; return true; }
        while (true)
        {
            if (!Value(text, ref at, depth - 1, out object? item)) return false;
            items.Add(item);
            if (Space(text, ref at) == text.Length) return false;
            byte next = text[at++];
            if (next == ']') return true;
            if (next != ',') return false;
        }
    }

    private static bool String(ReadOnlySpan<byte> text, ref int at, out string? value)
    {
        value = null;
        int start = ++at;
        bool escaped = false;
        for (; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] < 0x20) return false;
            if (text[at] != '\\') continue;
            escaped = true;
            at++;
        }
        if (at >= text.Length) return false;
        string raw = Encoding.UTF8.GetString(text[start..at]);
        at++;
        value = escaped ? Unescape(raw) : raw;
        return value is not null;
    }

    // Null: a sequence that there is not.
    private static string? Unescape(string raw)
    {
        var text = new StringBuilder(raw.Length);
        for (int i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '\\') { text.Append(raw[i]); continue; }
            switch (raw[++i])
            {
                case '"' or '\\' or '/': text.Append(raw[i]); break;
                case 'b': text.Append('\b'); break;
                case 'f': text.Append('\f'); break;
                case 'n': text.Append('\n'); break;
                case 'r': text.Append('\r'); break;
                case 't': text.Append('\t'); break;
                case 'u':
                    if (i + 4 >= raw.Length || !ushort.TryParse(raw.AsSpan(i + 1, 4), NumberStyles.AllowHexSpecifier,
                        CultureInfo.InvariantCulture, out ushort unit)) return null;
                    text.Append((char)unit);
                    i += 4;
                    break;
                default: return null;
            }
        }
        return text.ToString();
    }

    private static bool Number(ReadOnlySpan<byte> text, ref int at, out object? value)
    {
        int start = at;
        if (text[at] == '-') at++;
        int whole = Digits(text, ref at);
        bool valid = whole == 1 || (whole > 1 && text[at - whole] != '0');
        if (valid && at < text.Length && text[at] == '.') { at++; valid = Digits(text, ref at) > 0; }
        if (valid && at < text.Length && text[at] is (byte)'e' or (byte)'E')
        {
            at++;
            if (at < text.Length && text[at] is (byte)'+' or (byte)'-') at++;
            valid = Digits(text, ref at) > 0;
        }
        double number = 0;
        valid = valid && at - start <= 100
            && double.TryParse(text[start..at], NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
        value = number;
        return valid;
    }

    private static int Digits(ReadOnlySpan<byte> text, ref int at)
    {
        int start = at;
        while (at < text.Length && text[at] is >= (byte)'0' and <= (byte)'9') at++;
        return at - start;
    }

    private static bool Word(ReadOnlySpan<byte> text, ref int at, ReadOnlySpan<byte> word)
    {
        if (!text[at..].StartsWith(word)) return false;
        at += word.Length;
        return true;
    }

    // Where the next token begins.
    private static int Space(ReadOnlySpan<byte> text, ref int at)
    {
        while (at < text.Length && text[at] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r') at++;
        return at;
    }
}
