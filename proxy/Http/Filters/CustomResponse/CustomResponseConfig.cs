using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.CustomResponse;

[Description("Puts responses of the proxy's own in place of some responses. Of several levels of a route the most specific whose matcher "
    + "finds something counts, the filter's own last.")]
public sealed record CustomResponseConfig : ConfigRecord
{
    [Description("Which responses are replaced, and by what. Absent: none.")]
    public MatcherConfig? CustomResponseMatcher { get; init; }
}

[Description("Envoy's xds.type.matcher.v3.Matcher: finds an action for a response.")]
public sealed record MatcherConfig : ConfigRecord
{
    [OneOf("matcher_type"), Description("Tests in order; the first that holds counts.")]
    public MatcherListConfig? MatcherList { get; init; }

    [OneOf("matcher_type"), Description("One value that is looked up.")]
    public MatcherTreeConfig? MatcherTree { get; init; }

    [Description("When nothing else is found.")]
    public OnMatchConfig? OnNoMatch { get; init; }
}

[Description("Tests in order.")]
public sealed record MatcherListConfig : ConfigRecord
{
    [Required, Length(1, 100), Description("The tests.")]
    public IReadOnlyList<FieldMatcherConfig> Matchers { get; init; } = [];
}

[Description("A test and what it leads to.")]
public sealed record FieldMatcherConfig : ConfigRecord
{
    [Required, Description("The test.")]
    public MatchPredicateConfig? Predicate { get; init; }

    [Required, Description("What it leads to.")]
    public OnMatchConfig? OnMatch { get; init; }
}

[Description("A test.")]
public sealed record MatchPredicateConfig : ConfigRecord
{
    [OneOf("match_type", Required = true), Description("Of one value.")]
    public SinglePredicateConfig? SinglePredicate { get; init; }

    [OneOf("match_type", Required = true), Description("One of them holds.")]
    public PredicateListConfig? OrMatcher { get; init; }

    [OneOf("match_type", Required = true), Description("All of them hold.")]
    public PredicateListConfig? AndMatcher { get; init; }

    [OneOf("match_type", Required = true), Description("It does not hold.")]
    public MatchPredicateConfig? NotMatcher { get; init; }
}

[Description("Several tests.")]
public sealed record PredicateListConfig : ConfigRecord
{
    [Required, Length(1, 100), Description("The tests.")]
    public IReadOnlyList<MatchPredicateConfig> Predicate { get; init; } = [];
}

[Description("A test of one value; without the value it does not hold.")]
[UnsupportedField("custom_match", "not available in this version")]
public sealed record SinglePredicateConfig : ConfigRecord
{
    [Required, Description("The value.")]
    public MatchInputConfig? Input { get; init; }

    [Required, Description("Its test.")]
    public StringMatcherConfig? ValueMatch { get; init; }
}

[Description("A value. Messages: envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput (503), "
    + "HttpResponseStatusCodeClassMatchInput (5xx), HttpResponseHeaderMatchInput and HttpRequestHeaderMatchInput with a header_name.")]
public sealed record MatchInputConfig : ConfigRecord
{
    [Length(0, 256), Description("Any name.")]
    public string Name { get; init; } = "";

    [Required, Description("Its message; @type names it.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("A header.")]
public sealed record HeaderInputConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name.")]
    public string HeaderName { get; init; } = "";
}

[Description("One value that is looked up.")]
[UnsupportedField("custom_match", "not available in this version")]
public sealed record MatcherTreeConfig : ConfigRecord
{
    [Required, Description("The value.")]
    public MatchInputConfig? Input { get; init; }

    [OneOf("tree_type", Required = true), Description("By the whole value.")]
    public MatchMapConfig? ExactMatchMap { get; init; }

    [OneOf("tree_type", Required = true), Description("By the longest beginning of the value.")]
    public MatchMapConfig? PrefixMatchMap { get; init; }
}

[Description("What values lead to.")]
public sealed record MatchMapConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("By value.")]
    public IReadOnlyDictionary<string, OnMatchConfig> Map { get; init; } = new Dictionary<string, OnMatchConfig>();
}

[Description("What a test leads to.")]
[UnsupportedField("keep_matching", "not available in this version")]
public sealed record OnMatchConfig : ConfigRecord
{
    [OneOf("on_match", Required = true), Description("More tests.")]
    public MatcherConfig? Matcher { get; init; }

    [OneOf("on_match", Required = true), Description("A response: the message "
        + "envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy.")]
    public MatchInputConfig? Action { get; init; }
}

[Description("A response of the proxy's own.")]
public sealed record LocalResponsePolicyConfig : ConfigRecord
{
    [Description("Its body. Absent: empty.")]
    public DataSourceConfig? Body { get; init; }

    [Description("Makes the body; %LOCAL_REPLY_BODY% is that of body.")]
    public SubstitutionFormatConfig? BodyFormat { get; init; }

    [Range(200, 599), Description("Its status. Absent: that of the response it replaces.")]
    public int? StatusCode { get; init; }

    [Length(0, 1000), Description("Headers that it has beside.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];
}
