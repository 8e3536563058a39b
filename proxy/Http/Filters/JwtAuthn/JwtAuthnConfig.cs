using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

[Description("Verifies JSON Web Tokens. What a request needs is what the first rule that matches it says; none matches: nothing.")]
public sealed record JwtAuthnConfig : ConfigRecord
{
    [Description("Who issues tokens, by a name that requirements use.")]
    public IReadOnlyDictionary<string, JwtProviderConfig> Providers { get; init; } = new Dictionary<string, JwtProviderConfig>();

    [Description("What requests need; the first that matches counts.")]
    public IReadOnlyList<JwtRuleConfig> Rules { get; init; } = [];

    [Description("What requests need that no rule matches, by what another filter has put into the filter state.")]
    public JwtFilterStateRuleConfig? FilterStateRules { get; init; }

    [Description("Lets CORS preflights through, which carry no tokens.")]
    public bool BypassCorsPreflight { get; init; }

    [Description("Requirements by a name that rules and routes use.")]
    public IReadOnlyDictionary<string, JwtRequirementConfig> RequirementMap { get; init; } = new Dictionary<string, JwtRequirementConfig>();

    [Description("Refuses without a body and without www-authenticate.")]
    public bool StripFailureResponse { get; init; }

    [Description("Stands in the names of the statistics after jwt_authn.")]
    public string StatPrefix { get; init; } = "";
}

[Description("What some requests need.")]
public sealed record JwtRuleConfig : ConfigRecord
{
    [Required, Description("Which requests, as in a route.")]
    public RouteMatchConfig? Match { get; init; }

    [OneOf("requirement_type"), Description("What they need. With neither of the two: nothing.")]
    public JwtRequirementConfig? Requires { get; init; }

    [OneOf("requirement_type"), Length(1, 1024), Description("One of requirement_map.")]
    public string? RequirementName { get; init; }
}

[Description("What a request needs. Nothing given: nothing.")]
[UnsupportedField("extract_only_without_validation", "a token that is not verified says nothing")]
public sealed record JwtRequirementConfig : ConfigRecord
{
    [OneOf("requires_type"), Description("A token of this provider.")]
    public string? ProviderName { get; init; }

    [OneOf("requires_type"), Description("A token of a provider for one of these audiences.")]
    public JwtProviderWithAudiencesConfig? ProviderAndAudiences { get; init; }

    [OneOf("requires_type"), Description("One of these.")]
    public JwtRequirementListConfig? RequiresAny { get; init; }

    [OneOf("requires_type"), Description("All of these.")]
    public JwtRequirementListConfig? RequiresAll { get; init; }

    [OneOf("requires_type"), Description("Nothing: tokens are verified, and what they say is passed on when they are good.")]
    public EmptyConfig? AllowMissingOrFailed { get; init; }

    [OneOf("requires_type"), Description("No token, or good ones.")]
    public EmptyConfig? AllowMissing { get; init; }
}

[Description("A provider, with audiences in place of its own.")]
public sealed record JwtProviderWithAudiencesConfig : ConfigRecord
{
    [Required, Description("Name of the provider.")]
    public string ProviderName { get; init; } = "";

    [Description("Audiences; the token must be for one of them.")]
    public IReadOnlyList<string> Audiences { get; init; } = [];
}

[Description("Several requirements.")]
public sealed record JwtRequirementListConfig : ConfigRecord
{
    [Required, Length(2, 100), Description("The requirements, at least two.")]
    public IReadOnlyList<JwtRequirementConfig> Requirements { get; init; } = [];
}

[Description("Requirements that another filter chooses among.")]
public sealed record JwtFilterStateRuleConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("Name of the object in the filter state; its text names the requirement.")]
    public string Name { get; init; } = "";

    [Description("The requirements by that text.")]
    public IReadOnlyDictionary<string, JwtRequirementConfig> Requires { get; init; } = new Dictionary<string, JwtRequirementConfig>();
}

[Description("What the requests of a route, virtual host, route configuration or weighted cluster need, whatever the rules say.")]
public sealed record JwtPerRouteConfig : ConfigRecord
{
    [OneOf("requirement_specifier", Required = true), Description("true: nothing.")]
    public bool Disabled { get; init; }

    [OneOf("requirement_specifier", Required = true), Length(1, 1024),
        Description("One of the filter's requirement_map; with one that it does not have, requests are refused with 403.")]
    public string? RequirementName { get; init; }
}
