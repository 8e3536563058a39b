using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.HeaderToMetadata;

[Description("Copies headers and cookies into dynamic metadata. As per-route configuration: in place of the filter's.")]
[UnsupportedField("stat_prefix", "this filter keeps no statistics in this version")]
public sealed record HeaderToMetadataConfig : ConfigRecord
{
    [Length(0, 100), Description("Rules for requests, in order.")]
    public IReadOnlyList<HeaderToMetadataRuleConfig> RequestRules { get; init; } = [];

    [Length(0, 100), Description("Rules for responses, in order. A response has no cookies.")]
    public IReadOnlyList<HeaderToMetadataRuleConfig> ResponseRules { get; init; } = [];
}

[Description("What becomes of one header or cookie. on_header_present, on_header_missing or both are needed.")]
public sealed record HeaderToMetadataRuleConfig : ConfigRecord
{
    [OneOf("source", Required = true), Length(1, 256), Description("A header; several fields of the name are one value joined by commas.")]
    public string? Header { get; init; }

    [OneOf("source", Required = true), Length(1, 256), Description("A cookie.")]
    public string? Cookie { get; init; }

    [Description("When it is there.")]
    public MetadataPairConfig? OnHeaderPresent { get; init; }

    [Description("When it is not there; needs a value.")]
    public MetadataPairConfig? OnHeaderMissing { get; init; }

    [Description("Takes the header off afterwards. Not for cookies, pseudo-headers and host.")]
    public bool Remove { get; init; }
}

[Description("Where a value goes and what becomes of it on the way. An empty one is not kept, nor one above 8 KiB.")]
public sealed record MetadataPairConfig : ConfigRecord
{
    [Description("The namespace. Absent: envoy.filters.http.header_to_metadata.")]
    public string MetadataNamespace { get; init; } = "";

    [Required, Length(1, 256), Description("The key in it.")]
    public string Key { get; init; } = "";

    [OneOf("value_type"), Description("In place of the header's value.")]
    public string? Value { get; init; }

    [OneOf("value_type"), Description("Rewrites the header's value, each match.")]
    public RegexRewriteConfig? RegexValueRewrite { get; init; }

    [Description("STRING, NUMBER, or PROTOBUF_VALUE: the bytes of a google.protobuf.Value. What cannot be read so is not kept.")]
    public HeaderValueType Type { get; init; } = HeaderValueType.String; // Envoy's default

    [Description("BASE64: the value is decoded first.")]
    public HeaderValueEncode Encode { get; init; } = HeaderValueEncode.None; // Envoy's default
}

public enum HeaderValueType
{
    String,
    Number,
    [JsonStringEnumMemberName("PROTOBUF_VALUE")] ProtobufValue,
}

public enum HeaderValueEncode
{
    None,
    [JsonStringEnumMemberName("BASE64")] Base64,
}
