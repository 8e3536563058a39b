using System.Buffers.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.OAuth2;

/// <summary>
/// What the cookies of a request say of its session. Signed is <c>domain LF expires LF access token LF id token LF refresh token</c>, the
/// tokens as they are behind their encryption.
/// </summary>
internal sealed class OAuth2Session
{
    private static readonly byte[] BearerKind = "bearer"u8.ToArray(), IdKind = "id"u8.ToArray(), RefreshKind = "refresh"u8.ToArray();

    private readonly ByteWriter _message = new(1024);

    public ByteWriter Access { get; } = new(0);
    public ByteWriter Id { get; } = new(0);
    public ByteWriter Refresh { get; } = new(0);
    private bool _hadAccess, _hadId, _hadRefresh; // a cookie for it

    /// <summary>Seconds since 1970, as text.</summary>
    public ByteWriter Expires { get; } = new(16);

    public void Clear()
    {
        const int kept = 4096;
        Access.Release(kept);
        Id.Release(kept);
        Refresh.Release(kept);
        Expires.Clear();
        _hadAccess = _hadId = _hadRefresh = false;
        _message.Release(4 * kept);
    }

    /// <summary>Reads the cookies; what cannot be decrypted is as if it were not there.</summary>
    public void Read(HeaderMap headers, OAuth2Settings settings, CookieSeal seal)
    {
        Expires.Clear();
        if (Cookies.TryFind(headers, settings.Expires.Name, out var expires)) Expires.Write(expires);
        _hadAccess = Token(headers, settings, settings.Bearer, BearerKind, seal, Access);
        _hadId = Token(headers, settings, settings.Id, IdKind, seal, Id);
        _hadRefresh = Token(headers, settings, settings.Refresh, RefreshKind, seal, Refresh);
    }

    /// <summary>It is somebody else's from here on.</summary>
    public void Forget()
    {
        Access.Clear();
        Id.Clear();
        Refresh.Clear();
    }

    private static bool Token(HeaderMap headers, OAuth2Settings settings, OAuth2Cookie cookie, byte[] kind, CookieSeal seal, ByteWriter to)
    {
        to.Clear();
        if (!Cookies.TryFind(headers, cookie.Name, out var value)) return false;
        if (settings.Config.DisableTokenEncryption) to.Write(value);
        else seal.TryDecrypt(value, kind, to);
        return true;
    }

    /// <summary>Signed by us for this host, and not over.</summary>
    public bool IsValid(HeaderMap headers, OAuth2Settings settings, CookieSeal seal, long nowSeconds)
    {
        if (!Cookies.TryFind(headers, settings.Hmac.Name, out var signature)
            || signature.Length != CookieSeal.SignatureLength) return false;
        if (!seal.IsSigned(Message(headers, settings), signature)) return false;
        return Utf8Parser.TryParse(Expires.Written, out long expires, out int used) && used == Expires.Length && expires > nowSeconds;
    }

    /// <summary>Appends its signature.</summary>
    public void Sign(HeaderMap headers, OAuth2Settings settings, CookieSeal seal, ByteWriter to)
        => seal.Sign(Message(headers, settings), to);

    private ReadOnlySpan<byte> Message(HeaderMap headers, OAuth2Settings settings)
    {
        _message.Clear();
        _message.Write(settings.CookieDomain.Length > 0 ? settings.CookieDomain : headers.Get(HeaderId.Authority));
        foreach (var part in (ReadOnlySpan<ByteWriter>)[Expires, Access, Id, Refresh])
        {
            _message.Write((byte)'\n');
            _message.Write(part.Written);
        }
        return _message.Written;
    }

    /// <summary>Adds the session's cookies to a response; those that the browser has and the session has not are taken back.</summary>
    public void Set(HeaderMap response, HeaderMap request, OAuth2Settings settings, CookieSeal seal, TokenLives lives, ByteWriter scratch)
    {
        scratch.Clear();
        Sign(request, settings, seal, scratch);
        Add(response, settings.Hmac, scratch.Written.ToArray(), lives.Access);
        Add(response, settings.Expires, Expires.Written, lives.Access);
        Token(settings.Bearer, BearerKind, Access, lives.Access, _hadAccess);
        Token(settings.Id, IdKind, Id, lives.Id, _hadId);
        Token(settings.Refresh, RefreshKind, Refresh, lives.Refresh, _hadRefresh);

        void Token(OAuth2Cookie cookie, byte[] kind, ByteWriter token, long seconds, bool had)
        {
            if (token.Length == 0)
            {
                if (had) TakeBack(response, cookie);
                return;
            }
            scratch.Clear();
            if (settings.Config.DisableTokenEncryption) scratch.Write(token.Written); else seal.Encrypt(token.Written, kind, scratch);
            Add(response, cookie, scratch.Written, seconds);
        }
    }

    public static void Add(HeaderMap response, OAuth2Cookie cookie, ReadOnlySpan<byte> value, long seconds)
    {
        var line = new ByteWriter(value.Length + 128);
        line.Write(cookie.Name);
        line.Write((byte)'=');
        line.Write(value);
        line.Write(";Max-Age="u8);
        line.Write(seconds);
        line.Write(cookie.Attributes);
        response.Add("set-cookie"u8, line.Written);
    }

    public static void TakeBack(HeaderMap response, OAuth2Cookie cookie)
        => response.Add("set-cookie", $"{cookie.Text}=deleted{cookie.Place};expires=Thu, 01 Jan 1970 00:00:00 GMT;secure;HttpOnly");

    /// <summary>The upstream gets the tokens as they are, and nothing else of the session.</summary>
    public void ShowUpstream(HeaderMap headers, OAuth2Settings settings, ByteWriter scratch)
    {
        scratch.Clear();
        bool any = false;
        for (int i = 0; headers.TryGetAt("cookie"u8, i, out var field); i++)
            while (!field.IsEmpty)
            {
                int end = field.IndexOf((byte)';');
                var pair = FieldSyntax.Trim(end < 0 ? field : field[..end]);
                field = end < 0 ? default : field[(end + 1)..];
                int equals = pair.IndexOf((byte)'=');
                if (pair.IsEmpty) continue;
                if (equals >= 0 && IsOurs(pair[..equals], settings)) { any = true; continue; }
                Append(scratch, pair, default);
            }
        if (!any) return;
        if (Access.Length > 0) Append(scratch, settings.Bearer.Name, Access.Written);
        if (Id.Length > 0) Append(scratch, settings.Id.Name, Id.Written);
        if (scratch.Length > 0) headers.Set(HeaderId.Cookie, scratch.Written); else headers.Remove(HeaderId.Cookie);
    }

    private static bool IsOurs(ReadOnlySpan<byte> name, OAuth2Settings settings)
    {
        foreach (var cookie in settings.All)
            if (name.SequenceEqual(cookie.Name)) return true;
        return false;
    }

    private static void Append(ByteWriter to, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (to.Length > 0) to.Write("; "u8);
        to.Write(name);
        if (value.IsEmpty) return;
        to.Write((byte)'=');
        to.Write(value);
    }
}

/// <summary>Seconds that the cookies of tokens live.</summary>
internal readonly record struct TokenLives(long Access, long Id, long Refresh);
