using System.Buffers.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Messages;

/// <summary>Header maps into header blocks: pseudo-headers first, nothing that belongs to a connection of HTTP/1.</summary>
internal static class HeadWriter
{
    /// <param name="encoder">Of the connection.</param>
    /// <param name="headers">A request as HTTP/1 would send it.</param>
    /// <param name="isSecure">It goes over TLS: :scheme says how the peer is reached, as servers insist (RFC 9113 section 8.3.1); how the
    /// client has reached us stands in x-forwarded-proto.</param>
    /// <param name="upgrade">It asks for another protocol: an extended CONNECT (RFC 8441 section 4), whose protocol is in Upgrade.</param>
    /// <param name="length">Of the body, in place of what the map says; -1: it is not said.</param>
    /// <param name="to">Where.</param>
    public static void Request(HpackEncoder encoder, HeaderMap headers, bool isSecure, bool upgrade, long length, ByteWriter to)
    {
        encoder.Begin(to);
        // RFC 9113 section 8.5: a CONNECT to a host has neither protocol nor scheme nor path.
        bool plain = upgrade && headers.Get(HeaderId.Method).SequenceEqual("CONNECT"u8);
        Pseudo(HeaderId.Method, upgrade ? "CONNECT"u8 : headers.Get(HeaderId.Method));
        if (upgrade && !plain) Pseudo(HeaderId.Protocol, headers.Get(HeaderId.Upgrade));
        if (!plain) Pseudo(HeaderId.Scheme, isSecure ? "https"u8 : "http"u8);
        Pseudo(HeaderId.Authority, headers.Get(HeaderId.Authority));
        if (!plain) Pseudo(HeaderId.Path, headers.Get(HeaderId.Path));
        int cursor = 0;
        while (headers.Next(ref cursor, out HeaderId id, out var name, out var value))
        {
            bool never = headers.IsNeverIndexed(cursor);
            if (id == HeaderId.Cookie) Cookie(encoder, name, value, never, to);
            else if (id == HeaderId.Te)
            {
                if (FieldSyntax.EqualsIgnoreCase(value, "trailers"u8)) encoder.Field(id, name, value, to);
            }
            else if (Passes(id) && id != HeaderId.ContentLength) encoder.Field(id, name, value, to, never);
        }
        if (length >= 0) Length(encoder, length, to);

        void Pseudo(HeaderId id, ReadOnlySpan<byte> value) => encoder.Field(id, HeaderNames.Of(id), value, to);
    }

    public static void Response(HpackEncoder encoder, HeaderMap headers, ReadOnlySpan<byte> status, ByteWriter to)
    {
        encoder.Begin(to);
        encoder.Field(HeaderId.Status, ":status"u8, status, to);
        int cursor = 0;
        while (headers.Next(ref cursor, out HeaderId id, out var name, out var value))
            if (Passes(id) && id != HeaderId.Te) encoder.Field(id, name, value, to, headers.IsNeverIndexed(cursor));
    }

    public static void Trailers(HpackEncoder encoder, HeaderMap trailers, ByteWriter to)
    {
        encoder.Begin(to);
        int cursor = 0;
        while (trailers.Next(ref cursor, out HeaderId id, out var name, out var value))
            if (Passes(id) && id is not (HeaderId.ContentLength or HeaderId.Te)) encoder.Field(id, name, value, to);
    }

    private static void Length(HpackEncoder encoder, long length, ByteWriter to)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(length, digits, out int n);
        encoder.Field(HeaderId.ContentLength, "content-length"u8, digits[..n], to);
    }

    private static bool Passes(HeaderId id) => id switch
    {
        >= HeaderId.Method and <= HeaderId.Host => false,
        HeaderId.Connection or HeaderId.KeepAlive or HeaderId.ProxyConnection or HeaderId.TransferEncoding or HeaderId.Upgrade
            or HeaderId.Http2Settings => false,
        _ => true,
    };

    // RFC 9113 section 8.2.3: in pieces, most of which are in the table already when one of them has changed.
    private static void Cookie(HpackEncoder encoder, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool never, ByteWriter to)
    {
        for (int end = value.IndexOf("; "u8); end >= 0; end = value.IndexOf("; "u8))
        {
            if (end > 0) encoder.Field(HeaderId.Cookie, name, value[..end], to, never);
            value = value[(end + 2)..];
        }
        if (value.Length > 0) encoder.Field(HeaderId.Cookie, name, value, to, never);
    }
}
