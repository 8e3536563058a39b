using System.Globalization;
using System.Text.RegularExpressions;

namespace Managed.Integration.Http1;

/// <summary>A strict reading (RFC 9112) of the bytes that went to the upstream: what is there that must never be.</summary>
internal static partial class WireLint
{
    public static SortedSet<string> Complaints(string b)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        int p = 0;
        while (p < b.Length)
        {
            int end = b.IndexOf("\r\n\r\n", p, StringComparison.Ordinal);
            var head = end >= 0 ? b[p..end] : b[p..];
            var lines = head.Split("\r\n");
            foreach (var line in lines)
            {
                if (line.Contains('\n')) found.Add("bare LF in forwarded head");
                if (line.Contains('\r')) found.Add("bare CR in forwarded head");
                if (line.Contains('\0')) found.Add("NUL in forwarded head");
            }
            if (end < 0) break;
            if (!RequestLine().IsMatch(lines[0])) found.Add($"forwarded request-line '{Cut(lines[0], 60)}'");
            var (lengths, codings) = Fields(lines, found);
            p = end + 4;
            if (codings.Count > 0)
            {
                p = Chunks(b, p, found);
                if (p < 0) return found;
            }
            else if (lengths.Count > 0 && lengths[0].Length > 0 && lengths[0].All(char.IsAsciiDigit))
                p += (int)Math.Min(int.MaxValue / 2, long.Parse(lengths[0], CultureInfo.InvariantCulture));
        }
        return found;
    }

    private static (List<string> Lengths, List<string> Codings) Fields(string[] lines, SortedSet<string> found)
    {
        List<string> lengths = [], codings = [];
        int hosts = 0;
        foreach (var line in lines.Skip(1))
        {
            if (line.StartsWith(' ') || line.StartsWith('\t')) { found.Add("obs-fold forwarded"); continue; }
            int colon = line.IndexOf(':');
            var name = colon < 0 ? line : line[..colon];
            if (colon < 0 || !Token().IsMatch(name)) found.Add($"forwarded field name '{Cut(line, 40)}'");
            var value = colon < 0 ? "" : line[(colon + 1)..].Trim(' ', '\t');
            switch (name.Trim().ToLowerInvariant())
            {
                case "content-length": lengths.Add(value); break;
                case "transfer-encoding": codings.Add(value.ToLowerInvariant()); break;
                case "host": hosts++; break;
            }
        }
        if (hosts > 1) found.Add("several Host forwarded");
        if (lengths.Count > 1) found.Add("several Content-Length forwarded");
        if (lengths.Count > 0 && !Length().IsMatch(lengths[0])) found.Add($"Content-Length '{Cut(lengths[0], 30)}' forwarded");
        if (lengths.Count > 0 && codings.Count > 0) found.Add("Content-Length and Transfer-Encoding both forwarded");
        if (codings.Count > 1 || (codings.Count == 1 && !Coding().IsMatch(codings[0])))
            found.Add($"Transfer-Encoding '{string.Join("', '", codings.Take(2))}' forwarded");
        return (lengths, codings);
    }

    // Where the body ends; -1 when it does not, or is wrong.
    private static int Chunks(string b, int p, SortedSet<string> found)
    {
        while (true)
        {
            int j = b.IndexOf("\r\n", p, StringComparison.Ordinal);
            if (j < 0) return -1;
            var size = ChunkSize().Match(b[p..j]);
            if (!size.Success) { found.Add($"chunk-size line '{Cut(b[p..j], 30)}' forwarded"); return -1; }
            long n = long.Parse(size.Groups[1].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            p = j + 2;
            if (n == 0) break;
            if (b.Length < p + n + 2) return -1;
            if (string.CompareOrdinal(b, p + (int)n, "\r\n", 0, 2) != 0) { found.Add("chunk terminator forwarded wrong"); return -1; }
            p += (int)n + 2;
        }
        while (true)
        {
            int j = b.IndexOf("\r\n", p, StringComparison.Ordinal);
            if (j < 0) return -1;
            var line = b[p..j];
            p = j + 2;
            if (line.Length == 0) return p;
            int colon = line.IndexOf(':');
            if (colon < 0 || !Token().IsMatch(line[..colon])) found.Add($"trailer '{Cut(line, 30)}' forwarded");
        }
    }

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..length];

    [GeneratedRegex(@"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e\x80-\xff]+ HTTP/1\.[01]\z")] private static partial Regex RequestLine();
    [GeneratedRegex(@"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+\z")] private static partial Regex Token();
    [GeneratedRegex(@"^[0-9]{1,19}\z")] private static partial Regex Length();
    [GeneratedRegex(@"^((gzip|deflate|compress) *, *)*chunked\z")] private static partial Regex Coding();
    [GeneratedRegex(@"^([0-9a-fA-F]{1,16})([ \t]*;[^\r\n]*)?\z")] private static partial Regex ChunkSize();
}
