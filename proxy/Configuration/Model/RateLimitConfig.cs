using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("What of a request a rate limit counts by: a descriptor, which is a list of keys and values.")]
[UnsupportedField("limit", "the service alone says what the limit is")]
[UnsupportedField("hits_addend apply_on_stream_done", "a request counts once, when it comes")]
public sealed record RateLimitConfig : ConfigRecord
{
    [Range(0, 10), Description("Filters of this stage use it.")]
    public int Stage { get; init; }

    [Description("Envoy's runtime key; with no layer that sets it, the limit is on, as in Envoy.")]
    public string DisableKey { get; init; } = "";

    [Required, Length(1, 32),
        Description("Each adds entries to the descriptor, in order. One that has nothing to add makes that there is none.")]
    public IReadOnlyList<RateLimitActionConfig> Actions { get; init; } = [];
}

[Description("Adds an entry to a descriptor.")]
[UnsupportedField("source_cluster", "this proxy is of no cluster; use generic_key")]
[UnsupportedField("dynamic_metadata", "use metadata")]
[UnsupportedField("extension", "descriptors of extensions are not available in this version")]
public sealed record RateLimitActionConfig : ConfigRecord
{
    [OneOf("action_specifier", Required = true), Description("destination_cluster: the name of the route's cluster.")]
    public EmptyConfig? DestinationCluster { get; init; }

    [OneOf("action_specifier", Required = true), Description("A header's value.")]
    public RateLimitHeaderConfig? RequestHeaders { get; init; }

    [OneOf("action_specifier", Required = true), Description("A query parameter's value.")]
    public RateLimitQueryConfig? QueryParameters { get; init; }

    [OneOf("action_specifier", Required = true), Description("remote_address: the client's address.")]
    public EmptyConfig? RemoteAddress { get; init; }

    [OneOf("action_specifier", Required = true), Description("masked_remote_address: the block of addresses that the client is in.")]
    public RateLimitMaskConfig? MaskedRemoteAddress { get; init; }

    [OneOf("action_specifier", Required = true), Description("A fixed value.")]
    public RateLimitKeyConfig? GenericKey { get; init; }

    [OneOf("action_specifier", Required = true), Description("A fixed value where headers match.")]
    public RateLimitHeaderMatchConfig? HeaderValueMatch { get; init; }

    [OneOf("action_specifier", Required = true), Description("A fixed value where query parameters match.")]
    public RateLimitQueryMatchConfig? QueryParameterValueMatch { get; init; }

    [OneOf("action_specifier", Required = true), Description("A text in metadata.")]
    public RateLimitMetadataConfig? Metadata { get; init; }
}

[Description("A header's value.")]
public sealed record RateLimitHeaderConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The header; its first field counts.")]
    public string HeaderName { get; init; } = "";

    [Required, Length(1, 256), Description("The entry's key.")]
    public string DescriptorKey { get; init; } = "";

    [Description("Without the header the descriptor goes without this entry; otherwise there is none.")]
    public bool SkipIfAbsent { get; init; }
}

[Description("A query parameter's value, as it stands in the URL.")]
public sealed record RateLimitQueryConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The parameter.")]
    public string QueryParameterName { get; init; } = "";

    [Required, Length(1, 256), Description("The entry's key.")]
    public string DescriptorKey { get; init; } = "";

    [Description("Without the parameter the descriptor goes without this entry; otherwise there is none.")]
    public bool SkipIfAbsent { get; init; }
}

[Description("Blocks of addresses.")]
public sealed record RateLimitMaskConfig : ConfigRecord
{
    [JsonPropertyName("v4_prefix_mask_len"), Range(0, 32), Description("Leading bits of an IPv4 address.")]
    public int V4PrefixMaskLen { get; init; } = 32; // Envoy's default

    [JsonPropertyName("v6_prefix_mask_len"), Range(0, 128), Description("Leading bits of an IPv6 address.")]
    public int V6PrefixMaskLen { get; init; } = 128; // Envoy's default
}

[Description("A fixed value.")]
[UnsupportedField("default_value", "descriptor_value has no format operators in this version")]
public sealed record RateLimitKeyConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("The value.")]
    public string DescriptorValue { get; init; } = "";

    [Description("The entry's key. Absent: generic_key.")]
    public string DescriptorKey { get; init; } = "";
}

[Description("A fixed value where headers match.")]
[UnsupportedField("default_value", "descriptor_value has no format operators in this version")]
public sealed record RateLimitHeaderMatchConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("The value.")]
    public string DescriptorValue { get; init; } = "";

    [Description("The entry's key. Absent: header_match.")]
    public string DescriptorKey { get; init; } = "";

    [Description("false: where they do not match.")]
    public bool ExpectMatch { get; init; } = true; // Envoy's default

    [Required, Length(1, 100), Description("All of these.")]
    public IReadOnlyList<HeaderMatcherConfig> Headers { get; init; } = [];
}

[Description("A fixed value where query parameters match.")]
[UnsupportedField("default_value", "descriptor_value has no format operators in this version")]
public sealed record RateLimitQueryMatchConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("The value.")]
    public string DescriptorValue { get; init; } = "";

    [Description("The entry's key. Absent: query_match.")]
    public string DescriptorKey { get; init; } = "";

    [Description("false: where they do not match.")]
    public bool ExpectMatch { get; init; } = true; // Envoy's default

    [Required, Length(1, 100), Description("All of these.")]
    public IReadOnlyList<QueryParameterMatcherConfig> QueryParameters { get; init; } = [];
}

[Description("A text in metadata.")]
public sealed record RateLimitMetadataConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The entry's key.")]
    public string DescriptorKey { get; init; } = "";

    [Required, Description("Where the text is.")]
    public MetadataKeyConfig? MetadataKey { get; init; }

    [Description("Where there is no text.")]
    public string DefaultValue { get; init; } = "";

    [Description("DYNAMIC: what filters wrote into the stream; ROUTE_ENTRY: what the matched route has.")]
    public RateLimitMetadataSource Source { get; init; } = RateLimitMetadataSource.Dynamic; // Envoy's default

    [Description("Without a text the descriptor goes without this entry; otherwise there is none.")]
    public bool SkipIfAbsent { get; init; }
}

public enum RateLimitMetadataSource { Dynamic, RouteEntry }

[Description("A place in metadata.")]
public sealed record MetadataKeyConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The namespace.")]
    public string Key { get; init; } = "";

    [Required, Length(1, 16), Description("The keys that lead to the value.")]
    public IReadOnlyList<PathSegmentConfig> Path { get; init; } = [];
}
