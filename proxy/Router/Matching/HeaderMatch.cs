using System.Buffers.Text;
using System.Buffers;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Router.Matching;

/// <summary>
/// A compiled HeaderMatcher. Several fields of the name are one value joined by commas, as in Envoy. An absent header matches nothing,
/// inverted or not, unless it is tested for presence or counts as empty.
/// </summary>
internal sealed class HeaderMatch
{
    private readonly HeaderName _name;
    private readonly StringMatch? _value;
    private readonly bool _isRange, _present, _invert, _missingIsEmpty;
    private readonly long _start, _end;

    private HeaderMatch(HeaderMatcherConfig config, StringMatch? value)
    {
        _name = new HeaderName(config.Name);
        _value = value;
        _isRange = config.RangeMatch is not null;
        (_start, _end) = (config.RangeMatch?.Start ?? 0, config.RangeMatch?.End ?? 0);
        _present = config.PresentMatch ?? true;
        _invert = config.InvertMatch;
        _missingIsEmpty = config.TreatMissingHeaderAsEmpty;
    }

    /// <summary>All of them; null when one is wrong, with errors added.</summary>
    public static HeaderMatch[]? CompileAll(IReadOnlyList<HeaderMatcherConfig> configs, ConfigErrors errors)
    {
        if (configs.Count == 0) return [];
        var all = configs.Select(c => Compile(c, errors)).OfType<HeaderMatch>().ToArray();
        return all.Length == configs.Count ? all : null;
    }

    public static HeaderMatch? Compile(HeaderMatcherConfig config, ConfigErrors errors)
    {
        if (!HeaderName.IsValid(config.Name))
        {
            if (config.Name.Length > 0)
                errors.ErrorAt(config.Node, "name", ConfigCode.InvalidValue, $"'{config.Name}' is not a header name");
            return null;
        }
        bool tests = true;
        var value = config switch
        {
            { ExactMatch: { } text } => StringMatch.Of(StringTest.Exact, text),
            { PrefixMatch: { } text } => StringMatch.Of(StringTest.Prefix, text),
            { SuffixMatch: { } text } => StringMatch.Of(StringTest.Suffix, text),
            { ContainsMatch: { } text } => StringMatch.Of(StringTest.Contains, text),
            { SafeRegexMatch: { } regex } => StringMatch.Of(regex, errors),
            { StringMatch: { } match } => StringMatch.Of(match, errors),
            _ => NoTest(out tests),
        };
        return tests && value is null ? null : new HeaderMatch(config, value);
    }

    /// <summary>An expression does not match a value above <see cref="LinearRegex.MaxSubject"/>.</summary>
    public bool IsMatch(HeaderMap headers)
    {
        var work = new MatchWork();
        return IsMatch(headers, ref work);
    }

    /// <summary>No answer, inverted or not, when the work is given up.</summary>
    public bool IsMatch(HeaderMap headers, ref MatchWork work)
    {
        bool present = _name.TryGet(headers, out var value);
        if (_value is null && !_isRange) return (present || _missingIsEmpty) == _present != _invert;
        if (!present && !_missingIsEmpty) return false;
        if (present && headers.TryGetAt(_name.Bytes, 1, out _)) return JoinedMatches(headers, ref work) != _invert;
        return Test(value, ref work) != _invert;
    }

    public static bool AllMatch(HeaderMatch[] all, HeaderMap headers)
    {
        foreach (var match in all)
            if (!match.IsMatch(headers)) return false;
        return true;
    }

    private bool Test(ReadOnlySpan<byte> value, ref MatchWork work)
        => _isRange
            ? Utf8Parser.TryParse(value, out long number, out int used) && used == value.Length && number >= _start && number < _end
            : _value!.IsMatch(value, ref work);

    private bool JoinedMatches(HeaderMap headers, ref MatchWork work)
    {
        int length = -1;
        for (int i = 0; headers.TryGetAt(_name.Bytes, i, out var value); i++) length += value.Length + 1;
        byte[]? rented = length > 512 ? ArrayPool<byte>.Shared.Rent(length) : null;
        Span<byte> joined = rented ?? stackalloc byte[512];
        int at = 0;
        for (int i = 0; headers.TryGetAt(_name.Bytes, i, out var value); i++)
        {
            if (i > 0) joined[at++] = (byte)',';
            value.CopyTo(joined[at..]);
            at += value.Length;
        }
        bool matches = Test(joined[..at], ref work);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return matches;
    }

    private static StringMatch? NoTest(out bool tests)
    {
        tests = false;
        return null;
    }

    public override string ToString()
    {
        string test = _isRange ? $"in [{_start}, {_end})" : _value?.ToString() ?? (_present ? "present" : "absent");
        return $"header {Encoding.Latin1.GetString(_name.Bytes)} {(_invert ? "not " : "")}{test}";
    }
}
