using System.Globalization;
using System.Text.RegularExpressions;

namespace Managed.Integration.Http1;

/// <summary>How an upstream reads: by the book, or like one of the classes of sloppy servers that request smuggling lives on.</summary>
public enum UpstreamManners
{
    Strict,
    /// <summary>Finds transfer-encoding in misspelt names and values.</summary>
    Te,
    /// <summary>Lets content-length win over transfer-encoding.</summary>
    Cl,
    /// <summary>Takes a bare LF as a line end.</summary>
    Lf,
}

/// <summary>A request as such an upstream understood it.</summary>
internal sealed record SeenRequest(string Method, string Target);

/// <summary>The upstream's reading of its byte stream.</summary>
internal static partial class UpstreamReading
{
    private static readonly char[] Space = [' ', '\t', '\n', '\r', '\v', '\f'];

    /// <summary>Null: more is needed. Used below 0: unparsable, <paramref name="wrong"/> says why.</summary>
    public static (int Used, SeenRequest? Request)? Read(string b, UpstreamManners manners, out string wrong)
    {
        wrong = "";
        bool lf = manners == UpstreamManners.Lf;
        string head;
        int p;
        if (lf)
        {
            int skipped = b.Length - b.TrimStart('\r', '\n').Length;
            var m = HeadEndLf().Match(b, skipped);
            if (!m.Success) return null;
            head = b[skipped..m.Index];
            p = m.Index + m.Length;
        }
        else
        {
            int skipped = 0;
            while (string.CompareOrdinal(b, skipped, "\r\n", 0, 2) == 0) skipped += 2;
            int end = b.IndexOf("\r\n\r\n", skipped, StringComparison.Ordinal);
            if (end < 0) return null;
            head = b[skipped..end];
            p = end + 4;
        }
        var lines = lf ? LineEndLf().Split(head) : head.Split("\r\n");
        var first = RequestLine().Match(lines[0]);
        if (!first.Success)
        {
            wrong = $"request-line '{Cut(lines[0], 80)}'";
            return (-1, null);
        }
        var (te, cl) = Framing(lines, manners);
        if (te?.Split(',')[^1].Trim(Space) == "chunked")
        {
            p = Chunks(b, p, lf, out wrong);
            if (p == NeedMore) return null;
            if (p < 0) return (-1, null);
        }
        else if (cl is > 0)
        {
            if (b.Length < p + cl) return null;
            p += (int)cl;
        }
        return (p, new SeenRequest(first.Groups[1].Value, first.Groups[2].Value));
    }

    private const int NeedMore = -2;

    private static (string? Te, long? Cl) Framing(string[] lines, UpstreamManners manners)
    {
        var fields = new List<(string Name, string Value)>();
        foreach (var line in lines.Skip(1))
        {
            if (line.Length > 0 && line[0] is ' ' or '\t' && fields.Count > 0)
            {
                fields[^1] = (fields[^1].Name, fields[^1].Value + " " + line.Trim(Space));
                continue;
            }
            int colon = line.IndexOf(':');
            fields.Add(colon < 0 ? (line, "") : (line[..colon], line[(colon + 1)..].Trim(' ', '\t')));
        }
        string? te = null;
        long? cl = null;
        foreach (var (name, value) in fields)
        {
            var key = name.Trim(Space).ToLowerInvariant();
            if (manners == UpstreamManners.Te)
            {
                key = NotLetters().Replace(key, "-").Trim('-');
                if (key == "transfer-encoding" && value.Contains("chunked", StringComparison.OrdinalIgnoreCase)) te = "chunked";
            }
            else if (key == "transfer-encoding") te = te is null ? value.ToLowerInvariant() : te + ", " + value.ToLowerInvariant();
            if (key == "content-length" && cl is null && Digits().Match(value) is { Success: true } digits)
                cl = long.Parse(digits.Value, CultureInfo.InvariantCulture);
        }
        if (manners == UpstreamManners.Cl && cl is not null) te = null;
        return (te, cl);
    }

    private static int Chunks(string b, int p, bool lf, out string wrong)
    {
        wrong = "";
        string end = lf ? "\n" : "\r\n";
        while (true)
        {
            int j = b.IndexOf(end, p, StringComparison.Ordinal);
            if (j < 0) return NeedMore;
            var size = ChunkSize().Match(b[p..j]);
            if (!size.Success) { wrong = $"chunk-size '{Cut(b[p..j], 60)}'"; return -1; }
            long n = long.Parse(size.Groups[1].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            p = j + end.Length;
            if (n == 0) break;
            if (b.Length < p + n + 2) return NeedMore;
            p += (int)n;
            if (string.CompareOrdinal(b, p, "\r\n", 0, 2) == 0) p += 2;
            else if (lf && b[p] == '\n') p++;
            else { wrong = $"chunk end '{Cut(b[p..], 4)}'"; return -1; }
        }
        while (true)
        {
            int j = b.IndexOf(end, p, StringComparison.Ordinal);
            if (j < 0) return NeedMore;
            var line = b[p..j].TrimEnd('\r');
            p = j + end.Length;
            if (line.Length == 0) return p;
        }
    }

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..length];

    [GeneratedRegex(@"\r?\n\r?\n")] private static partial Regex HeadEndLf();
    [GeneratedRegex(@"\r?\n")] private static partial Regex LineEndLf();
    [GeneratedRegex(@"^([^ \t\n\r\v\f]+) (.*) HTTP/([0-9]\.[0-9])\z", RegexOptions.Singleline)] private static partial Regex RequestLine();
    [GeneratedRegex("[^a-z]+")] private static partial Regex NotLetters();
    [GeneratedRegex("[0-9]+")] private static partial Regex Digits();
    [GeneratedRegex(@"^[ \t\n\r\v\f]*([0-9a-fA-F]+)")] private static partial Regex ChunkSize();
}
