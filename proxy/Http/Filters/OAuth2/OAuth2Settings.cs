using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.OAuth2;

/// <summary>A cookie: its name, and what stands behind its value but for its life.</summary>
internal sealed record OAuth2Cookie(byte[] Name, string Attributes, string Place)
{
    public string Text => Encoding.ASCII.GetString(Name);
}

/// <summary>How browsers are signed in, of a chain's filter or a route's.</summary>
internal sealed class OAuth2Settings
{
    private const int LeastSecret = 16;
    private readonly CookieSeal?[] _seals = new CookieSeal?[WorkerContext.MaxWorkers];
    private readonly byte[] _hmacSecret;

    private OAuth2Settings(OAuth2SettingsConfig config, FilterBuildContext context, byte[] hmacSecret, byte[] tokenSecret, Uri token)
    {
        Config = config;
        _hmacSecret = hmacSecret;
        var errors = context.Errors;
        var credentials = config.Credentials!;
        ClientSecret = Encoding.UTF8.GetString(tokenSecret).TrimEnd('\r', '\n');
        (TokenHost, TokenScheme, TokenPath) = (Encoding.ASCII.GetBytes(token.Authority), Encoding.ASCII.GetBytes(token.Scheme),
            Encoding.ASCII.GetBytes(token.PathAndQuery));
        TokenMicros = config.TokenEndpoint!.Timeout.Ticks / TimeSpan.TicksPerMicrosecond;
        RedirectUri = FormatTemplate.Compile(config.RedirectUri, errors, config.Node);
        RedirectPath = config.RedirectPathMatcher?.Path is { } callback ? StringMatch.Of(callback, errors) : null;
        SignoutPath = config.SignoutPath?.Path is { } signout ? StringMatch.Of(signout, errors) : null;
        PassThrough = HeaderMatch.CompileAll(config.PassThroughMatcher, errors) ?? [];
        DenyRedirect = HeaderMatch.CompileAll(config.DenyRedirectMatcher, errors) ?? [];
        var (names, cookies) = (credentials.CookieNames, config.CookieConfigs);
        string domain = credentials.CookieDomain;
        Bearer = Cookie(names.BearerToken, "BearerToken", cookies.BearerTokenCookieConfig, domain, errors);
        Hmac = Cookie(names.OauthHmac, "OauthHMAC", cookies.OauthHmacCookieConfig, domain, errors);
        Expires = Cookie(names.OauthExpires, "OauthExpires", cookies.OauthExpiresCookieConfig, domain, errors);
        Id = Cookie(names.IdToken, "IdToken", cookies.IdTokenCookieConfig, domain, errors);
        Refresh = Cookie(names.RefreshToken, "RefreshToken", cookies.RefreshTokenCookieConfig, domain, errors);
        Nonce = Cookie(names.OauthNonce, "OauthNonce", cookies.OauthNonceCookieConfig, domain, errors);
        Verifier = Cookie(names.CodeVerifier, "OauthCodeVerifier", cookies.CodeVerifierCookieConfig, domain, errors);
        All = [Bearer, Hmac, Expires, Id, Refresh, Nonce, Verifier];
        if (All.DistinctBy(c => c.Text).Count() < All.Length)
            errors.ErrorAt(credentials.Node, "cookie_names", ConfigCode.Conflict, "two cookies have the same name");
        CookieDomain = Encoding.ASCII.GetBytes(domain);
        string separator = config.AuthorizationEndpoint.Contains('?', StringComparison.Ordinal) ? "&" : "?";
        var scopes = config.AuthScopes.Count > 0 ? config.AuthScopes : ["user"];
        Authorize = $"{config.AuthorizationEndpoint}{separator}client_id={Escape(credentials.ClientId)}&response_type=code&scope="
            + string.Join("%20", scopes.Select(Escape)) + string.Concat(config.Resources.Select(r => "&resource=" + Escape(r)));
        string prefix = context.StatPrefix + (config.StatPrefix.Length > 0 ? config.StatPrefix + "." : "");
        Counter C(string name) => context.Stats.Counter(prefix + name);
        (Unauthorized, Failure, Success, Passed) = (C("oauth_unauthorized_rq"), C("oauth_failure"), C("oauth_success"),
            C("oauth_passthrough"));
        (RefreshSuccess, RefreshFailure) = (C("oauth_refreshtoken_success"), C("oauth_refreshtoken_failure"));
    }

    public OAuth2SettingsConfig Config { get; }
    public string ClientId => Config.Credentials!.ClientId;
    public string ClientSecret { get; }
    public string Cluster => Config.TokenEndpoint!.Cluster!;
    public byte[] TokenHost { get; }
    public byte[] TokenScheme { get; }
    public byte[] TokenPath { get; }
    public long TokenMicros { get; }
    public FormatTemplate? RedirectUri { get; }
    public StringMatch? RedirectPath { get; }
    public StringMatch? SignoutPath { get; }
    public HeaderMatch[] PassThrough { get; }
    public HeaderMatch[] DenyRedirect { get; }
    public OAuth2Cookie Bearer { get; }
    public OAuth2Cookie Hmac { get; }
    public OAuth2Cookie Expires { get; }
    public OAuth2Cookie Id { get; }
    public OAuth2Cookie Refresh { get; }
    public OAuth2Cookie Nonce { get; }
    public OAuth2Cookie Verifier { get; }
    public OAuth2Cookie[] All { get; }
    public byte[] CookieDomain { get; }
    /// <summary>Where browsers are sent to, with what is the same for all.</summary>
    public string Authorize { get; }
    // Counters, under Envoy's http.prefix.
    public Counter Unauthorized { get; }
    public Counter Failure { get; }
    public Counter Success { get; }
    public Counter Passed { get; }
    public Counter RefreshSuccess { get; }
    public Counter RefreshFailure { get; }

