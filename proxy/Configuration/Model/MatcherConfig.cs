using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A regular expression that runs in linear time; it must match the whole value.")]
public sealed record RegexMatcherConfig : ConfigRecord
{
    [Required, Length(1, 4096), Description("The expression. No back-references or look-around, as in RE2.")]
    public string Regex { get; init; } = "";

    [JsonPropertyName("google_re2"), Description("Envoy's deprecated choice of engine; always what happens.")]
    public ConfigObject? GoogleRe2 { get; init; }
}

[Description("An empty message: {}.")]
public sealed record EmptyConfig : ConfigRecord;

[Description("A test of a string.")]
[UnsupportedField("custom", "custom string matchers are not available in this version")]
public sealed record StringMatcherConfig : ConfigRecord
{
    [OneOf("match_pattern", Required = true), Description("The whole value.")]
    public string? Exact { get; init; }

    [OneOf("match_pattern", Required = true), Length(1, 4096), Description("The start of the value.")]
    public string? Prefix { get; init; }

    [OneOf("match_pattern", Required = true), Length(1, 4096), Description("The end of the value.")]
    public string? Suffix { get; init; }

    [OneOf("match_pattern", Required = true), Description("The whole value, by expression.")]
    public RegexMatcherConfig? SafeRegex { get; init; }

    [OneOf("match_pattern", Required = true), Length(1, 4096), Description("Any part of the value.")]
    public string? Contains { get; init; }

    [Description("ASCII letters compare without case; not for safe_regex.")]
    public bool IgnoreCase { get; init; }
}

[Description("Tests of a string of which one has to hold.")]
public sealed record ListStringMatcherConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("The tests.")]
    public IReadOnlyList<StringMatcherConfig> Patterns { get; init; } = [];
}

[Description("A test of a request header. :method, :path, :authority and :scheme are headers too.")]
public sealed record HeaderMatcherConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Header name; case does not count.")]
    public string Name { get; init; } = "";

    [OneOf("header_match_specifier"), Description("Deprecated in Envoy, use string_match: the whole value.")]
    public string? ExactMatch { get; init; }

    [OneOf("header_match_specifier"), Description("Deprecated in Envoy, use string_match: the whole value, by expression.")]
    public RegexMatcherConfig? SafeRegexMatch { get; init; }

    [OneOf("header_match_specifier"), Description("The value is an integer with start <= value < end.")]
    public Int64RangeConfig? RangeMatch { get; init; }

    [OneOf("header_match_specifier"), Description("true: the header is there; false: it is not.")]
    public bool? PresentMatch { get; init; }

    [OneOf("header_match_specifier"), Length(1, 4096), Description("Deprecated in Envoy, use string_match: the start of the value.")]
    public string? PrefixMatch { get; init; }

    [OneOf("header_match_specifier"), Length(1, 4096), Description("Deprecated in Envoy, use string_match: the end of the value.")]
    public string? SuffixMatch { get; init; }

    [OneOf("header_match_specifier"), Length(1, 4096), Description("Deprecated in Envoy, use string_match: any part of the value.")]
    public string? ContainsMatch { get; init; }

    [OneOf("header_match_specifier"), Description("A test of the value. With no test at all the header must be there.")]
    public StringMatcherConfig? StringMatch { get; init; }

    [Description("Turns the result round.")]
    public bool InvertMatch { get; init; }

    [Description("An absent header counts as an empty value; without it, it matches nothing.")]
    public bool TreatMissingHeaderAsEmpty { get; init; }
}

[Description("start <= value < end.")]
public sealed record Int64RangeConfig : ConfigRecord
{
    [Description("Lowest value, inclusive.")]
    public long Start { get; init; }

    [Description("End, exclusive.")]
    public long End { get; init; }
}

[Description("A test of a query parameter.")]
public sealed record QueryParameterMatcherConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("Name of the parameter, as it stands in the URL.")]
    public string Name { get; init; } = "";

    [OneOf("query_parameter_match_specifier"), Description("A test of its value.")]
    public StringMatcherConfig? StringMatch { get; init; }

    [OneOf("query_parameter_match_specifier"), Description("true: it is there; false: it is not. With no test at all it must be there.")]
    public bool? PresentMatch { get; init; }
}

[Description("A regular expression and what replaces each match.")]
public sealed record RegexRewriteConfig : ConfigRecord
{
    [Required, Description("The expression; it may match anywhere.")]
    public RegexMatcherConfig? Pattern { get; init; }

    [Description("Replacement; \\1 to \\9 are the groups, \\0 the match.")]
    public string Substitution { get; init; } = "";
}
