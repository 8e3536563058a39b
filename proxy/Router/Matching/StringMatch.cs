using System.Buffers;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Router.Matching;

internal enum StringTest : byte { Exact, Prefix, Suffix, Contains, Regex }

/// <summary>A compiled StringMatcher: a test of bytes that allocates nothing.</summary>
internal sealed class StringMatch
{
    private readonly StringTest _test;
    private readonly bool _ignoreCase;
    private readonly byte[] _value;
    private readonly LinearRegex? _regex;

    private StringMatch(StringTest test, string value, bool ignoreCase, LinearRegex? regex)
    {
        _test = test;
        _value = Encoding.UTF8.GetBytes(value);
        _ignoreCase = ignoreCase;
        _regex = regex;
    }

    public static StringMatch Of(StringTest test, string value, bool ignoreCase = false) => new(test, value, ignoreCase, null);

    /// <summary>
    /// Null with errors added when the expression is wrong, or null alone when the binder has reported that nothing is given.
    /// </summary>
    public static StringMatch? Of(RegexMatcherConfig config, ConfigErrors errors)
        => LinearRegex.Compile(config.Regex, ignoreCase: false, errors, Place.Of(config, "regex")) is { } regex
            ? new StringMatch(StringTest.Regex, config.Regex, false, regex) : null;

    public static StringMatch? Of(StringMatcherConfig config, ConfigErrors errors) => config switch
    {
        { Exact: { } text } => Of(StringTest.Exact, text, config.IgnoreCase),
        { Prefix: { } text } => Of(StringTest.Prefix, text, config.IgnoreCase),
        { Suffix: { } text } => Of(StringTest.Suffix, text, config.IgnoreCase),
        { Contains: { } text } => Of(StringTest.Contains, text, config.IgnoreCase),
        { SafeRegex: { } regex } => Of(regex, errors),
        _ => null,
    };

    public bool IsMatch(ReadOnlySpan<byte> value)
    {
        var work = new MatchWork();
        return IsMatch(value, ref work);
    }

    /// <summary>False, with the work given up, when an expression cannot be asked.</summary>
    public bool IsMatch(ReadOnlySpan<byte> value, ref MatchWork work) => _test switch
    {
        StringTest.Exact => value.Length == _value.Length && Same(value, _value),
        StringTest.Prefix => value.Length >= _value.Length && Same(value[.._value.Length], _value),
        StringTest.Suffix => value.Length >= _value.Length && Same(value[^_value.Length..], _value),
        StringTest.Contains => Contains(value),
        _ => _regex!.IsMatch(value, ref work),
    };

    /// <summary>The same for a text, in UTF-8.</summary>
    public bool IsMatch(string value, ref MatchWork work)
    {
        int most = Encoding.UTF8.GetMaxByteCount(value.Length);
        byte[]? rented = most > 512 ? ArrayPool<byte>.Shared.Rent(most) : null;
        Span<byte> bytes = rented ?? stackalloc byte[512];
        bool matches = IsMatch(bytes[..Encoding.UTF8.GetBytes(value, bytes)], ref work);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return matches;
    }

    private bool Same(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => _ignoreCase ? AsciiCase.Same(a, b) : a.SequenceEqual(b);

    private bool Contains(ReadOnlySpan<byte> value)
    {
        if (!_ignoreCase) return value.IndexOf(_value) >= 0;
        for (int i = 0; i + _value.Length <= value.Length; i++)
            if (Same(value.Slice(i, _value.Length), _value)) return true;
        return false;
    }

    public override string ToString() => $"{_test.ToString().ToLowerInvariant()} '{Encoding.UTF8.GetString(_value)}'";
}