    public CookieSeal Seal(WorkerContext worker) => _seals[worker.Id] ??= new CookieSeal(_hmacSecret);

    /// <summary>Null when errors were added.</summary>
    public static OAuth2Settings? Build(OAuth2SettingsConfig config, FilterBuildContext context)
    {
        var errors = context.Errors;
        int before = errors.Count;
        if (config.HasErrors || config.Credentials is not { } credentials || config.TokenEndpoint is not { } endpoint) return null;
        byte[]? hmac = credentials.HmacSecret?.GenericSecret?.Secret?.TryRead(errors);
        byte[]? secret = credentials.TokenSecret?.GenericSecret?.Secret?.TryRead(errors);
        if (hmac is { Length: 0 })
            errors.ErrorAt(credentials.Node, "hmac_secret", ConfigCode.InvalidValue, "a secret that signs cookies cannot be empty");
        else if (hmac is { Length: < LeastSecret })
            errors.WarningAt(credentials.Node, "hmac_secret", ConfigCode.InvalidValue,
                $"a secret that signs cookies should have {LeastSecret} bytes and has {hmac.Length}: who guesses it signs in as anybody",
                "make one with: openssl rand -base64 32");
        if (endpoint.Cluster is not { Length: > 0 } cluster)
            errors.ErrorAt(endpoint.Node, "cluster", ConfigCode.MissingField, "'cluster' is missing");
        else if (!context.ClusterNames.Contains(cluster))
            errors.ErrorAt(endpoint.Node, "cluster", ConfigCode.UnknownReference, $"cluster '{cluster}' does not exist",
                Suggestions.Hint(cluster, context.ClusterNames));
        // Envoy's examples have it without a scheme.
        string text = endpoint.Uri.Contains("://", StringComparison.Ordinal) ? endpoint.Uri : "https://" + endpoint.Uri;
        if (!IsUrl(text, out var token))
            errors.ErrorAt(endpoint.Node, "uri", ConfigCode.InvalidValue, $"'{endpoint.Uri}' is no http or https URL");
        if (!IsUrl(config.AuthorizationEndpoint, out _))
            errors.ErrorAt(config.Node, "authorization_endpoint", ConfigCode.InvalidValue,
                $"'{config.AuthorizationEndpoint}' is no http or https URL");
        if (config.EndSessionEndpoint.Length > 0 && !IsUrl(config.EndSessionEndpoint, out _))
            errors.ErrorAt(config.Node, "end_session_endpoint", ConfigCode.InvalidValue,
                $"'{config.EndSessionEndpoint}' is no http or https URL");
        if (config.EndSessionEndpoint.Length > 0 && !config.AuthScopes.Contains("openid"))
            errors.ErrorAt(config.Node, "end_session_endpoint", ConfigCode.Conflict, "needs 'openid' in auth_scopes");
        if (config is { ForwardBearerToken: true, PreserveAuthorizationHeader: true })
            errors.ErrorAt(config.Node, "preserve_authorization_header", ConfigCode.Conflict, "not with forward_bearer_token");
        if (hmac is null || secret is null || token is null || errors.Count > before) return null;
        var built = new OAuth2Settings(config, context, hmac, secret, token);
        return errors.Count == before ? built : null;
    }

    public static string Escape(string text) => Uri.EscapeDataString(text);

    private static bool IsUrl(string text, out Uri? url) => Uri.TryCreate(text, UriKind.Absolute, out url)
        && url.Scheme is "http" or "https" && url is { UserInfo.Length: 0, Fragment.Length: 0 }
        && HeaderValue.IsTarget(Encoding.UTF8.GetBytes(text));

    private static OAuth2Cookie Cookie(string name, string otherwise, OAuth2CookieConfig config, string domain, ConfigErrors errors)
    {
        if (name.Length == 0) name = otherwise;
        if (!FieldSyntax.IsToken(Encoding.UTF8.GetBytes(name)))
            errors.Error(config.Node, ConfigCode.InvalidValue, $"'{name}' is no name of a cookie");
        bool fits = config.Path.All(c => c is > ' ' and < '\x7f' and not ';') && (config.Path.Length == 0 || config.Path[0] == '/');
        if (!fits) errors.ErrorAt(config.Node, "path", ConfigCode.InvalidValue, $"'{config.Path}' is no path");
        if (!domain.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-'))
            errors.Error(config.Node, ConfigCode.InvalidValue, $"'{domain}' is no domain");
        string place = $";path={(config.Path.Length > 0 ? config.Path : "/")}{(domain.Length > 0 ? ";domain=" + domain : "")}";
        string site = config.SameSite switch
        {
            OAuth2SameSite.Strict => ";SameSite=Strict", OAuth2SameSite.Lax => ";SameSite=Lax", OAuth2SameSite.None => ";SameSite=None",
            _ => "",
        };
        return new OAuth2Cookie(Encoding.ASCII.GetBytes(name), $"{place};secure;HttpOnly{site}{(config.Partitioned ? ";Partitioned" : "")}",
            place);
    }
}
