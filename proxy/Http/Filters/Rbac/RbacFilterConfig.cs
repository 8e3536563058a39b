using System.ComponentModel;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Security.Rbac;

namespace Managed.Proxy.Http.Filters.Rbac;

[Description("Lets requests in or keeps them out by policies.")]
public sealed record RbacFilterConfig : ConfigRecord
{
    [OneOf("rules_specifier"),
        Description("What is enforced. Absent: everything is let in; rules without policies and with ALLOW let nothing in.")]
    public RbacRulesConfig? Rules { get; init; }

    [OneOf("rules_specifier"), Description("The same as a matcher whose action is envoy.config.rbac.v3.Action (name; action ALLOW, DENY or "
        + "LOG); what it finds nothing for is denied.")]
    public MatcherConfig? Matcher { get; init; }

    [Description("Stands in the names of the counters allowed and denied and of the metadata of rules.")]
    public string RulesStatPrefix { get; init; } = "";

    [OneOf("shadow_rules_specifier"), Description("Judged, counted and noted in metadata, but not enforced.")]
    public RbacRulesConfig? ShadowRules { get; init; }

    [OneOf("shadow_rules_specifier"), Description("The same as a matcher.")]
    public MatcherConfig? ShadowMatcher { get; init; }

    [Description("Stands in the names of the counters shadow_allowed and shadow_denied and of the metadata of shadow_rules.")]
    public string ShadowRulesStatPrefix { get; init; } = "";

    [Description("Each policy counts too, under policy.NAME.")]
    public bool TrackPerRuleStats { get; init; }
}

[Description("Policies in place of the filter's.")]
public sealed record RbacPerRouteConfig : ConfigRecord
{
    [Description("In place of the filter's own. Absent: everything is let in here.")]
    public RbacFilterConfig? Rbac { get; init; }
}
