using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A header; several fields of its name are one value, joined by commas.")]
public sealed record HeaderInputConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name.")]
    public string HeaderName { get; init; } = "";
}

[Description("The first parameter of a name in the query, decoded.")]
public sealed record QueryParamInputConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("Its name.")]
    public string QueryParam { get; init; } = "";
}

[Description("An object of the filter state.")]
[UnsupportedField("field", "objects have no fields in this version")]
public sealed record FilterStateInputConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The object's name.")]
    public string Key { get; init; } = "";
}

[Description("A value that filters wrote; tested by the message Metadata.")]
public sealed record DynamicMetadataInputConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The namespace.")]
    public string Filter { get; init; } = "";

    [Required, Length(1, 16), Description("The keys that lead to the value.")]
    public IReadOnlyList<PathSegmentConfig> Path { get; init; } = [];
}

[Description("A variable of the proxy's environment, as it was when the version was made.")]
public sealed record EnvironmentInputConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name.")]
    public string Name { get; init; } = "";
}

[Description("The value is an address in one of these blocks.")]
public sealed record IpInputMatcherConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("Blocks of addresses.")]
    public IReadOnlyList<CidrRangeConfig> CidrRanges { get; init; } = [];

    [Required, Length(1, 256), Description("Envoy's begin of statistics of values that are no address; there are none here.")]
    public string StatPrefix { get; init; } = "";
}

[Description("A test of metadata.")]
public sealed record MetadataInputMatcherConfig : ConfigRecord
{
    [Required, Description("The test.")]
    public ValueMatcherConfig? Value { get; init; }

    [Description("Turns the result round.")]
    public bool Invert { get; init; }
}

[Description("Blocks of addresses and what they lead to.")]
public sealed record IpTreeConfig : ConfigRecord
{
    [Length(0, 10000), Description("The blocks.")]
    public IReadOnlyList<IpRangeConfig> RangeMatchers { get; init; } = [];
}

[Description("Some blocks and what they lead to.")]
public sealed record IpRangeConfig : ConfigRecord
{
    [Required, Length(1, 10000), Description("The blocks.")]
    public IReadOnlyList<CidrRangeConfig> Ranges { get; init; } = [];

    [Required, Description("What they lead to.")]
    public OnMatchConfig? OnMatch { get; init; }

    [Description("Only when no more specific block has the address.")]
    public bool Exclusive { get; init; }
}

[Description("Host names and what they lead to.")]
public sealed record NameTreeConfig : ConfigRecord
{
    [Length(0, 10000), Description("The names.")]
    public IReadOnlyList<NameRangeConfig> DomainMatchers { get; init; } = [];
}

[Description("Some host names and what they lead to.")]
public sealed record NameRangeConfig : ConfigRecord
{
    [Required, Length(1, 10000), Description("Host names; *.example.com is every name below it, * every name.")]
    public IReadOnlyList<string> Domains { get; init; } = [];

    [Required, Description("What they lead to.")]
    public OnMatchConfig? OnMatch { get; init; }
}
