using System.Globalization;
using Managed.Proxy.Configuration;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>
/// What a request asks of its endpoint's metadata (<c>envoy.lb</c>): keys with their values, each once, in the order of the keys. Reused by
/// a stream for what its route and its filters say together; those of routes do not change.
/// </summary>
internal sealed class SubsetCriteria
{
    // What no key and no value is likely to have in it; one that has can at most find nothing.
    private const char EndOfKey = '\u0001', EndOfValue = '\u0002';

    private readonly List<(string Key, string Value)> _pairs = [];
    private char[] _text = new char[128], _keys = new char[64];
    private int _textLength, _keysLength;

    /// <summary>Null: there are none.</summary>
    public static SubsetCriteria? Of(params ReadOnlySpan<ConfigObject?> levels)
    {
        SubsetCriteria? made = null;
        foreach (var level in levels)
            foreach (var (key, value) in level?.Members ?? [])
                (made ??= new SubsetCriteria()).Set(key, TextOf(value));
        made?.Compose();
        return made;
    }

    public int Count => _pairs.Count;
    /// <summary>Names the subset: all keys and values.</summary>
    public ReadOnlySpan<char> Text => _text.AsSpan(0, _textLength);
    /// <summary>Names the selector: all keys.</summary>
    public ReadOnlySpan<char> Keys => _keys.AsSpan(0, _keysLength);

    public void Clear() => _pairs.Clear();

    public void CopyFrom(SubsetCriteria? other)
    {
        _pairs.Clear();
        if (other is not null) _pairs.AddRange(other._pairs);
    }

    /// <summary>Of what there is, or of others', only those whose keys are among these.</summary>
    public void Keep(SubsetCriteria of, string[] keys)
    {
        if (of != this) CopyFrom(of);
        for (int i = _pairs.Count - 1; i >= 0; i--)
            if (Array.IndexOf(keys, _pairs[i].Key) < 0) _pairs.RemoveAt(i);
        Compose();
    }

    /// <summary>In place of a value that the key has; <see cref="Compose"/> when all are set.</summary>
    public void Set(string key, string value)
    {
        int at = 0;
        while (at < _pairs.Count && string.CompareOrdinal(_pairs[at].Key, key) < 0) at++;
        if (at < _pairs.Count && _pairs[at].Key == key) _pairs[at] = (key, value); else _pairs.Insert(at, (key, value));
    }

    public void Compose()
    {
        _textLength = _keysLength = 0;
        foreach (var (key, value) in _pairs)
        {
            Append(ref _keys, ref _keysLength, key, EndOfKey);
            Append(ref _text, ref _textLength, key, EndOfKey);
            Append(ref _text, ref _textLength, value, EndOfValue);
        }
    }

    private static void Append(ref char[] into, ref int length, string text, char end)
    {
        if (into.Length < length + text.Length + 1) Array.Resize(ref into, Math.Max(into.Length * 2, length + text.Length + 1));
        text.CopyTo(into.AsSpan(length));
        length += text.Length;
        into[length++] = end;
    }

    /// <summary>A value as it is compared: kinds do not meet, <c>"1"</c> is not <c>1</c>.</summary>
    public static string TextOf(ConfigNode value) => value switch
    {
        ConfigScalar { Kind: ConfigScalarKind.String } text => "s" + text.Text,
        ConfigScalar { Kind: ConfigScalarKind.Number } number
            when double.TryParse(number.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double parsed) => OfNumber(parsed),
        ConfigScalar { Kind: ConfigScalarKind.Boolean } flag => flag.Text == "true" ? "b1" : "b0",
        ConfigArray list => "l" + string.Join('\u0003', list.Select(TextOf)),
        ConfigScalar => "n",
        _ => "o" + System.Text.Encoding.UTF8.GetString(value.ToJson()),
    };

    /// <summary>The same of what a filter has left; null: nothing that could be compared.</summary>
    public static string? TextOf(object? value) => value switch
    {
        string text => Known.Of(text),
        double number => OfNumber(number),
        long number => OfNumber(number),
        int number => OfNumber(number),
        bool flag => flag ? "b1" : "b0",
        _ => null,
    };

    private static string OfNumber(double number) => "d" + number.ToString("R", CultureInfo.InvariantCulture);

    // What filters leave is nearly always one of a few values, and a new text for each request would be an allocation.
    private static class Known
    {
        [ThreadStatic] private static Dictionary<string, string>? t_known;

        public static string Of(string text)
        {
            var known = t_known ??= [];
            if (known.TryGetValue(text, out string? there)) return there;
            if (known.Count >= 256) known.Clear();
            return known[text] = "s" + text;
        }
    }
}
