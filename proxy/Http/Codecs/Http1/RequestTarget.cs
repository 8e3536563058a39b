using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>
/// The forms of a request target (RFC 9112 section 3.2) and what may stand in a Host (RFC 9110 section 7.2, RFC 3986 section 3.2).
/// </summary>
internal static class RequestTarget
{
    /// <summary>
    /// origin-form, absolute-form of http and https, asterisk-form with OPTIONS. No fragment, no user information, no byte outside
    /// visible ASCII. Authority and scheme are empty unless absolute.
    /// </summary>
    public static bool Parse(ReadOnlySpan<byte> target, bool options, out ReadOnlySpan<byte> path, out ReadOnlySpan<byte> authority,
        out ReadOnlySpan<byte> scheme)
    {
        path = authority = scheme = default;
        if (target.IsEmpty || target.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E) || target.Contains((byte)'#')) return false;
        if (target[0] == '/') { path = target; return true; }
        if (target is [(byte)'*']) { path = target; return options; }
        int schemeLength = StartsWith(target, "http://"u8) ? 4 : StartsWith(target, "https://"u8) ? 5 : 0;
        if (schemeLength == 0) return false;
        scheme = schemeLength == 4 ? "http"u8 : "https"u8;
        var rest = target[(schemeLength + 3)..];
        int end = rest.IndexOfAny((byte)'/', (byte)'?');
        authority = end < 0 ? rest : rest[..end];
        if (authority.IsEmpty) return false;
        path = end < 0 ? default : rest[end..];
        if (path.IsEmpty) { path = options ? "*"u8 : "/"u8; return true; }
        // "http://host?query" has an empty path, which an origin server must see as "/": refuse rather than build another string here.
        return path[0] == '/';
    }

    /// <summary>
    /// uri-host [ ":" port ], not empty. A comma is refused though RFC 3986 allows it: it is how two Host fields look when joined.
    /// </summary>
    public static bool IsHost(ReadOnlySpan<byte> host)
    {
        if (host.IsEmpty) return false;
        int colon;
        if (host[0] == '[')
        {
            int close = host.IndexOf((byte)']');
            if (close < 2 || host[1..close].ContainsAnyExcept(IpLiteral)) return false;
            colon = close + 1;
            if (colon == host.Length) return true;
            if (host[colon] != ':') return false;
        }
        else
        {
            colon = host.IndexOf((byte)':');
            var name = colon < 0 ? host : host[..colon];
            if (name.IsEmpty || name.ContainsAnyExcept(RegName)) return false;
            for (int i = name.IndexOf((byte)'%'); i >= 0 && i < name.Length; i++)
                if (name[i] == '%' && (i + 2 >= name.Length || !IsHex(name[i + 1]) || !IsHex(name[i + 2]))) return false;
            if (colon < 0) return true;
        }
        var port = host[(colon + 1)..];
        return port.Length <= 5 && !port.ContainsAnyExceptInRange((byte)'0', (byte)'9')
            && (port.Length < 5 || FieldSyntax.ParseLength(port) <= 65535);
    }

    private static readonly System.Buffers.SearchValues<byte> RegName = System.Buffers.SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+;="u8);

    private static readonly System.Buffers.SearchValues<byte> IpLiteral =
        System.Buffers.SearchValues.Create("0123456789abcdefABCDEF:.vV%-_~"u8);

    private static bool IsHex(byte b) => char.IsAsciiHexDigit((char)b);

    private static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lower)
        => text.Length >= lower.Length && System.Text.Ascii.EqualsIgnoreCase(text[..lower.Length], lower);
}
