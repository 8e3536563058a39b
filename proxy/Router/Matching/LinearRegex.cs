using Managed.Proxy.Configuration;

namespace Managed.Proxy.Router.Matching;

/// <summary>
/// A regular expression in RE2's syntax whose cost is bounded: by the size of its program, by the length of what it is matched with, and
/// by the work of a search. Nothing that a client sends makes it take a millisecond.
/// </summary>
internal sealed class LinearRegex
{
    /// <summary>Steps of a program, repetitions written out: what Envoy's max_program_size is when nobody says otherwise.</summary>
    public const int MaxSize = 100;
    /// <summary>Bytes; what is longer matches nothing, and a match of routes that would ask gives up.</summary>
    public const int MaxSubject = 16 << 10;

    private readonly string _pattern;
    private readonly bool _ignoreCase;
    private readonly RegexMatcher _matcher;
    private readonly byte[] _start;
    private readonly int _skipped; // the start when nothing is left to ask of it
    private RegexTables? _tables;

    private LinearRegex(string pattern, bool ignoreCase, RegexNode node, int groups)
    {
        _pattern = pattern;
        _ignoreCase = ignoreCase;
        Groups = groups;
        var start = new RegexStart(node);
        _start = start.Bytes;
        StartFolded = start.Folded;
        _skipped = start.IsExact ? _start.Length : 0;
        _matcher = new RegexMatcher(new RegexProgram(start.Rest), behindStart: _skipped > 0);
    }

    /// <summary>For searching: made when first asked for, since most expressions are only matched with.</summary>
    public RegexTables Tables => _tables ??= new RegexTables(new RegexProgram(RegexParser.Parse(_pattern, _ignoreCase, out _)));

    /// <summary>Everything that it matches begins so (<see cref="RegexStart"/>); empty: that may be anything.</summary>
    public ReadOnlySpan<byte> Start => _start;
    /// <summary>The start is in lower case, and case does not count in it.</summary>
    public bool StartFolded { get; }
    /// <summary>How many groups capture.</summary>
    public int Groups { get; }

    /// <summary>Null with INVALID_VALUE added when the expression is broken, cannot run in linear time, or is too large.</summary>
    /// <param name="pattern">RE2 syntax.</param>
    /// <param name="ignoreCase">ASCII and Unicode letters alike, as RE2's <c>(?i)</c>.</param>
    public static LinearRegex? Compile(string pattern, bool ignoreCase, ConfigErrors errors, ConfigNode? at)
    {
        try
        {
            var node = RegexParser.Parse(pattern, ignoreCase, out int groups);
            if (node.Size <= MaxSize) return new LinearRegex(pattern, ignoreCase, node, groups);
            string size = node.Size == int.MaxValue
                ? "more than two billion" : node.Size.ToString(System.Globalization.CultureInfo.InvariantCulture);
            errors.Error(at, ConfigCode.InvalidValue,
                $"the expression '{Shown(pattern)}' has a program size of {size}, and {MaxSize} is the limit",
                "each character or class counts once for each time that it is repeated: a{100} counts 100");
        }
        catch (FormatException e)
        {
            errors.Error(at, ConfigCode.InvalidValue, $"the expression '{Shown(pattern)}' is not valid: {e.Message}",
                "RE2's syntax: no look-around, no back-references");
        }
        return null;

        static string Shown(string text) => text.Length <= 200 ? text : text[..200] + "…";
    }

    /// <summary>Whether it matches the whole value.</summary>
    public bool IsMatch(ReadOnlySpan<byte> value)
        => value.Length <= MaxSubject && Begins(value) && _matcher.IsMatch(value, _skipped, out _);

    /// <summary>Likewise, within what is left of the work; false where that has to give up.</summary>
    public bool IsMatch(ReadOnlySpan<byte> value, ref MatchWork work)
    {
        if (!Begins(value)) return false;
        if (value.Length > MaxSubject || work.IsSpent)
        {
            work.GiveUp();
            return false;
        }
        bool matches = _matcher.IsMatch(value, _skipped, out int steps);
        work.Spend(steps);
        return matches;
    }

    private bool Begins(ReadOnlySpan<byte> value)
        => value.Length >= _start.Length && (StartFolded ? AsciiCase.Same(value[.._start.Length], _start) : value.StartsWith(_start));

    /// <summary>For matches within a text.</summary>
    /// <param name="text">Searched from its begin.</param>
    /// <param name="slots">Room for two numbers for each group that is asked for.</param>
    public RegexSearch Search(ReadOnlySpan<byte> text, Span<int> slots) => new(this, text, slots);
}
