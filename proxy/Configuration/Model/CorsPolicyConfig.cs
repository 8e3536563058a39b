using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Which pages of other origins may read answers (CORS). A field that is left out is looked for at the next level up.")]
[UnsupportedField("allow_origin allow_origin_regex", "Envoy's version 3 has allow_origin_string_match in their place")]
[UnsupportedField("enabled", "Envoy's version 3 has filter_enabled in its place")]
public sealed record CorsPolicyConfig : ConfigRecord
{
    [Description("Origins that are allowed, such as https://shop.example; what matches * allows every origin.")]
    public IReadOnlyList<StringMatcherConfig> AllowOriginStringMatch { get; init; } = [];

    [Description("access-control-allow-methods of the answer to a preflight; * says the method that was asked for.")]
    public string AllowMethods { get; init; } = "";

    [Description("access-control-allow-headers of the answer to a preflight; * says the headers that were asked for.")]
    public string AllowHeaders { get; init; } = "";

    [Description("access-control-expose-headers of answers.")]
    public string ExposeHeaders { get; init; } = "";

    [Description("access-control-max-age of the answer to a preflight, in seconds.")]
    public string MaxAge { get; init; } = "";

    [Description("Adds access-control-allow-credentials: true. Absent at all levels: no.")]
    public bool? AllowCredentials { get; init; }

    [Description("Share of the requests that the policy is for; only the most specific level's counts. Absent: all of them.")]
    public RuntimeFractionConfig? FilterEnabled { get; init; }

    [Description("Share of the requests whose origins are counted only, where filter_enabled does not hold. Absent: none.")]
    public RuntimeFractionConfig? ShadowEnabled { get; init; }

    [Description("Answers access-control-request-private-network: true of a preflight. Absent at all levels: no.")]
    public bool? AllowPrivateNetworkAccess { get; init; }

    [Description("Whether preflights of origins that are not allowed go on to the upstream. Absent at all levels: yes.")]
    public bool? ForwardNotMatchingPreflights { get; init; }
}
