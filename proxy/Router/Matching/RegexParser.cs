using System.Globalization;
using System.Text;

namespace Managed.Proxy.Router.Matching;

/// <summary>
/// Reads RE2's syntax (github.com/google/re2/wiki/Syntax), what Envoy's users write. Not there: look-around, back-references and octal
/// escapes, <c>\C</c>, names of scripts.
/// </summary>
internal sealed class RegexParser
{
    private const int MaxRepeat = 1000, MaxDepth = 100, MaxLength = 16 << 10; // RE2's 1000; the others are more than any size allows

    [Flags]
    private enum Flags : byte { None = 0, IgnoreCase = 1, MultiLine = 2, DotAll = 4, Ungreedy = 8 }

    private static readonly Dictionary<string, CharSet> Posix = new()
    {
        ["alnum"] = CharSet.Of(('0', '9'), ('A', 'Z'), ('a', 'z')), ["alpha"] = CharSet.Of(('A', 'Z'), ('a', 'z')),
        ["ascii"] = CharSet.Of((0, 0x7F)),
        ["blank"] = CharSet.Of(('\t', '\t'), (' ', ' ')), ["cntrl"] = CharSet.Of((0, 0x1F), (0x7F, 0x7F)), ["digit"] = CharSet.Digit,
        ["graph"] = CharSet.Of(('!', '~')),
        ["lower"] = CharSet.Of(('a', 'z')), ["print"] = CharSet.Of((' ', '~')),
        ["punct"] = CharSet.Of(('!', '/'), (':', '@'), ('[', '`'), ('{', '~')),
        ["space"] = CharSet.Of(('\t', '\r'), (' ', ' ')), ["upper"] = CharSet.Of(('A', 'Z')), ["word"] = CharSet.Word,
        ["xdigit"] = CharSet.Of(('0', '9'), ('A', 'F'), ('a', 'f')),
    };

    private static readonly System.Buffers.SearchValues<char> NameChars =
        System.Buffers.SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");

    private readonly string _p;
    private int _i, _depth;
    private Flags _flags;

    private RegexParser(string pattern, bool ignoreCase) => (_p, _flags) = (pattern, ignoreCase ? Flags.IgnoreCase : Flags.None);

    /// <summary>How many groups capture.</summary>
    public int Groups { get; private set; }

    /// <exception cref="FormatException">It is no expression, or one that cannot run in linear time.</exception>
    public static RegexNode Parse(string pattern, bool ignoreCase, out int groups)
    {
        if (pattern.Length > MaxLength) throw new FormatException($"it is longer than {MaxLength} characters");
        var parser = new RegexParser(pattern, ignoreCase);
        var node = parser.Choice();
        if (parser._i < pattern.Length) throw new FormatException("a ) is not opened");
        groups = parser.Groups;
        return node;
    }

    private bool Has(Flags flag) => (_flags & flag) != 0;
    private bool At(char c) => _i < _p.Length && _p[_i] == c;

    private bool Take(string text)
    {
        if (string.CompareOrdinal(_p, _i, text, 0, text.Length) != 0) return false;
        _i += text.Length;
        return true;
    }

    private RegexNode Choice()
    {
        if (++_depth > MaxDepth) throw new FormatException($"its groups are nested more than {MaxDepth} deep");
        var parts = new List<RegexNode>();
        do parts.Add(Sequence()); while (Take("|"));
        _depth--;
        return parts is [var only] ? only : new RegexNode.Choice([.. parts]);
    }

    private RegexNode Sequence()
    {
        var parts = new List<RegexNode>();
        while (_i < _p.Length && _p[_i] is not ('|' or ')'))
        {
            if (_p[_i] is '*' or '+' or '?') throw new FormatException($"{_p[_i]} has nothing to repeat");
            if (Take("\\Q"))
            {
                int end = _p.IndexOf("\\E", _i, StringComparison.Ordinal);
                string literal = end < 0 ? _p[_i..] : _p[_i..end];
                _i = end < 0 ? _p.Length : end + 2;
                foreach (var rune in literal.EnumerateRunes()) parts.Add(Chars(rune.Value));
                if (literal.Length > 0) parts[^1] = Repeated(parts[^1]);
                continue;
            }
            if (Atom() is { } atom) parts.Add(Repeated(atom));
        }
        return parts is [var only] ? only : new RegexNode.Sequence([.. parts]);
    }

