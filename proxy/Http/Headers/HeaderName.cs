using System.Buffers;
using System.Text;

namespace Managed.Proxy.Http.Headers;

/// <summary>
/// A field name looked up often: known names are found without comparing. <c>host</c> also finds <c>:authority</c>, which is where the
/// host of a request lives, as in Envoy.
/// </summary>
internal readonly struct HeaderName
{
    private readonly byte[] _name;
    private readonly HeaderId _id;

    public HeaderName(string name)
    {
        _name = Encoding.Latin1.GetBytes(name.ToLowerInvariant());
        _id = HeaderNames.Find(_name);
    }

    public ReadOnlySpan<byte> Bytes => _name;

    public bool TryGet(HeaderMap headers, out ReadOnlySpan<byte> value)
    {
        if (_id == HeaderId.Unknown) return headers.TryGet(_name, out value);
        var id = _id == HeaderId.Host && !headers.Has(HeaderId.Host) ? HeaderId.Authority : _id;
        value = headers.Get(id);
        return headers.Has(id);
    }

    /// <summary>A token (RFC 9110 section 5.6.2), or a pseudo-header.</summary>
    public static bool IsValid(string name)
    {
        var text = name.AsSpan();
        if (text.Length > 0 && text[0] == ':') text = text[1..];
        return text.Length is > 0 and <= 256 && text.IndexOfAnyExcept(Token) < 0;
    }

    /// <summary>A token, such as a method.</summary>
    public static bool IsToken(ReadOnlySpan<byte> text)
    {
        foreach (byte b in text)
            if (!Token.Contains((char)b)) return false;
        return text.Length > 0;
    }

    private static readonly SearchValues<char> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}
