using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>
/// Parses the head of an HTTP/1 request into a header map with pseudo-headers, strictly by RFC 9112 and 9110, and knows how the body
/// is framed. Where the RFC lets a server choose between repairing and refusing what is ambiguous, it refuses.
/// </summary>
internal sealed class RequestHead : HeadReader
{
    private HeaderMap _headers = null!;
    private int _hosts;

    public int Minor { get; private set; }
    /// <summary>-1: none.</summary>
    public long ContentLength { get; private set; }
    public bool Chunked { get; private set; }
    public bool Close { get; private set; }
    public bool KeepAlive { get; private set; }
    /// <summary>An Upgrade field with <c>Connection: upgrade</c>, HTTP/1.1 only.</summary>
    public bool Upgrade { get; private set; }
    public bool ExpectContinue { get; private set; }
    public bool HasBody => Chunked || ContentLength > 0;
    /// <summary>Host for HTTP/1.0 requests without one; null refuses them.</summary>
    public byte[]? DefaultHost { get; set; }
    public bool AllowAbsoluteUrl { get; set; } = true;
    public ReadOnlyMemory<byte> Scheme { get; set; }

    public void Begin(HeaderMap headers)
    {
        Restart();
        headers.Clear();
        _headers = headers;
        _hosts = 0;
        Minor = 1;
        ContentLength = -1;
        Chunked = Close = KeepAlive = Upgrade = ExpectContinue = IsConnect = false;
    }

    /// <summary>CONNECT may be asked for.</summary>
    public bool TakesConnect { get; set; }
    /// <summary>It is asked for; the map has it as an upgrade to CONNECT, without a path.</summary>
    public bool IsConnect { get; private set; }

    protected override bool IgnoresLeadingEmptyLines => true;

    protected override bool CouldStart(ReadOnlySpan<byte> beginning)
    {
        int space = beginning.IndexOf((byte)' ');
        var method = space < 0 ? beginning : beginning[..space];
        if (method.Length == 1 && method[0] == '\r') return true;
        return method.Length <= 64 && FieldSyntax.IsToken(method);
    }

    protected override bool OnStartLine(Span<byte> line)
    {
        int methodEnd = line.IndexOf((byte)' ');
        int targetEnd = line.LastIndexOf((byte)' ');
        if (methodEnd <= 0 || targetEnd <= methodEnd) return Fail(400, "http1.codec_error");
        ReadOnlySpan<byte> method = line[..methodEnd], target = line[(methodEnd + 1)..targetEnd], version = line[(targetEnd + 1)..];
        if (!FieldSyntax.IsToken(method)) return Fail(400, "http1.invalid_method");
        if (version.Length != 8 || !version[..5].SequenceEqual("HTTP/"u8) || version[5] is < (byte)'0' or > (byte)'9' || version[6] != '.'
            || version[7] is < (byte)'0' or > (byte)'9')
            return Fail(400, "http1.invalid_version");
        if (version[5] != '1') return Fail(505, "http1.unsupported_version");
        Minor = version[7] - '0'; // RFC 9112 section 2.3: a higher minor version is handled as the highest we know
        if (Minor > 1) Minor = 1;
        if (method.SequenceEqual("CONNECT"u8)) return OnConnect(target);
        if (method.SequenceEqual("TRACE"u8)) return Fail(405, "http1.trace_not_allowed");
        if (!RequestTarget.Parse(target, method.SequenceEqual("OPTIONS"u8), out var path, out var authority, out var scheme))
            return Fail(400, "http1.invalid_url");
        if (!authority.IsEmpty && (!AllowAbsoluteUrl || !RequestTarget.IsHost(authority))) return Fail(400, "http1.invalid_url");
        // https on a connection that is not would pass for a secure request wherever the scheme is asked for (RFC 9110 section 4.2.2).
        if (scheme.SequenceEqual("https"u8) && !Scheme.Span.SequenceEqual("https"u8)) return Fail(400, "http1.invalid_scheme");
        _headers.Add(HeaderId.Method, method);
        if (!authority.IsEmpty) _headers.Add(HeaderId.Authority, authority);
        _headers.Add(HeaderId.Path, path.IsEmpty ? "/"u8 : path);
        _headers.Add(HeaderId.Scheme, scheme.IsEmpty ? Scheme.Span : scheme);
        return true;
    }

