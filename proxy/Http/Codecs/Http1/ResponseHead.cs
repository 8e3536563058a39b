using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>
/// Parses the head of an upstream's response. What is wrong in it makes a 502 for the client: a response whose end is not certain
/// must not be passed on.
/// </summary>
internal sealed class ResponseHead : HeadReader
{
    private HeaderMap _headers = null!;

    public int Status { get; private set; }
    public int Minor { get; private set; }
    public long ContentLength { get; private set; }
    public bool Chunked { get; private set; }
    public bool Close { get; private set; }
    /// <summary>All of it was read and understood.</summary>
    public bool IsWhole { get; private set; }

    public void Begin(HeaderMap headers)
    {
        Restart();
        headers.Clear();
        _headers = headers;
        Status = 0;
        Minor = 1;
        ContentLength = -1;
        Chunked = Close = IsWhole = false;
    }

    protected override bool CouldStart(ReadOnlySpan<byte> beginning)
    {
        var expected = "HTTP/1."u8;
        int n = Math.Min(beginning.Length, expected.Length);
        return beginning[..n].SequenceEqual(expected[..n]);
    }

    // status-line = HTTP-version SP status-code SP [ reason-phrase ]; the second SP is missed by many when there is no reason.
    protected override bool OnStartLine(Span<byte> line)
    {
        if (line.Length < 12 || !line[..7].SequenceEqual("HTTP/1."u8) || line[7] is < (byte)'0' or > (byte)'9' || line[8] != ' ')
            return Fail(502, "http1.invalid_status_line");
        Minor = line[7] == '0' ? 0 : 1;
        var digits = line.Slice(9, 3);
        if (digits[0] is < (byte)'1' or > (byte)'9' || digits.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            return Fail(502, "http1.invalid_status_line");
        if (line.Length > 12 && (line[12] != ' ' || !FieldSyntax.IsValue(line[13..]))) return Fail(502, "http1.invalid_status_line");
        Status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + digits[2] - '0';
        _headers.Add(HeaderId.Status, digits);
        return true;
    }

    protected override bool OnField(Span<byte> line)
    {
        if (!FieldSyntax.Split(line, out var name, out var value)) return Fail(502, "http1.invalid_header");
        var id = HeaderNames.Find(name);
        if (id == HeaderId.ContentLength)
        {
            // RFC 9112 section 6.3: equal lengths may be collapsed, others make the message invalid.
            while (FieldSyntax.NextMember(ref value, out var member))
            {
                long length = FieldSyntax.ParseLength(member);
                if (length < 0 || (ContentLength >= 0 && ContentLength != length)) return Fail(502, "http1.invalid_content_length");
                if (ContentLength < 0) _headers.Add(HeaderId.ContentLength, member);
                ContentLength = length;
            }
            return ContentLength >= 0 || Fail(502, "http1.invalid_content_length");
        }
        if (id == HeaderId.TransferEncoding)
        {
            if (Chunked || !FieldSyntax.EqualsIgnoreCase(value, "chunked"u8)) return Fail(502, "http1.unsupported_transfer_encoding");
            Chunked = true;
            return true;
        }
        if (id == HeaderId.Unknown) _headers.Add(name, value); else _headers.Add(id, value);
        return true;
    }

    protected override bool OnEnd()
    {
        if (Chunked)
        {
            if (Minor == 0) return Fail(502, "http1.transfer_encoding_in_http10");
            // Transfer-Encoding overrides Content-Length, which may be an attack: drop it and do not use the connection again.
            if (_headers.Remove(HeaderId.ContentLength) > 0) Close = true;
            ContentLength = -1;
        }
        Close |= Minor == 0;
        for (int i = 0; _headers.TryGetAt("connection"u8, i, out var value); i++)
            while (FieldSyntax.NextMember(ref value, out var option))
            {
                if (FieldSyntax.EqualsIgnoreCase(option, "close"u8)) Close = true;
                else if (Minor == 0 && FieldSyntax.EqualsIgnoreCase(option, "keep-alive"u8)) Close = false;
            }
        return IsWhole = true;
    }
}
