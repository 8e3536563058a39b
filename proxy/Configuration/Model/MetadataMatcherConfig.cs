using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A test of a value in metadata.")]
public sealed record MetadataMatcherConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The namespace: the name of the filter that wrote the value, such as envoy.filters.http.lua.")]
    public string Filter { get; init; } = "";

    [Required, Length(1, 16), Description("The keys that lead to the value, from the namespace inwards.")]
    public IReadOnlyList<PathSegmentConfig> Path { get; init; } = [];

    [Required, Description("The test.")]
    public ValueMatcherConfig? Value { get; init; }

    [Description("Turns the result round.")]
    public bool Invert { get; init; }
}

[Description("One key of a path into metadata.")]
public sealed record PathSegmentConfig : ConfigRecord
{
    [OneOf("segment", Required = true), Length(1, 256), Description("The key.")]
    public string? Key { get; init; }
}

[Description("A test of a value, which may be absent, null, a number, a text, true or false, a list or an object.")]
public sealed record ValueMatcherConfig : ConfigRecord
{
    [OneOf("match_pattern", Required = true), Description("The value is null.")]
    public EmptyConfig? NullMatch { get; init; }

    [OneOf("match_pattern", Required = true), Description("The value is this number, or in this range.")]
    public DoubleMatcherConfig? DoubleMatch { get; init; }

    [OneOf("match_pattern", Required = true), Description("The value is a text that passes the test.")]
    public StringMatcherConfig? StringMatch { get; init; }

    [OneOf("match_pattern", Required = true), Description("The value is this truth.")]
    public bool? BoolMatch { get; init; }

    [OneOf("match_pattern", Required = true),
        Description("true: there is a value, and it is neither a list nor an object; false: there is none.")]
    public bool? PresentMatch { get; init; }

    [OneOf("match_pattern", Required = true), Description("The value is a list of which one item passes the test.")]
    public ListMatcherConfig? ListMatch { get; init; }

    [OneOf("match_pattern", Required = true), Description("One of the tests is passed.")]
    public OrMatcherConfig? OrMatch { get; init; }
}

[Description("A test of a number.")]
public sealed record DoubleMatcherConfig : ConfigRecord
{
    [OneOf("match_pattern", Required = true), Description("The number is in this range.")]
    public DoubleRangeConfig? Range { get; init; }

    [OneOf("match_pattern", Required = true), Description("The number itself.")]
    public double? Exact { get; init; }
}

[Description("start <= number < end.")]
public sealed record DoubleRangeConfig : ConfigRecord
{
    [Description("Lowest number, inclusive.")]
    public double Start { get; init; }

    [Description("End, exclusive.")]
    public double End { get; init; }
}

[Description("A test of the items of a list.")]
public sealed record ListMatcherConfig : ConfigRecord
{
    [OneOf("match_pattern", Required = true), Description("One item at least passes it.")]
    public ValueMatcherConfig? OneOf { get; init; }
}

[Description("Several tests of one value.")]
public sealed record OrMatcherConfig : ConfigRecord
{
    [Required, Length(2, 100), Description("The tests.")]
    public IReadOnlyList<ValueMatcherConfig> ValueMatchers { get; init; } = [];
}