    // RFC 9112 section 3.2.3: the target is a host with its port, and nothing else.
    private bool OnConnect(ReadOnlySpan<byte> target)
    {
        if (!TakesConnect) return Fail(405, "http1.connect_not_allowed");
        int colon = target.LastIndexOf((byte)':');
        if (Minor == 0 || colon <= 0 || colon == target.Length - 1 || target[^1] == (byte)']' || !RequestTarget.IsHost(target))
            return Fail(400, "http1.invalid_url");
        _headers.Add(HeaderId.Method, "CONNECT"u8);
        _headers.Add(HeaderId.Authority, target);
        _headers.Add(HeaderId.Scheme, Scheme.Span);
        IsConnect = true;
        return true;
    }

    // What follows is the tunnel's: a body would be neither's (RFC 9110 section 9.3.6).
    private bool EndConnect()
    {
        if (Chunked || ContentLength > 0) return Fail(400, "http1.connect_with_body");
        ContentLength = -1;
        _headers.Remove(HeaderId.ContentLength);
        _headers.Set(HeaderId.Upgrade, "CONNECT"u8);
        return Upgrade = true;
    }

    protected override bool OnField(Span<byte> line)
    {
        if (!FieldSyntax.Split(line, out var name, out var value)) return Fail(400, "http1.invalid_header");
        var id = HeaderNames.Find(name);
        switch (id)
        {
            case HeaderId.Unknown:
                if (FieldSyntax.LooksLikeFraming(name)) return Fail(400, "http1.framing_lookalike");
                _headers.Add(name, value);
                return true;
            case HeaderId.Host:
                if (++_hosts > 1) return Fail(400, "http1.multiple_hosts");
                if (!RequestTarget.IsHost(value)) return Fail(400, "http1.invalid_host");
                // RFC 9112 section 3.2.2: the authority of an absolute-form target replaces Host.
                if (!_headers.Has(HeaderId.Authority)) _headers.Add(HeaderId.Authority, value);
                return true;
            case HeaderId.ContentLength:
                if (ContentLength >= 0) return Fail(400, "http1.multiple_content_length");
                ContentLength = FieldSyntax.ParseLength(value);
                if (ContentLength < 0) return Fail(400, "http1.invalid_content_length");
                break;
            case HeaderId.TransferEncoding:
                // RFC 9112 section 6.1: a coding we do not understand is 501; chunked twice or not last has no defined end.
                if (Chunked || value.IsEmpty) return Fail(400, "http1.invalid_transfer_encoding");
                if (!FieldSyntax.EqualsIgnoreCase(value, "chunked"u8)) return Fail(501, "http1.unsupported_transfer_encoding");
                Chunked = true;
                return true;
        }
        _headers.Add(id, value);
        return true;
    }

    protected override bool OnEnd()
    {
        if (Chunked && ContentLength >= 0) return Fail(400, "http1.content_length_and_chunked");
        if (Chunked && Minor == 0) return Fail(400, "http1.transfer_encoding_in_http10");
        if (_hosts == 0 && Minor == 1) return Fail(400, "http1.missing_host");
        if (!_headers.Has(HeaderId.Authority))
        {
            if (DefaultHost is null) return Fail(400, "http1.missing_host");
            _headers.Add(HeaderId.Authority, DefaultHost);
        }
        if (_headers.Has(HeaderId.Connection)) ReadConnection();
        if (_headers.Has(HeaderId.Expect) && !ReadExpect()) return false;
        if (Minor == 0) Close |= !KeepAlive;
        return !IsConnect || EndConnect();
    }

    private void ReadConnection()
    {
        for (int i = 0; _headers.TryGetAt("connection"u8, i, out var value); i++)
            while (FieldSyntax.NextMember(ref value, out var option))
            {
                if (FieldSyntax.EqualsIgnoreCase(option, "close"u8)) Close = true;
                else if (FieldSyntax.EqualsIgnoreCase(option, "keep-alive"u8)) KeepAlive = true;
                else if (FieldSyntax.EqualsIgnoreCase(option, "upgrade"u8)) Upgrade = Minor == 1 && _headers.Has(HeaderId.Upgrade);
            }
    }

    private bool ReadExpect()
    {
        if (!FieldSyntax.EqualsIgnoreCase(_headers.Get(HeaderId.Expect), "100-continue"u8) || _headers.CountOf("expect"u8) > 1)
            return Fail(417, "http1.expectation_failed");
        // RFC 9110 section 10.1.1: ignored in HTTP/1.0, and pointless without a body.
        if (Minor == 0 || !HasBody) _headers.Remove(HeaderId.Expect); else ExpectContinue = true;
        return true;
    }
}
