using System.Text.RegularExpressions;

namespace Managed.Proxy.Configuration.Parsing;

/// <summary>
/// Tabs that separate, as spaces: before a comment or the end of a line, and behind <c>:</c>, <c>-</c> and <c>,</c>. YAML allows them there
/// (1.2.2 section 6.2), the library does not always. Tabs of indentation, inside of quotes and of block scalars stay.
/// </summary>
internal static partial class YamlTabs
{
    /// <summary>The text of the same length, or null when there is no such tab.</summary>
    public static string? Soften(string text)
    {
        var result = text.ToCharArray();
        var changed = false;
        var (quote, block, start) = ('\0', -1, 0);
        while (start < text.Length)
        {
            var end = text.IndexOf('\n', start);
            end = end < 0 ? text.Length : end;
            var line = text.AsSpan(start, end - start);
            var indent = line.IndexOfAnyExcept(' ');
            if (block >= 0 && (indent < 0 || indent > block || line.IsWhiteSpace()))
            {
                start = end + 1; // inside of a block scalar
                continue;
            }
            block = -1;
            changed |= Line(text, start, end, ref quote, result);
            if (quote == '\0' && BlockHeader().IsMatch(line))
                block = Math.Max(indent, 0);
            start = end + 1;
        }
        return changed ? new string(result) : null;
    }

    private static bool Line(string text, int start, int end, ref char quote, char[] result)
    {
        var changed = false;
        var content = false;
        for (var i = start; i < end; i++)
        {
            var c = text[i];
            if (quote != '\0')
            {
                if (c == '\\' && quote == '"')
                    i++;
                else if (c == quote)
                    quote = '\0';
            }
            else if (c is '"' or '\'' && (!content || text[i - 1] is ' ' or '\t' or ',' or '[' or '{' or ':' or '-'))
                (quote, content) = (c, true);
            else if (c == '#' && (i == start || text[i - 1] is ' ' or '\t'))
                return changed;
            else if (c == '\t' && content)
            {
                var next = i;
                while (next < end && text[next] is '\t' or ' ')
                    next++;
                var separates = next == end || text[next] is '#' or '\r' || text[i - 1] is ':' or '-' or ',' or ' ';
                for (; i < next; i++)
                    if (separates && text[i] == '\t')
                        (result[i], changed) = (' ', true);
                i--;
            }
            else if (c is not (' ' or '\t'))
                content = true;
        }
        return changed;
    }

    /// <summary>A line after which a block scalar begins.</summary>
    [GeneratedRegex(@"(^|[:\-?])\s+[|>][+-]?[0-9]?[+-]?\s*(#.*)?\r?$")]
    internal static partial Regex BlockHeader();
}
