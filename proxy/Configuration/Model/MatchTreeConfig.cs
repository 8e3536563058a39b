using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Envoy's xds.type.matcher.v3.Matcher: finds an action for a request, a response or a connection.")]
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
    [Required, Length(1, 1000), Description("The tests.")]
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
    [Required, Length(2, 100), Description("The tests.")] // Envoy's least
    public IReadOnlyList<MatchPredicateConfig> Predicate { get; init; } = [];
}

[Description("A test of one value; without the value it does not hold.")]
public sealed record SinglePredicateConfig : ConfigRecord
{
    [Required, Description("The value.")]
    public MatchInputConfig? Input { get; init; }

    [OneOf("matcher", Required = true), Description("Its test.")]
    public StringMatcherConfig? ValueMatch { get; init; }

    [OneOf("matcher", Required = true), Description("A test by a message: envoy.extensions.matching.input_matchers.ip.v3.Ip (the value is "
        + "an address in one of cidr_ranges), ….metadata.v3.Metadata (of the input DynamicMetadataInput).")]
    public MatchInputConfig? CustomMatch { get; init; }
}

[Description("A message of an extension, by its @type. As a value, of envoy.type.matcher.v3: HttpRequestHeaderMatchInput and "
    + "HttpResponseHeaderMatchInput with a header_name, HttpRequestQueryParamMatchInput with a query_param, "
    + "HttpResponseStatusCodeMatchInput (503), HttpResponseStatusCodeClassMatchInput (5xx); of "
    + "envoy.extensions.matching.common_inputs.network.v3: SourceIPInput, DirectSourceIPInput, DestinationIPInput, SourcePortInput, "
    + "DestinationPortInput, SourceTypeInput (local), ServerNameInput, FilterStateInput with a key, DynamicMetadataInput with filter and "
    + "path; of ….ssl.v3: UriSanInput, DnsSanInput, SubjectInput; ….environment_variable.v3.Config with a name. Response values where "
    + "there is a response.")]
public sealed record MatchInputConfig : ConfigRecord
{
    [Length(0, 256), Description("Any name.")]
    public string Name { get; init; } = "";

    [Required, Description("Its message; @type names it.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("One value that is looked up; without the value nothing is found.")]
public sealed record MatcherTreeConfig : ConfigRecord
{
    [Required, Description("The value.")]
    public MatchInputConfig? Input { get; init; }

    [OneOf("tree_type", Required = true), Description("By the whole value.")]
    public MatchMapConfig? ExactMatchMap { get; init; }

    [OneOf("tree_type", Required = true), Description("By the longest beginning of the value that leads to something.")]
    public MatchMapConfig? PrefixMatchMap { get; init; }

    [OneOf("tree_type", Required = true), Description("By a message: xds.type.matcher.v3.IPMatcher (the value is an address; the most "
        + "specific block that leads to something) or xds.type.matcher.v3.ServerNameMatcher (a host name; exact, then the longest *.).")]
    public MatchInputConfig? CustomMatch { get; init; }
}

[Description("What values lead to.")]
public sealed record MatchMapConfig : ConfigRecord
{
    [Required, Length(1, 10000), Description("By value.")]
    public IReadOnlyDictionary<string, OnMatchConfig> Map { get; init; } = new Dictionary<string, OnMatchConfig>();
}

[Description("What a test leads to.")]
[UnsupportedField("keep_matching", "an action that is passed over would do nothing here")]
public sealed record OnMatchConfig : ConfigRecord
{
    [OneOf("on_match", Required = true), Description("More tests; where they find nothing, this one has found nothing either.")]
    public MatcherConfig? Matcher { get; init; }

    [OneOf("on_match", Required = true), Description("What is to be done: a message that the place of the matcher asks for.")]
    public MatchInputConfig? Action { get; init; }
}
