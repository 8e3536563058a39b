using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Managed.Proxy.Router.Matching;

/// <summary>A set of code points, as sorted ranges that do not touch.</summary>
internal sealed class CharSet
{
    private const int Last = 0x10FFFF;

    // By the names of general categories, with their first letters for groups of them.
    private static readonly ConcurrentDictionary<string, CharSet?> Categories = new(StringComparer.Ordinal);

    private readonly (int From, int To)[] _ranges;

    private CharSet((int From, int To)[] ranges) => _ranges = ranges;

    public static CharSet All { get; } = Of((0, Last));
    public static CharSet NotNewline { get; } = Of(('\n', '\n')).Negate();
    public static CharSet Digit { get; } = Of(('0', '9'));
    public static CharSet Word { get; } = Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));
    public static CharSet Space { get; } = Of(('\t', '\n'), ('\f', '\r'), (' ', ' '));

    public ReadOnlySpan<(int From, int To)> Ranges => _ranges;

    public static CharSet Of(params ReadOnlySpan<(int From, int To)> ranges)
    {
        var sorted = ranges.ToArray();
        Array.Sort(sorted);
        var merged = new List<(int From, int To)>();
        foreach (var (from, to) in sorted)
            if (merged.Count > 0 && from <= merged[^1].To + 1) merged[^1] = (merged[^1].From, Math.Max(merged[^1].To, to));
            else merged.Add((from, to));
        return new CharSet([.. merged]);
    }

    public static CharSet Union(IReadOnlyCollection<CharSet> sets) => Of([.. sets.SelectMany(s => s._ranges)]);

    public bool Contains(int c)
    {
        int low = 0, high = _ranges.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            if (c < _ranges[middle].From) high = middle - 1;
            else if (c > _ranges[middle].To) low = middle + 1;
            else return true;
        }
        return false;
    }

    public CharSet Negate()
    {
        var gaps = new List<(int, int)>();
        int next = 0;
        foreach (var (from, to) in _ranges)
        {
            if (from > next) gaps.Add((next, from - 1));
            next = to + 1;
        }
        if (next <= Last) gaps.Add((next, Last));
        return new CharSet([.. gaps]);
    }

    /// <summary>With the other case of each letter.</summary>
    public CharSet Fold()
    {
        if (_ranges is [(0, Last)]) return this;
        var all = new List<(int, int)>(_ranges);
        foreach (var (from, to) in _ranges)
            for (int c = from; c <= Math.Min(to, 0x1FFFF); c++)
            {
                if (!Rune.IsValid(c)) continue;
                var rune = new Rune(c);
                Add(Rune.ToLowerInvariant(rune).Value);
                Add(Rune.ToUpperInvariant(rune).Value);
                // The three that fold into letters of ASCII and Latin-1 from elsewhere.
                if (c is 'k' or 'K') Add(0x212A);
                if (c is 's' or 'S') Add(0x17F);
                if (c is 0xE5 or 0xC5) Add(0x212B);

                void Add(int other)
                {
                    if (other < from || other > to) all.Add((other, other));
                }
            }
        return Of([.. all]);
    }

    /// <summary>A general category of Unicode (<c>Lu</c>), or a group of them (<c>L</c>); null: there is none of this name.</summary>
    public static CharSet? Category(string name) => name is "Any" ? All : Categories.GetOrAdd(name, static wanted =>
    {
        if (wanted.Length is 0 or > 2) return null;
        var ranges = new List<(int, int)>();
        int since = -1;
        for (int c = 0; c <= Last + 1; c++)
        {
            bool isIn = c <= Last && Short(CharUnicodeInfo.GetUnicodeCategory(c)).StartsWith(wanted, StringComparison.Ordinal);
            if (isIn && since < 0) since = c;
            if (isIn || since < 0) continue;
            ranges.Add((since, c - 1));
            since = -1;
        }
        return ranges.Count == 0 ? null : new CharSet([.. ranges]);
    });

    private static string Short(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => "Lu", UnicodeCategory.LowercaseLetter => "Ll", UnicodeCategory.TitlecaseLetter => "Lt",
        UnicodeCategory.ModifierLetter => "Lm",
        UnicodeCategory.OtherLetter => "Lo", UnicodeCategory.NonSpacingMark => "Mn", UnicodeCategory.SpacingCombiningMark => "Mc",
        UnicodeCategory.EnclosingMark => "Me",
        UnicodeCategory.DecimalDigitNumber => "Nd", UnicodeCategory.LetterNumber => "Nl", UnicodeCategory.OtherNumber => "No",
        UnicodeCategory.SpaceSeparator => "Zs",
        UnicodeCategory.LineSeparator => "Zl", UnicodeCategory.ParagraphSeparator => "Zp", UnicodeCategory.Control => "Cc",
        UnicodeCategory.Format => "Cf",
        UnicodeCategory.Surrogate => "Cs", UnicodeCategory.PrivateUse => "Co", UnicodeCategory.ConnectorPunctuation => "Pc",
        UnicodeCategory.DashPunctuation => "Pd",
        UnicodeCategory.OpenPunctuation => "Ps", UnicodeCategory.ClosePunctuation => "Pe", UnicodeCategory.InitialQuotePunctuation => "Pi",
        UnicodeCategory.FinalQuotePunctuation => "Pf", UnicodeCategory.OtherPunctuation => "Po", UnicodeCategory.MathSymbol => "Sm",
        UnicodeCategory.CurrencySymbol => "Sc",
        UnicodeCategory.ModifierSymbol => "Sk", UnicodeCategory.OtherSymbol => "So", _ => "Cn",
    };
}
