using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.OAuth2;

[Description("Signs browsers in at an authorization server (OAuth 2.0 authorization code flow with PKCE) and keeps the session in cookies. "
    + "Needs HTTPS to the client: its cookies are Secure.")]
public sealed record OAuth2FilterConfig : ConfigRecord
{
    [Description("How. Absent: nobody is signed in; of a route: the filter is off there.")]
    public OAuth2SettingsConfig? Config { get; init; }
}

[Description("How browsers are signed in.")]
[UnsupportedField("retry_policy", "the token endpoint is asked once")]
public sealed record OAuth2SettingsConfig : ConfigRecord
{
    [Required, Description("Where codes are exchanged for tokens: its cluster is asked for the path of its URL.")]
    public HttpUriConfig? TokenEndpoint { get; init; }

    [Required, Length(1, 4096), Description("Where browsers are sent to sign in: an http or https URL; its own parameters stay.")]
    public string AuthorizationEndpoint { get; init; } = "";

    [Length(0, 4096), Description("Where browsers are sent to sign out, behind signout_path (OpenID Connect); needs the scope openid.")]
    public string EndSessionEndpoint { get; init; } = "";

    [Required, Description("Who the proxy is to the authorization server, and its secrets.")]
    public OAuth2CredentialsConfig? Credentials { get; init; }

    [Required, Length(1, 4096), Description("Where the authorization server sends browsers back; format operators are replaced.")]
    public string RedirectUri { get; init; } = "";

    [Required, Description("Which paths are those that browsers are sent back to.")]
    public OAuth2PathConfig? RedirectPathMatcher { get; init; }

    [Required, Description("Which paths sign out.")]
    public OAuth2PathConfig? SignoutPath { get; init; }

    [Description("Puts the access token into the request's authorization.")]
    public bool ForwardBearerToken { get; init; }

    [Description("Leaves the client's own authorization in the request; otherwise it is removed. Not with forward_bearer_token.")]
    public bool PreserveAuthorizationHeader { get; init; }

    [Length(0, 100), Description("Requests that one of these matches go on without a session.")]
    public IReadOnlyList<HeaderMatcherConfig> PassThroughMatcher { get; init; } = [];

    [Length(0, 100), Description("Requests that one of these matches get 401 in place of a redirect, such as those of scripts.")]
    public IReadOnlyList<HeaderMatcherConfig> DenyRedirectMatcher { get; init; } = [];

    [Length(0, 100), Description("What is asked for. Absent: user.")]
    public IReadOnlyList<string> AuthScopes { get; init; } = [];

    [Length(0, 100), Description("Whom the token is for (RFC 8707).")]
    public IReadOnlyList<string> Resources { get; init; } = [];

    [Description("How the secret is sent to the token endpoint: in the form, or as HTTP Basic.")]
    public OAuth2AuthType AuthType { get; init; } = OAuth2AuthType.UrlEncodedBody; // Envoy's default

    [Description("Gets new tokens by the refresh token when the old ones are over.")]
    public bool UseRefreshToken { get; init; } = true; // Envoy's default

    [Description("How long an access token lives when the server does not say; 0: then the sign-in fails.")]
    public TimeSpan DefaultExpiresIn { get; init; }

    [Description("How long the cookie of a refresh token lives that does not say itself.")]
    public TimeSpan DefaultRefreshTokenExpiresIn { get; init; } = TimeSpan.FromSeconds(604_800); // Envoy's default

    [Description("No cookie with the ID token.")]
    public bool DisableIdTokenSetCookie { get; init; }

    [Description("No cookie with the access token.")]
    public bool DisableAccessTokenSetCookie { get; init; }

    [Description("No cookie with the refresh token.")]
    public bool DisableRefreshTokenSetCookie { get; init; }

    [Description("Tokens stand in their cookies as they are; otherwise encrypted.")]
    public bool DisableTokenEncryption { get; init; }

    [Description("Attributes of the cookies.")]
    public OAuth2CookieConfigs CookieConfigs { get; init; } = new();

    [Description("Stands in the names of the statistics before oauth_.")]
    public string StatPrefix { get; init; } = "";

