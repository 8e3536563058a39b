using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Security.Rbac;

namespace Managed.Proxy.Http.Filters.Rbac;

[Description("Lets requests in or keeps them out by policies.")]
[UnsupportedField("matcher shadow_matcher", "match trees are not available in this version; use rules and shadow_rules")]
public sealed record RbacFilterConfig : ConfigRecord
{
    [Description("What is enforced. Absent: everything is let in; rules without policies and with ALLOW let nothing in.")]
    public RbacRulesConfig? Rules { get; init; }

    [Description("Stands in the names of the counters allowed and denied and of the metadata of rules.")]
    public string RulesStatPrefix { get; init; } = "";

    [Description("Judged, counted and noted in metadata, but not enforced.")]
    public RbacRulesConfig? ShadowRules { get; init; }

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
