using System.Globalization;
using System.Text;

namespace Managed.Proxy.Router.Matching;

/// <summary>
/// Translates RE2 syntax (what Envoy's users write) to .NET's. They differ where it matters: in .NET <c>\d \w \s</c> take all of Unicode,
/// so a rule meant for digits would let other digits through; RE2 has <c>(?P&lt;n&gt;)</c>, <c>[[:alpha:]]</c>, <c>\Q…\E</c>,
/// <c>\x{…}</c>, <c>\pL</c>.
/// </summary>
internal static class RegexSyntax
{
    // Inside of a class; the second of each pair is the negation, spelt out because .NET has no nested negation.
    private const string Digit = "0-9", NotDigit = @"\0-/:-\uFFFF";
    private const string Word = "0-9A-Za-z_", NotWord = @"\0-/:-@\[-\^`{-\uFFFF";
    private const string Space = @"\t\n\f\r ", NotSpace = @"\0-\x08\x0B\x0E-\x1F!-\uFFFF";

    private static readonly Dictionary<string, string> Posix = new()
    {
        ["alnum"] = "0-9A-Za-z", ["alpha"] = "A-Za-z", ["ascii"] = @"\0-\x7F", ["blank"] = @"\t ", ["cntrl"] = @"\0-\x1F\x7F", ["digit"] = Digit,
        ["graph"] = "!-~", ["lower"] = "a-z", ["print"] = " -~", ["punct"] = @"!-/:-@\[-`{-~", ["space"] = @"\t\n\v\f\r ", ["upper"] = "A-Z",
        ["word"] = Word, ["xdigit"] = "0-9A-Fa-f",
    };

    /// <exception cref="ArgumentException">What no .NET expression says.</exception>
    public static string Translate(string pattern)
    {
        var to = new StringBuilder(pattern.Length + 16);
        for (int i = 0; i < pattern.Length;)
        {
            char c = pattern[i];
            if (c == '\\') Escape(pattern, ref i, to, inClass: false);
            else if (c == '[') Class(pattern, ref i, to);
            else if (c == '(' && NamedGroup(pattern, i) is var close and > 0) { to.Append('('); i = close; }
            else if (c == '(' && pattern.AsSpan(i).StartsWith("(?#")) throw new ArgumentException("comments are not part of the syntax");
            else { to.Append(c); i++; }
        }
        return to.ToString();
    }

    private static void Escape(string p, ref int i, StringBuilder to, bool inClass)
    {
        if (i + 1 >= p.Length) throw new ArgumentException("a backslash stands at the end");
        char c = p[i + 1];
        i += 2;
        switch (c)
        {
            case 'd': Set(to, Digit, inClass, negate: false); break;
            case 'D': Set(to, inClass ? NotDigit : Digit, inClass, negate: true); break;
            case 'w': Set(to, Word, inClass, negate: false); break;
            case 'W': Set(to, inClass ? NotWord : Word, inClass, negate: true); break;
            case 's': Set(to, Space, inClass, negate: false); break;
            case 'S': Set(to, inClass ? NotSpace : Space, inClass, negate: true); break;
            case 'Q' when !inClass:
                int end = p.IndexOf("\\E", i, StringComparison.Ordinal);
                string literal = end < 0 ? p[i..] : p[i..end];
                to.Append(System.Text.RegularExpressions.Regex.Escape(literal));
                i = end < 0 ? p.Length : end + 2;
                break;
            case 'x' when i < p.Length && p[i] == '{':
                int close = p.IndexOf('}', i);
                if (close < 0 || !int.TryParse(p.AsSpan(i + 1, close - i - 1), NumberStyles.AllowHexSpecifier, null, out int code) || code > 0xFFFF)
                    throw new ArgumentException("\\x{…} needs a hexadecimal number up to FFFF");
                to.Append(@"\u").Append(code.ToString("X4", CultureInfo.InvariantCulture));
                i = close + 1;
                break;
            case 'p' or 'P' when i < p.Length && p[i] != '{':
                to.Append('\\').Append(c).Append('{').Append(p[i++]).Append('}');
                break;
            case 'p' or 'P': to.Append('\\').Append(c); break;
            case 'A' or 'z' or 'b' or 'B' when !inClass:
            case 'a' or 'f' or 't' or 'n' or 'r' or 'v' or 'x':
                to.Append('\\').Append(c);
                break;
            case >= '0' and <= '9':
                throw new ArgumentException("back-references and octal escapes are not available");
            default:
                if (char.IsAsciiLetter(c)) throw new ArgumentException($"\\{c} is not part of the syntax");
                to.Append('\\').Append(c);
                break;
        }
    }

    // (?P<name> and (?<name>: RE2 counts named groups with the others, .NET after them; substitutions use numbers only, so names go.
    private static int NamedGroup(string p, int i)
    {
        var rest = p.AsSpan(i);
        int start = rest.StartsWith("(?P<") ? 4 : rest.StartsWith("(?<") && rest.Length > 3 && rest[3] is not ('=' or '!') ? 3 : 0;
        int close = start == 0 ? -1 : rest.IndexOf('>');
        return close < 0 ? 0 : i + close + 1;
    }

    private static void Set(StringBuilder to, string set, bool inClass, bool negate)
    {
        if (inClass) to.Append(set);
        else to.Append(negate ? "[^" : "[").Append(set).Append(']');
    }

    private static void Class(string p, ref int i, StringBuilder to)
    {
        to.Append('[');
        i++;
        if (i < p.Length && p[i] == '^') { to.Append('^'); i++; }
        for (bool first = true; ; first = false)
        {
            if (i >= p.Length) throw new ArgumentException("a [ is not closed");
            char c = p[i];
            if (c == ']' && !first) { to.Append(']'); i++; return; }
            if (c == '\\') { Escape(p, ref i, to, inClass: true); continue; }
            if (c == '[' && i + 1 < p.Length && p[i + 1] == ':' && p.IndexOf(":]", i, StringComparison.Ordinal) is > 0 and var end)
            {
                if (!Posix.TryGetValue(p[(i + 2)..end], out string? set)) throw new ArgumentException($"[:{p[(i + 2)..end]}:] is not a character class");
                to.Append(set);
                i = end + 2;
                continue;
            }
            // A [ in a class is itself in RE2; in .NET it would begin a subtraction.
            if (c is '[' or ']') to.Append('\\');
            to.Append(c);
            i++;
        }
    }
}
