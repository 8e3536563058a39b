using System.Text;

namespace Managed.Proxy.Configuration.Parsing;

/// <summary>
/// Spaces in the empty lines that a block scalar begins with. YAML allows fewer of them than the text below has (1.2.2 section 8.1.1.1),
/// the library none that are more than the key's.
/// </summary>
internal static class YamlBlocks
{
    /// <summary>The text with as many lines, or null when there are no such spaces.</summary>
    public static string? Soften(string text)
    {
        var result = new StringBuilder(text.Length);
        var (changed, begins) = (false, false);
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf('\n', start) is var found && found < 0 ? text.Length : found + 1;
            var line = text.AsSpan(start, end - start);
            if (begins && line.IndexOfAnyExcept(" \r\n") < 0)
            {
                changed |= line.Contains(' ');
                result.Append('\n');
            }
            else
            {
                result.Append(line);
                begins = YamlTabs.BlockHeader().IsMatch(line.TrimEnd('\n'));
            }
            start = end;
        }
        return changed ? result.ToString() : null;
    }
}
