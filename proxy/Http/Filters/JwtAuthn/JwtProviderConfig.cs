using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

[Description("Who issues tokens: how they are found, what they are verified with, and what becomes of them.")]
public sealed record JwtProviderConfig : ConfigRecord
{
    [Description("What iss must be. Absent: anything.")]
    public string Issuer { get; init; } = "";

    [Description("aud must be or hold one of these; http://, https:// and a slash at the end do not count. Absent: any.")]
    public IReadOnlyList<string> Audiences { get; init; } = [];

    [Description("A test of sub.")]
    public StringMatcherConfig? Subjects { get; init; }

    [Description("exp must be there.")]
    public bool RequireExpiration { get; init; }

    [DurationRange(0), Description("exp must be there, and no further away than this.")]
    public TimeSpan? MaxLifetime { get; init; }

    [OneOf("jwks_source_specifier", Required = true), Description("The keys, fetched from a URL.")]
    public RemoteJwksConfig? RemoteJwks { get; init; }

    [OneOf("jwks_source_specifier", Required = true), Sensitive,
        Description("The keys: a JSON Web Key Set. Hidden like a secret, which keys of the kind oct are.")]
    public DataSourceConfig? LocalJwks { get; init; }

    [Description("Leaves the token in the request; otherwise its header or query parameter is removed. A cookie stays.")]
    public bool Forward { get; init; }

    [Description("Headers with tokens. With no place given at all: authorization with 'Bearer ', and the parameter access_token.")]
    public IReadOnlyList<JwtHeaderConfig> FromHeaders { get; init; } = [];

    [Description("Query parameters with tokens.")]
    public IReadOnlyList<string> FromParams { get; init; } = [];

    [Description("Cookies with tokens.")]
    public IReadOnlyList<string> FromCookies { get; init; } = [];

    [Length(0, 256), Description("The header that takes the payload to the upstream, as base64url. What clients put there is removed.")]
    public string ForwardPayloadHeader { get; init; } = "";

    [Description("With the padding that base64url leaves out.")]
    public bool PadForwardPayloadHeader { get; init; }

    [Description("The key of the payload in the dynamic metadata of envoy.filters.http.jwt_authn.")]
    public string PayloadInMetadata { get; init; } = "";

    [Description("Changes of what payload_in_metadata shows.")]
    public JwtNormalizePayloadConfig? NormalizePayloadInMetadata { get; init; }

    [Description("Likewise the key of the token's header.")]
    public string HeaderInMetadata { get; init; } = "";

    [Description("Likewise the key of why a token was refused: code and message.")]
    public string FailedStatusInMetadata { get; init; } = "";

    [Range(0L, 86_400L), Description("How many seconds the clocks may differ; 0: 60.")]
    public long ClockSkewSeconds { get; init; } = 60; // Envoy's default

    [Description("How many verified tokens each worker remembers. Absent: as with its defaults, where Envoy remembers none; a token is "
        + "remembered for the keys that verified it, and its times are looked at with each request.")]
    public JwtCacheConfig JwtCacheConfig { get; init; } = new();

    [Description("Claims that are passed on as headers. What clients put there is removed.")]
    public IReadOnlyList<JwtClaimToHeaderConfig> ClaimToHeaders { get; init; } = [];

    [Description("Matches the route again when claim_to_headers or payload_in_metadata gave something.")]
    public bool ClearRouteCache { get; init; }
}

[Description("Keys behind a URL.")]
public sealed record RemoteJwksConfig : ConfigRecord
{
    [Required, Description("The URL; an answer of more than 1 MiB counts as a failure.")]
    public HttpUriConfig? HttpUri { get; init; }

    [DurationRange(1), Description("How long the keys are used before they are fetched again.")]
    public TimeSpan CacheDuration { get; init; } = TimeSpan.FromMinutes(10); // Envoy's default

    [Description("Fetches before a request needs them, and again before they are too old. A publication never waits for it.")]
    public JwksAsyncFetchConfig? AsyncFetch { get; init; }

    [Description("Tries again when a fetch fails. Absent: not.")]
    public FetchRetryConfig? RetryPolicy { get; init; }
}

[Description("When keys are fetched unasked.")]
public sealed record JwksAsyncFetchConfig : ConfigRecord
{
    [Description("Both are the same here: the listener is open at once, and requests that need the keys wait for them.")]
    public bool FastListener { get; init; }

    [DurationRange(1), Description("When it is tried again after a failure; the keys of before are used meanwhile.")]
    public TimeSpan FailedRefetchDuration { get; init; } = TimeSpan.FromSeconds(1); // Envoy's default
}

[Description("A header with a token.")]
public sealed record JwtHeaderConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name.")]
    public string Name { get; init; } = "";

    [Length(0, 256), Description("What stands before the token, such as 'Bearer '. A value without it has no token.")]
    public string ValuePrefix { get; init; } = "";
}

[Description("A claim that is passed on as a header.")]
public sealed record JwtClaimToHeaderConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The header.")]
    public string HeaderName { get; init; } = "";

    [Required, Length(1, 1024), Description("The claim: a text, number or truth; a.b is b within a.")]
    public string ClaimName { get; init; } = "";
}

[Description("The tokens that a worker remembers.")]
public sealed record JwtCacheConfig : ConfigRecord
{
    [Range(0L, 100_000L), Description("How many; 0: 100.")]
    public long JwtCacheSize { get; init; } = 100; // Envoy's default

    [Range(0L, 65_536L), Description("A longer one is verified each time; 0: 4096.")]
    public long JwtMaxTokenSize { get; init; } = 4096; // Envoy's default
}

[Description("Changes of a payload.")]
public sealed record JwtNormalizePayloadConfig : ConfigRecord
{
    [Description("Claims that are lists with spaces between, such as scope; they become lists.")]
    public IReadOnlyList<string> SpaceDelimitedClaims { get; init; } = [];
}