    // Null: flags from here on.
    private RegexNode? Atom()
    {
        char c = _p[_i];
        switch (c)
        {
            case '(': return Group();
            case '[': return new RegexNode.Chars(Class());
            case '.': _i++; return new RegexNode.Chars(Has(Flags.DotAll) ? CharSet.All : CharSet.NotNewline);
            case '^': _i++; return new RegexNode.Assert(Has(Flags.MultiLine) ? RegexAssertion.LineBegin : RegexAssertion.TextBegin);
            case '$': _i++; return new RegexNode.Assert(Has(Flags.MultiLine) ? RegexAssertion.LineEnd : RegexAssertion.TextEnd);
            case '\\' when _i + 1 < _p.Length && _p[_i + 1] is 'A' or 'z' or 'b' or 'B':
                _i += 2;
                return new RegexNode.Assert(_p[_i - 1] switch { 'A' => RegexAssertion.TextBegin, 'z' => RegexAssertion.TextEnd,
                    'b' => RegexAssertion.WordBoundary, _ => RegexAssertion.NotWordBoundary });
            case '\\': return Escape(out int single) is { } set ? new RegexNode.Chars(set) : Chars(single);
            default: return Chars(Literal());
        }
    }

    private int Literal()
    {
        if (!Rune.TryGetRuneAt(_p, _i, out var rune)) throw new FormatException("it holds half a character");
        _i += rune.Utf16SequenceLength;
        return rune.Value;
    }

    private RegexNode.Chars Chars(int c)
    {
        var set = CharSet.Of((c, c));
        return new RegexNode.Chars(Has(Flags.IgnoreCase) ? set.Fold() : set);
    }

    private RegexNode? Group()
    {
        _i++;
        var outer = _flags;
        int number = -1;
        if (Take("?"))
        {
            if (Take("P<") || (!At('=') && !(At('<') && _i + 1 < _p.Length && _p[_i + 1] is '=' or '!') && Take("<")))
            {
                int close = _p.IndexOf('>', _i);
                if (close < 0 || close == _i || _p.AsSpan(_i, close - _i).ContainsAnyExcept(NameChars))
                    throw new FormatException("the name of a group has letters, digits and _");
                _i = close + 1;
                number = ++Groups;
            }
            else if (!FlagsOfGroup()) return null;
        }
        else number = ++Groups;
        var inner = Choice();
        if (!Take(")")) throw new FormatException("a ( is not closed");
        _flags = outer;
        return number < 0 ? inner : new RegexNode.Group(inner, number);
    }

    // (?i) and (?i:…); false: they hold to the end of the group that they stand in.
    private bool FlagsOfGroup()
    {
        bool on = true;
        for (; _i < _p.Length; _i++)
        {
            var flag = _p[_i] switch { 'i' => Flags.IgnoreCase, 'm' => Flags.MultiLine, 's' => Flags.DotAll, 'U' => Flags.Ungreedy,
                _ => Flags.None };
            if (flag != Flags.None) _flags = on ? _flags | flag : _flags & ~flag;
            else if (_p[_i] == '-' && on) on = false;
            else if (_p[_i] is ':' or ')') return _p[_i++] == ':';
            else break;
        }
        throw new FormatException("(? with what follows is not part of the syntax");
    }

    private RegexNode Repeated(RegexNode atom)
    {
        if (_i >= _p.Length) return atom;
        int least, most;
        if (Take("*")) (least, most) = (0, -1);
        else if (Take("+")) (least, most) = (1, -1);
        else if (Take("?")) (least, most) = (0, 1);
        else if (!Counts(out least, out most)) return atom;
        bool lazy = Take("?");
        int mark = _i;
        if (_i < _p.Length && (_p[_i] is '*' or '+' or '?' || Counts(out _, out _)))
            throw new FormatException($"a repetition of a repetition needs a group, at {_p[mark]}");
        return new RegexNode.Repeat(atom, least, most, lazy == Has(Flags.Ungreedy));
    }

    // {2} {2,} {2,3}; anything else that begins with { is a literal.
    private bool Counts(out int least, out int most)
    {
        (least, most) = (0, 0);
        int close = At('{') ? _p.IndexOf('}', _i) : -1;
        if (close < 0) return false;
        var parts = _p.AsSpan(_i + 1, close - _i - 1);
        int comma = parts.IndexOf(',');
        if (!Number(comma < 0 ? parts : parts[..comma], out least)) return false;
        most = comma < 0 ? least : -1;
        if (comma >= 0 && comma + 1 < parts.Length && !Number(parts[(comma + 1)..], out most)) return false;
        if (least > MaxRepeat || most > MaxRepeat || (most >= 0 && most < least))
            throw new FormatException($"{{{parts}}} is no repetition: up to {MaxRepeat}, the first not above the second");
        _i = close + 1;
        return true;

        static bool Number(ReadOnlySpan<char> text, out int number)
        {
            bool digits = text.Length > 0 && text.IndexOfAnyExceptInRange('0', '9') < 0;
            number = !digits ? 0 : text.Length > 8 ? int.MaxValue : int.Parse(text, CultureInfo.InvariantCulture);
            return digits;
        }
    }

