using System.Buffers.Text;
using System.Text;
using Managed.Proxy.Core.Json;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.OAuth2;

/// <summary>Asks the token endpoint (RFC 6749 sections 4.1.3 and 6), and reads its answers (section 5.1).</summary>
internal static class TokenRequest
{
    // A browser keeps 4 KiB a cookie; beyond four times that nobody will.
    private const int MaxToken = 16 * 1024;
    private const double MostSeconds = 10 * 365 * 86400.0;

    public static void WriteCode(HttpCall call, OAuth2Settings settings, string code, string redirectUri, string verifier)
        => Write(call, settings, ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirectUri),
            ("code_verifier", verifier));

    public static void WriteRefresh(HttpCall call, OAuth2Settings settings, ReadOnlySpan<byte> token)
        => Write(call, settings, ("grant_type", "refresh_token"), ("refresh_token", Encoding.UTF8.GetString(token)));

    private static void Write(HttpCall call, OAuth2Settings settings, params ReadOnlySpan<(string Name, string Value)> fields)
    {
        var request = call.Request;
        request.Add(HeaderId.Method, "POST"u8);
        request.Add(HeaderId.Scheme, settings.TokenScheme);
        request.Add(HeaderId.Authority, settings.TokenHost);
        request.Add(HeaderId.Path, settings.TokenPath);
        request.Add(HeaderId.ContentType, "application/x-www-form-urlencoded"u8);
        request.Add("accept"u8, "application/json"u8);
        var body = call.RequestBody;
        foreach (var (name, value) in fields)
        {
            if (body.Length > 0) body.Write((byte)'&');
            body.Write(name);
            body.Write((byte)'=');
            body.Write(OAuth2Settings.Escape(value));
        }
        string id = OAuth2Settings.Escape(settings.ClientId), secret = OAuth2Settings.Escape(settings.ClientSecret);
        if (settings.Config.AuthType == OAuth2AuthType.BasicAuth)
            request.Add("authorization", "Basic " + Convert.ToBase64String(Encoding.ASCII.GetBytes($"{id}:{secret}")));
        else body.Write($"&client_id={id}&client_secret={secret}");
    }

    /// <summary>Puts the answer's tokens into the session; false: there are none.</summary>
    /// <param name="call">Answered.</param>
    /// <param name="settings">What is kept of them.</param>
    /// <param name="session">A refresh or ID token that the answer does not replace stays.</param>
    /// <param name="now">Seconds since 1970.</param>
    /// <param name="lives">Of their cookies.</param>
    /// <param name="access">The access token, whether it is kept or not.</param>
    public static bool TryRead(HttpCall call, OAuth2Settings settings, OAuth2Session session, long now, out TokenLives lives,
        out string access)
    {
        (lives, access) = (default, "");
        var config = settings.Config;
        if (call.Failed || !call.Response.Get(HeaderId.Status).SequenceEqual("200"u8)
            || !JsonTree.TryReadObject(call.ResponseBody.Written, out var answer)
            || !TryToken(answer, "access_token", out access) || access.Length == 0
            || !TryToken(answer, "id_token", out string id) || !TryToken(answer, "refresh_token", out string refresh)) return false;
        double seconds = answer.GetValueOrDefault("expires_in") switch
        {
            double number => number,
            string text when double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out double number) => number,
            null => config.DefaultExpiresIn.TotalSeconds,
            _ => 0,
        };
        if (!(seconds >= 1)) return false;
        long expires = (long)Math.Min(seconds, MostSeconds);
        Put(session.Access, config.DisableAccessTokenSetCookie ? "" : access);
        if (config.DisableIdTokenSetCookie) session.Id.Clear();
        else if (id.Length > 0) Put(session.Id, id);
        if (!config.UseRefreshToken || config.DisableRefreshTokenSetCookie) session.Refresh.Clear();
        else if (refresh.Length > 0) Put(session.Refresh, refresh);
        session.Expires.Clear();
        session.Expires.Write(now + expires);
        string refreshes = Encoding.ASCII.GetString(session.Refresh.Written), identity = Encoding.ASCII.GetString(session.Id.Written);
        lives = new TokenLives(expires, LifeOf(identity, now) ?? expires,
            LifeOf(refreshes, now) ?? (long)config.DefaultRefreshTokenExpiresIn.TotalSeconds);
        return true;
    }

    private static void Put(Core.Buffers.ByteWriter to, string token)
    {
        to.Clear();
        to.Write(token);
    }

    // Absent is empty; what is no text, too long or not to stand in a field is no token.
    private static bool TryToken(Dictionary<string, object?> answer, string name, out string token)
    {
        token = answer.GetValueOrDefault(name) as string ?? "";
        return answer.GetValueOrDefault(name) is null or string && token.Length <= MaxToken
            && token.All(static c => c is > ' ' and < '\x7f' and not (';' or ',' or '"' or '\\'));
    }

    // Of a JWT (RFC 7519 section 4.1.4), which is not verified here: it only says how long a cookie lives.
    private static long? LifeOf(string token, long now)
    {
        string[] parts = token.Split('.');
        if (parts.Length != 3 || !Base64Url.IsValid(parts[1])) return null;
        if (!JsonTree.TryReadObject(Base64Url.DecodeFromChars(parts[1]), out var claims)
            || claims.GetValueOrDefault("exp") is not double expires || !(Math.Abs(expires) < 1e15)) return null;
        return Math.Max(0, (long)expires - now);
    }
}
