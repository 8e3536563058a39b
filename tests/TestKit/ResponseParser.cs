using System.Globalization;
using System.Text;

namespace Managed.TestKit;

/// <summary>Reads responses strictly by RFC 9112: a proxy under test gets no leniency.</summary>
internal static class ResponseParser
{
    /// <summary>
    /// The first response in <paramref name="bytes"/> and how many bytes it takes; null when more is needed. With
    /// <paramref name="ended"/> nothing more will come, which completes a body that is delimited by the end of the connection.
    /// </summary>
    /// <exception cref="WireException">It is malformed, or cut short.</exception>
    public static (RawResponse Response, int Length)? TryParse(ReadOnlySpan<byte> bytes, bool isHead, bool ended)
    {
        int end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return ended ? throw new WireException($"the connection ended within a head: '{Show(bytes)}'") : null;
        var lines = Encoding.Latin1.GetString(bytes[..end]).Split("\r\n");
        var (version, status, reason) = StatusLine(lines[0]);
        var headers = lines.Skip(1).Select(Field).ToList();
        int at = end + 4;
        byte[] body = [];
        List<KeyValuePair<string, string>> trailers = [];
        string? Single(string name) => headers.Where(h => h.Key == name).Select(h => h.Value).ToList() switch
        {
            [] => null,
            [var one] => one,
            _ => throw new WireException($"several {name} fields"),
        };
        var length = Single("content-length");
        var coding = Single("transfer-encoding");
        if (length is not null && coding is not null) throw new WireException("content-length and transfer-encoding together");
        if (status is < 200 or 204 && (length is not null || coding is not null))
            throw new WireException($"a {status} response with a body length");
        if (isHead || status is < 200 or 204 or 304)
        {
        }
        else if (coding is not null)
        {
            if (coding != "chunked") throw new WireException($"transfer-encoding '{coding}'");
            if (Chunks(bytes, ref at, trailers) is not { } chunks)
                return ended ? throw new WireException("the connection ended within a chunked body") : null;
            body = chunks;
        }
        else if (length is not null)
        {
            if (!long.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out var n))
                throw new WireException($"content-length '{length}'");
            if (bytes.Length - at < n)
                return ended ? throw new WireException($"the connection ended after {bytes.Length - at} of {n} bytes") : null;
            body = bytes.Slice(at, (int)n).ToArray();
            at += (int)n;
        }
        else
        {
            if (!ended) return null;
            body = bytes[at..].ToArray();
            at = bytes.Length;
        }
        return (new RawResponse(status, reason, version, headers, body, trailers), at);
    }

    private static (string Version, int Status, string Reason) StatusLine(string line)
    {
        if (line.Length < 13 || !line.StartsWith("HTTP/1.", StringComparison.Ordinal) || line[8] != ' ' || line[12] != ' '
            || !int.TryParse(line.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status))
            throw new WireException($"status line '{line}'");
        return (line[..8], status, line[13..]);
    }

    private static KeyValuePair<string, string> Field(string line)
    {
        int colon = line.IndexOf(':');
        if (colon <= 0 || line.AsSpan(0, colon).ContainsAny(" \t\r\n\0\"(),/;<=>?@[\\]{}") || line.AsSpan().ContainsAny('\r', '\n', '\0'))
            throw new WireException($"field line '{line}'");
        return new(line[..colon].ToLowerInvariant(), line[(colon + 1)..].Trim(' ', '\t'));
    }

    private static byte[]? Chunks(ReadOnlySpan<byte> bytes, ref int at, List<KeyValuePair<string, string>> trailers)
    {
        var body = new MemoryStream();
        while (true)
        {
            int line = bytes[at..].IndexOf("\r\n"u8);
            if (line < 0) return null;
            var size = Encoding.Latin1.GetString(bytes.Slice(at, line)).Split(';')[0];
            if (!int.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var n))
                throw new WireException($"chunk size '{size}'");
            at += line + 2;
            if (n == 0) break;
            if (bytes.Length - at < n + 2) return null;
            body.Write(bytes.Slice(at, n));
            at += n;
            if (!bytes.Slice(at, 2).SequenceEqual("\r\n"u8)) throw new WireException("a chunk without its line end");
            at += 2;
        }
        while (true)
        {
            int line = bytes[at..].IndexOf("\r\n"u8);
            if (line < 0) return null;
            var text = Encoding.Latin1.GetString(bytes.Slice(at, line));
            at += line + 2;
            if (text.Length == 0) return body.ToArray();
            trailers.Add(Field(text));
        }
    }

    private static string Show(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes[..Math.Min(bytes.Length, 80)]);
}
