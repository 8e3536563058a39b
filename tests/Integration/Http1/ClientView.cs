using System.Globalization;

namespace Managed.Integration.Http1;

/// <summary>A response as the corpus' client reads it: forgiving, so that what is wrong shows in the verdict and not here.</summary>
/// <param name="Complete">Null: delimited by the end of the connection.</param>
internal sealed record SeenResponse(int Status, Dictionary<string, List<string>> Headers, string Body, bool? Complete, bool Interim)
{
    public static (List<SeenResponse> Responses, string Left) ParseAll(string b, string[] methods)
    {
        var found = new List<SeenResponse>();
        int p = 0;
        while (p < b.Length && string.CompareOrdinal(b, p, "HTTP/1.", 0, 7) == 0)
        {
            int end = b.IndexOf("\r\n\r\n", p, StringComparison.Ordinal);
            if (end < 0) break;
            var lines = b[p..end].Split("\r\n");
            var parts = lines[0].Split(' ');
            if (parts.Length < 2 || parts[1].Length < 3
                || !int.TryParse(parts[1][..3], NumberStyles.None, CultureInfo.InvariantCulture, out int status)) break;
            var headers = new Dictionary<string, List<string>>();
            foreach (var line in lines.Skip(1))
            {
                int colon = line.IndexOf(':');
                var name = (colon < 0 ? line : line[..colon]).Trim().ToLowerInvariant();
                if (!headers.TryGetValue(name, out var values)) headers[name] = values = [];
                values.Add(colon < 0 ? "" : line[(colon + 1)..].Trim());
            }
            p = end + 4;
            if (status is >= 100 and < 200 and not 101) { found.Add(new(status, headers, "", true, true)); continue; }
            int finals = found.Count(r => !r.Interim);
            var method = finals < methods.Length ? methods[finals] : "GET";
            string body = "";
            bool? complete = true;
            if (method == "HEAD" || status is 204 or 304)
            {
            }
            else if (status == 101)
            {
                body = b[p..];
                p = b.Length;
            }
            else if (headers.ContainsKey("transfer-encoding")) (body, complete, p) = Chunks(b, p);
            else if (headers.TryGetValue("content-length", out var lengths))
            {
                int n = int.TryParse(lengths[0], NumberStyles.None, CultureInfo.InvariantCulture, out int length) ? length : 0;
                body = b.Substring(p, Math.Min(n, b.Length - p));
                complete = body.Length == n;
                p += n;
            }
            else
            {
                body = b[p..];
                p = b.Length;
                complete = null;
            }
            found.Add(new(status, headers, body, complete, false));
        }
        return (found, p < b.Length ? b[p..] : "");
    }

    private static (string Body, bool Complete, int End) Chunks(string b, int p)
    {
        var body = new System.Text.StringBuilder();
        while (true)
        {
            int j = b.IndexOf("\r\n", p, StringComparison.Ordinal);
            if (j < 0) return (body.ToString(), false, b.Length);
            int digits = p;
            while (digits < j && char.IsAsciiHexDigit(b[digits])) digits++;
            if (digits == p) return (body.ToString(), false, b.Length);
            int n = int.Parse(b.AsSpan(p, digits - p), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            p = j + 2;
            if (n == 0)
            {
                int k = b.IndexOf("\r\n", p, StringComparison.Ordinal);
                while (k > p)
                {
                    p = k + 2;
                    k = b.IndexOf("\r\n", p, StringComparison.Ordinal);
                }
                return k == p ? (body.ToString(), true, p + 2) : (body.ToString(), false, b.Length);
            }
            body.Append(b, p, Math.Min(n, b.Length - p));
            p += n + 2;
            if (p > b.Length) return (body.ToString(), false, b.Length);
        }
    }
}

/// <summary>One connection of the corpus' client, from the first byte sent to its end.</summary>
internal sealed record ClientView(string Data, List<SeenResponse> Responses, bool Closed, bool Reset)
{
    public IReadOnlyList<SeenResponse> Finals => [.. Responses.Where(r => !r.Interim)];
}
