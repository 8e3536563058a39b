using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Streams.Formatting.Operators;

namespace Managed.Proxy.Streams.Formatting;

/// <summary>
/// Splits <c>text %NAME(arguments):length% text</c>. As in Envoy an argument ends at the first <c>)</c> that the rest of the operator
/// follows, so time formats may hold percent signs.
/// </summary>
internal static class FormatParser
{
    public static FormatSegment[]? Parse(string text, ConfigErrors errors, ConfigNode? at, FormatUse use)
    {
        var segments = new List<FormatSegment>();
        var literal = new StringBuilder();
        bool failed = false;
        for (int i = 0; i < text.Length;)
        {
            if (text[i] != '%') { literal.Append(text[i++]); continue; }
            if (i + 1 < text.Length && text[i + 1] == '%') { literal.Append('%'); i += 2; continue; }
            if (!TrySplit(text, i, out var name, out string? arguments, out int? length, out int end))
            {
                errors.Error(at, ConfigCode.InvalidValue,
                    $"broken format operator at character {i + 1} of the format: '{Excerpt(text, i)}'",
                    "an operator is written %NAME%, %NAME(arguments)% or %NAME(arguments):length%; a percent sign is %%");
                return null;
            }
            i = end;
            var op = FormatOperators.Create(new OperatorRequest(name, arguments, length, use), errors, at);
            if (op is null) { failed = true; continue; }
            Flush(segments, literal);
            segments.Add(new FormatSegment(op, length ?? 0));
        }
        Flush(segments, literal);
        return failed ? null : [.. segments];
    }

    private static void Flush(List<FormatSegment> segments, StringBuilder literal)
    {
        if (literal.Length == 0) return;
        segments.Add(new FormatSegment(Encoding.UTF8.GetBytes(literal.ToString())));
        literal.Clear();
    }

    private static bool TrySplit(string text, int start, out string name, out string? arguments, out int? length, out int end)
    {
        int i = start + 1;
        while (i < text.Length && (char.IsAsciiLetterUpper(text[i]) || char.IsAsciiDigit(text[i]) || text[i] == '_')) i++;
        name = text[(start + 1)..i];
        arguments = null;
        length = null;
        end = 0;
        if (name.Length == 0 || i == text.Length) return false;
        if (text[i] != '(') return TryTail(text, i, out length, out end);
        for (int close = text.IndexOf(')', i); close >= 0; close = text.IndexOf(')', close + 1))
        {
            if (!TryTail(text, close + 1, out length, out end)) continue;
            arguments = text[(i + 1)..close];
            return true;
        }
        return false;
    }

    // [:length]%
    private static bool TryTail(string text, int i, out int? length, out int end)
    {
        length = null;
        end = i + 1;
        if (i >= text.Length) return false;
        if (text[i] == '%') return true;
        int close = text.IndexOf('%', i);
        if (text[i] != ':' || close < 0 || !int.TryParse(text.AsSpan(i + 1, close - i - 1), System.Globalization.NumberStyles.None, null,
            out int value) || value == 0) return false;
        length = value;
        end = close + 1;
        return true;
    }

    private static string Excerpt(string text, int i) => text.Substring(i, Math.Min(24, text.Length - i));
}
