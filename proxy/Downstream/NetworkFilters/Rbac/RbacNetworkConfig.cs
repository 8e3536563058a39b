using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Security.Rbac;

namespace Managed.Proxy.Downstream.NetworkFilters.Rbac;

[Description("Lets connections in or closes them, by policies.")]
public sealed record RbacNetworkConfig : ConfigRecord
{
    [OneOf("rules_specifier"),
        Description("What is enforced. Absent: everything is let in; rules without policies and with ALLOW let nothing in.")]
    public RbacRulesConfig? Rules { get; init; }

    [OneOf("rules_specifier"), Description("The same as a matcher whose action is envoy.config.rbac.v3.Action (name; action ALLOW, DENY or "
        + "LOG); what it finds nothing for is denied.")]
    public MatcherConfig? Matcher { get; init; }

    [OneOf("shadow_rules_specifier"), Description("Judged, counted and noted in metadata, but not enforced.")]
    public RbacRulesConfig? ShadowRules { get; init; }

    [OneOf("shadow_rules_specifier"), Description("The same as a matcher.")]
    public MatcherConfig? ShadowMatcher { get; init; }

    [Description("Stands in the names of the counters shadow_allowed and shadow_denied and of the metadata of shadow_rules.")]
    public string ShadowRulesStatPrefix { get; init; } = "";

    [Required, Length(1, 256), Description("Begin of the names of the statistics.")]
    public string StatPrefix { get; init; } = "";

    [Description(
        "ONE_TIME_ON_FIRST_BYTE judges before the first byte goes by, in either direction; CONTINUOUS again before each further piece.")]
    public RbacEnforcementType EnforcementType { get; init; } = RbacEnforcementType.OneTimeOnFirstByte; // Envoy's default

    [Description("How long a denied connection stays open, silent. Absent: it is closed at once.")]
    public TimeSpan? DelayDeny { get; init; }
}

public enum RbacEnforcementType { OneTimeOnFirstByte, Continuous }
