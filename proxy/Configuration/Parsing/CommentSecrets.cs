using System.Text.RegularExpressions;

namespace Managed.Proxy.Configuration.Parsing;

/// <summary>
/// What must not be seen of a document must not be seen in what stands beside it: a sensitive field that was commented out keeps its name
/// and loses its value, and a private key is replaced as a whole.
/// </summary>
internal static partial class CommentSecrets
{
    private const string Mark = "[redacted]";

    /// <summary>A comment up to the end of its line, without what a reader of YAML could take for such an end.</summary>
    public static string Line(ReadOnlySpan<char> comment)
    {
        var end = comment.IndexOfAny("\r\u0085\u2028\u2029");
        var line = (end < 0 ? comment : comment[..end]).TrimEnd().ToString();
        return string.Concat(line.Select(c => (char.IsControl(c) && c != '\t') || c is '\ufeff' or '\ufffe' or '\uffff' ? ' ' : c));
    }

    public static bool IsSecret(string? name) => name is not null && SensitiveFields.Of(name) is { OnlyWithPrivateKey: false };

    /// <summary>The lines of one comment with what is secret replaced.</summary>
    public static List<string> Hidden(List<string> lines)
    {
        var shown = new List<string>(lines.Count);
        var (inKey, holder) = (false, -1);
        foreach (var line in lines)
        {
            var indent = line.AsSpan(line.StartsWith('#') ? 1 : 0).IndexOfAnyExcept(' ', '\t', '-');
            if (inKey)
            {
                inKey = !EndOfKey().IsMatch(line);
                continue;
            }
            if (holder >= 0 && indent > holder)
                continue; // below a sensitive field
            holder = -1;
            if (StartOfKey().Match(line) is { Success: true } key)
            {
                inKey = !EndOfKey().IsMatch(line);
                shown.Add(line[..key.Index] + Mark);
            }
            else if (Field().Matches(line).FirstOrDefault(m => IsSecret(m.Groups[1].Value))
                is { } field)
            {
                holder = indent;
                shown.Add(line[..(field.Index + field.Length)] + " " + Mark);
            }
            else
                shown.Add(line);
        }
        return shown;
    }

    [GeneratedRegex("-----BEGIN [A-Z ]*PRIVATE KEY-----")]
    private static partial Regex StartOfKey();

    [GeneratedRegex("-----END [A-Z ]*PRIVATE KEY-----")]
    private static partial Regex EndOfKey();

    [GeneratedRegex("""([A-Za-z_0-9]+)["']?\s*:""")]
    private static partial Regex Field();
}