    // A set, or null and a single character.
    private CharSet? Escape(out int single)
    {
        single = 0;
        if (_i + 1 >= _p.Length) throw new FormatException("a backslash stands at the end");
        _i++;
        char c = _p[_i];
        switch (c)
        {
            case 'd': _i++; return CharSet.Digit;
            case 'D': _i++; return CharSet.Digit.Negate();
            case 'w': _i++; return CharSet.Word;
            case 'W': _i++; return CharSet.Word.Negate();
            case 's': _i++; return CharSet.Space;
            case 'S': _i++; return CharSet.Space.Negate();
            case 'p' or 'P': _i++; return Property(negate: c == 'P');
            case 'x': _i++; single = Hexadecimal(); return null;
            case 'a': single = 7; break;
            case 'f': single = '\f'; break;
            case 't': single = '\t'; break;
            case 'n': single = '\n'; break;
            case 'r': single = '\r'; break;
            case 'v': single = '\v'; break;
            case >= '0' and <= '9': throw new FormatException("back-references and octal escapes are not available");
            default:
                if (char.IsAsciiLetter(c) || c > 0x7F) throw new FormatException($"\\{c} is not part of the syntax");
                single = c;
                break;
        }
        _i++;
        return null;
    }

    private CharSet Property(bool negate)
    {
        int close = At('{') ? _p.IndexOf('}', _i) : _i;
        if (close < 0 || close >= _p.Length) throw new FormatException("\\p needs the name of a category");
        string name = close == _i ? _p[_i..(_i + 1)] : _p[(_i + 1)..close];
        _i = close + 1;
        if (name.StartsWith('^')) (name, negate) = (name[1..], !negate);
        var set = CharSet.Category(name) ?? throw new FormatException($"\\p{{{name}}}: there is no category of this name");
        return negate ? set.Negate() : set;
    }

    private int Hexadecimal()
    {
        int close = At('{') ? _p.IndexOf('}', _i) : -1;
        var digits = close >= 0 ? _p.AsSpan(_i + 1, close - _i - 1) : _p.AsSpan(_i, Math.Min(2, _p.Length - _i));
        if ((close < 0 && digits.Length < 2) || digits.Length > 8 || !int.TryParse(digits, NumberStyles.AllowHexSpecifier, null, out int c)
            || !Rune.IsValid(c))
            throw new FormatException("\\x needs two hexadecimal digits, or the number of a character in braces");
        _i = close >= 0 ? close + 1 : _i + 2;
        return c;
    }

    private CharSet Class()
    {
        _i++;
        bool negate = Take("^");
        var sets = new List<CharSet>();
        for (bool first = true; first || !At(']'); first = false)
        {
            if (_i >= _p.Length) throw new FormatException("a [ is not closed");
            if (_p.IndexOf(":]", _i, StringComparison.Ordinal) is > 0 and var end && string.CompareOrdinal(_p, _i, "[:", 0, 2) == 0)
            {
                string name = _p[(_i + 2)..end];
                bool not = name.StartsWith('^');
                if (!Posix.TryGetValue(not ? name[1..] : name, out var posix))
                    throw new FormatException($"[:{name}:] is not a character class");
                sets.Add(not ? posix.Negate() : posix);
                _i = end + 2;
                continue;
            }
            if (ClassItem(out int from) is { } set) { sets.Add(set); continue; }
            int to = from;
            if (At('-') && _i + 1 < _p.Length && _p[_i + 1] != ']')
            {
                _i++;
                if (ClassItem(out to) is not null || to < from) throw new FormatException("a range in a class ends before it begins");
            }
            sets.Add(CharSet.Of((from, to)));
        }
        _i++;
        var all = CharSet.Union(sets);
        if (Has(Flags.IgnoreCase)) all = all.Fold();
        return negate ? all.Negate() : all;
    }

    private CharSet? ClassItem(out int single)
    {
        if (_i >= _p.Length) throw new FormatException("a [ is not closed");
        if (_p[_i] == '\\') return Escape(out single);
        single = Literal();
        return null;
    }
}
