using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Composite;

[Description("Stands for the filter that a matcher chooses: use it as the extension_config of a match_delegate whose matcher's actions are "
    + "ExecuteFilterAction. Alone it does nothing.")]
[UnsupportedField("named_filter_chains", "an action names one filter in this version")]
public sealed record CompositeConfig : ConfigRecord;

[Description("A filter and the matcher that says for which requests it runs, or which filter does.")]
public sealed record ExtensionWithMatcherConfig : ConfigRecord
{
    [OneOf("matcher_kind", Required = true), Description("Deprecated in Envoy, use xds_matcher: the same.")]
    public MatcherConfig? Matcher { get; init; }

    [OneOf("matcher_kind", Required = true), Description("Finds an action by the head of the request, or of its response. Messages: "
        + "envoy.extensions.filters.common.matcher.action.v3.SkipFilter (the filter does not run); around composite "
        + "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction (typed_config: the filter that runs in its place).")]
    public MatcherConfig? XdsMatcher { get; init; }

    [Required, Description("The filter.")]
    public InnerFilterConfig? ExtensionConfig { get; init; }
}

[Description("Another matcher for the filter's.")]
public sealed record ExtensionWithMatcherPerRouteConfig : ConfigRecord
{
    [Required, Description("It.")]
    public MatcherConfig? XdsMatcher { get; init; }
}

[Description("A filter: its name and its typed configuration.")]
public sealed record InnerFilterConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Any name; without an @type in typed_config it chooses the filter.")]
    public string Name { get; init; } = "";

    [Description("The filter's own message; @type names it.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("The filter that runs in composite's place.")]
[UnsupportedField("dynamic_config", "filters come from this document; use typed_config")]
[UnsupportedField("filter_chain filter_chain_name", "an action names one filter in this version; use typed_config")]
public sealed record ExecuteFilterActionConfig : ConfigRecord
{
    [Required, Description("The filter.")]
    public InnerFilterConfig? TypedConfig { get; init; }

    [Description("For this share of the requests that the matcher finds; the others have no filter. Absent: all.")]
    public RuntimeFractionConfig? SamplePercent { get; init; }
}

[Description("The filter does not run. No fields.")]
public sealed record SkipFilterConfig : ConfigRecord;
