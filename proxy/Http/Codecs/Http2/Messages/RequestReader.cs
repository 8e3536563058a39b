using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Messages;

/// <summary>
/// Requests (RFC 9113 section 8.3.1), with CONNECT for another protocol (RFC 8441) turned into the upgrade that HTTP/1 knows.
/// </summary>
internal sealed class RequestReader(HpackDecoder decoder, BufferPool pool) : HeadReader(decoder, pool)
{
    private const int Method = 1 << (int)HeaderId.Method, Scheme = 1 << (int)HeaderId.Scheme, Path = 1 << (int)HeaderId.Path;
    private const int Authority = 1 << (int)HeaderId.Authority, Protocol = 1 << (int)HeaderId.Protocol;

    private bool _host;

    /// <summary>The connection is one of TLS: only there may a request call itself one of https.</summary>
    public bool IsSecure { get; init; }
    /// <summary>SETTINGS_ENABLE_CONNECT_PROTOCOL was sent.</summary>
    public bool AllowsExtendedConnect { get; init; }

    /// <summary>The request asks for another protocol on its stream; the map has it as GET with an Upgrade.</summary>
    public bool AsksUpgrade { get; private set; }
    /// <summary>An <c>expect: 100-continue</c> with a body to come.</summary>
    public bool ExpectsContinue { get; private set; }

    protected override void OnBegin() => _host = AsksUpgrade = ExpectsContinue = false;

    protected override bool OnPseudo(HeaderId id, ReadOnlySpan<byte> value) => id switch
    {
        HeaderId.Method => FieldSyntax.IsToken(value),
        HeaderId.Scheme => IsScheme(value),
        HeaderId.Authority => RequestTarget.IsHost(value),
        HeaderId.Path => IsPath(value),
        HeaderId.Protocol => AllowsExtendedConnect && FieldSyntax.IsToken(value),
        _ => false,
    };

    protected override bool OnField(HeaderId id, ReadOnlySpan<byte> value)
    {
        switch (id)
        {
            case HeaderId.Host:
                // Section 8.3.1: not another one than :authority says, and it is said once.
                if (_host || !RequestTarget.IsHost(value)) return Fail("http2.invalid_host");
                _host = true;
                if (!Headers.Has(HeaderId.Authority)) Headers.Add(HeaderId.Authority, value);
                else if (!System.Text.Ascii.EqualsIgnoreCase(value, Headers.Get(HeaderId.Authority))) return Fail("http2.multiple_hosts");
                return false;
            case HeaderId.Te:
                return FieldSyntax.EqualsIgnoreCase(value, "trailers"u8) || Fail("http2.violation.of.messaging.rule");
            case HeaderId.Cookie:
                return AddCookie(value);
            default:
                return true;
        }
    }

    protected override bool OnEnd(bool ended)
    {
        bool host = _host || (Pseudo & Authority) != 0;
        var method = Headers.Get(HeaderId.Method);
        bool connect = method.SequenceEqual("CONNECT"u8);
        int needed = connect && (Pseudo & Protocol) == 0 ? Method : Method | Scheme | Path;
        // Section 8.5: CONNECT to a host has neither scheme nor path.
        if ((Pseudo & (Method | Scheme | Path)) != needed || !host) return Fail("http2.violation.of.messaging.rule");
        if ((Pseudo & Protocol) != 0 && !connect) return Fail("http2.violation.of.messaging.rule");
        if (connect && (Pseudo & Protocol) == 0) return OnConnect();
        if (method.SequenceEqual("TRACE"u8)) return Refuse(405, "http2.trace_not_allowed");
        var path = Headers.Get(HeaderId.Path);
        if (path[0] != '/' && !(path is [(byte)'*'] && method.SequenceEqual("OPTIONS"u8))) return Fail("http2.invalid_path");
        var scheme = Headers.Get(HeaderId.Scheme);
        // As on HTTP/1: it would pass for a secure request wherever the scheme is asked for.
        if (!IsSecure && scheme.SequenceEqual("https"u8)) return Refuse(400, "http2.invalid_scheme");
        if (ended && ContentLength > 0) return Fail("http2.violation.of.messaging.rule");
        if (connect)
        {
            if (ContentLength >= 0) return Fail("http2.violation.of.messaging.rule");
            AsksUpgrade = true;
            Headers.Add(HeaderId.Upgrade, Headers.Get(HeaderId.Protocol));
            Headers.Remove(HeaderId.Protocol);
            Headers.Set(HeaderId.Method, "GET"u8);
        }
        return !Headers.Has(HeaderId.Expect) || ReadExpect(ended);
    }

    private bool OnConnect()
    {
        if (!AllowsExtendedConnect) return Refuse(405, "http2.connect_not_allowed");
        if (ContentLength >= 0) return Fail("http2.violation.of.messaging.rule");
        // RFC 9113 section 8.5: a host with its port.
        var authority = Headers.Get(HeaderId.Authority);
        if (authority.LastIndexOf((byte)':') is var colon && (colon <= 0 || colon == authority.Length - 1 || authority[^1] == (byte)']'))
            return Refuse(400, "http2.invalid_authority");
        AsksUpgrade = true;
        Headers.Set(HeaderId.Upgrade, "CONNECT"u8);
        return true;
    }

    private bool ReadExpect(bool ended)
    {
        if (!FieldSyntax.EqualsIgnoreCase(Headers.Get(HeaderId.Expect), "100-continue"u8) || Headers.CountOf("expect"u8) > 1)
            return Refuse(417, "http2.expectation_failed");
        // RFC 9110 section 10.1.1: pointless without a body.
        if (ended) Headers.Remove(HeaderId.Expect); else ExpectsContinue = true;
        return true;
    }

    // Two are served; another one would have to be known to whoever gets it.
    private static bool IsScheme(ReadOnlySpan<byte> value) => value.SequenceEqual("http"u8) || value.SequenceEqual("https"u8);

    // Visible ASCII without a fragment, as in HTTP/1's request line.
    private static bool IsPath(ReadOnlySpan<byte> value)
        => !value.IsEmpty && !value.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E) && !value.Contains((byte)'#');
}