    [DurationRange(1000), Description("How long a browser may take to sign in: the life of the nonce cookie.")]
    public TimeSpan CsrfTokenExpiresIn { get; init; } = TimeSpan.FromSeconds(600); // Envoy's default

    [DurationRange(1000), Description("The same for the cookie of the code verifier (PKCE).")]
    public TimeSpan CodeVerifierTokenExpiresIn { get; init; } = TimeSpan.FromSeconds(600); // Envoy's default
}

/// <summary>Envoy's AuthType.</summary>
public enum OAuth2AuthType { UrlEncodedBody, BasicAuth }

[Description("A test of the path, without its query.")]
public sealed record OAuth2PathConfig : ConfigRecord
{
    [OneOf("rule", Required = true), Description("The test.")]
    public StringMatcherConfig? Path { get; init; }
}

[Description("Who the proxy is to the authorization server.")]
public sealed record OAuth2CredentialsConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("Its client_id there.")]
    public string ClientId { get; init; } = "";

    [Required, Description("The client's secret there.")]
    public GenericSecretReferenceConfig? TokenSecret { get; init; }

    [OneOf("token_formation", Required = true),
        Description("What signs and encrypts cookies; 16 bytes or more, and the same on every proxy of a site.")]
    public GenericSecretReferenceConfig? HmacSecret { get; init; }

    [Description("Names of the cookies.")]
    public OAuth2CookieNames CookieNames { get; init; } = new();

    [Length(0, 253), Description("The domain that cookies are for. Absent: the host of the request alone.")]
    public string CookieDomain { get; init; } = "";
}

[Description("Names of the cookies; their defaults are Envoy's.")]
public sealed record OAuth2CookieNames : ConfigRecord
{
    [Length(0, 128), Description("The access token. Absent: BearerToken.")]
    public string BearerToken { get; init; } = "";

    [Length(0, 128), Description("The signature of the session. Absent: OauthHMAC.")]
    public string OauthHmac { get; init; } = "";

    [Length(0, 128), Description("When it is over. Absent: OauthExpires.")]
    public string OauthExpires { get; init; } = "";

    [Length(0, 128), Description("The ID token. Absent: IdToken.")]
    public string IdToken { get; init; } = "";

    [Length(0, 128), Description("The refresh token. Absent: RefreshToken.")]
    public string RefreshToken { get; init; } = "";

    [Length(0, 128), Description("What binds a sign-in to the browser. Absent: OauthNonce.")]
    public string OauthNonce { get; init; } = "";

    [Length(0, 128), Description("The code verifier of PKCE. Absent: OauthCodeVerifier.")]
    public string CodeVerifier { get; init; } = "";
}

[Description("Attributes of each cookie.")]
public sealed record OAuth2CookieConfigs : ConfigRecord
{
    [Description("Of the access token.")]
    public OAuth2CookieConfig BearerTokenCookieConfig { get; init; } = new();

    [Description("Of the signature.")]
    public OAuth2CookieConfig OauthHmacCookieConfig { get; init; } = new();

    [Description("Of the time.")]
    public OAuth2CookieConfig OauthExpiresCookieConfig { get; init; } = new();

    [Description("Of the ID token.")]
    public OAuth2CookieConfig IdTokenCookieConfig { get; init; } = new();

    [Description("Of the refresh token.")]
    public OAuth2CookieConfig RefreshTokenCookieConfig { get; init; } = new();

    [Description("Of the nonce.")]
    public OAuth2CookieConfig OauthNonceCookieConfig { get; init; } = new();

    [Description("Of the code verifier.")]
    public OAuth2CookieConfig CodeVerifierCookieConfig { get; init; } = new();
}

[Description("Attributes of a cookie, which is Secure and HttpOnly always.")]
public sealed record OAuth2CookieConfig : ConfigRecord
{
    [Description("Its SameSite; DISABLED: it has none.")]
    public OAuth2SameSite SameSite { get; init; } = OAuth2SameSite.Disabled; // Envoy's default

    [Length(0, 1024), Description("Its Path. Absent: /.")]
    public string Path { get; init; } = "";

    [Description("It is Partitioned.")]
    public bool Partitioned { get; init; }
}

/// <summary>Envoy's SameSite.</summary>
public enum OAuth2SameSite { Disabled, Strict, Lax, None }
