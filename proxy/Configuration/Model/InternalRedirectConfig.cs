using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Redirects of the upstream are followed here, and the client sees the last answer alone.")]
public sealed record InternalRedirectPolicyConfig : ConfigRecord
{
    [Range(0u, 100u), Description("So many for one request; 1 if nothing is said.")]
    public uint MaxInternalRedirects { get; init; } = 1; // Envoy's default

    [Length(0, 5), Description("Statuses that are followed: 301, 302, 303, 307, 308. None: 302.")]
    public IReadOnlyList<uint> RedirectResponseCodes { get; init; } = [];

    [Length(0, 8), Description("Which routes may be redirected to; all have to allow it.")]
    public IReadOnlyList<RedirectPredicateConfig> Predicates { get; init; } = [];

    [Description("A redirect may go from http to https and back.")]
    public bool AllowCrossSchemeRedirect { get; init; }

    [Length(0, 50), Description("Headers of the redirect that the request gets.")]
    public IReadOnlyList<string> ResponseHeadersToCopy { get; init; } = [];
}

[Description("Which routes may be redirected to, with its message in typed_config.")]
public sealed record RedirectPredicateConfig : ConfigRecord
{
    [Required, Length(1, 256),
        Description("envoy.internal_redirect_predicates.previous_routes, …allow_listed_routes or …safe_cross_scheme.")]
    public string Name { get; init; } = "";

    [Description("Its configuration.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("Only these routes.")]
public sealed record AllowListedRoutesConfig : ConfigRecord
{
    [Length(0, 1000), Description("Their names.")]
    public IReadOnlyList<string> AllowedRouteNames { get; init; } = [];
}
