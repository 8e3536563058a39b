using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Csrf;

[Description("Refuses requests that change something and come from a page of another origin. For a route this policy counts in full.")]
public sealed record CsrfPolicyConfig : ConfigRecord
{
    [Required, Description("Share of the requests whose origin is enforced.")]
    public RuntimeFractionConfig? FilterEnabled { get; init; }

    [Description("Share of the requests whose origin is only counted, where filter_enabled does not hold. Absent: none.")]
    public RuntimeFractionConfig? ShadowEnabled { get; init; }

    [Description("Further origins: tests of the host with its port.")]
    public IReadOnlyList<StringMatcherConfig> AdditionalOrigins { get; init; } = [];
}
