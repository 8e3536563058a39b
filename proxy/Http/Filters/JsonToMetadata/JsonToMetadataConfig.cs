using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.JsonToMetadata;

[Description("Copies values of JSON bodies into dynamic metadata. As per-route configuration: in place of the filter's.")]
public sealed record JsonToMetadataConfig : ConfigRecord
{
    [Description("For requests.")]
    public JsonMatchRulesConfig? RequestRules { get; init; }

    [Description("For responses.")]
    public JsonMatchRulesConfig? ResponseRules { get; init; }
}

[Description("Rules, and the bodies they are for. A body is held until it is whole, up to 1 MiB; a larger one counts as an error.")]
public sealed record JsonMatchRulesConfig : ConfigRecord
{
    [Required, Length(1, 100), Description("The rules, in order.")]
    public IReadOnlyList<JsonRuleConfig> Rules { get; init; } = [];

    [Length(0, 100), Description("Content types, without parameters. Absent: application/json.")]
    public IReadOnlyList<string> AllowContentTypes { get; init; } = [];

    [Description("Bodies without a content type too.")]
    public bool AllowEmptyContentType { get; init; }

    [Description("Content types that this expression matches too.")]
    public RegexMatcherConfig? AllowContentTypesRegex { get; init; }
}

[Description("What becomes of one value. on_present, on_missing or both are needed.")]
public sealed record JsonRuleConfig : ConfigRecord
{
    [Required, Length(1, 16), Description("The keys that lead to the value, from the body's object inwards.")]
    public IReadOnlyList<JsonSelectorConfig> Selectors { get; init; } = [];

    [Description("When it is there: a text of at most 8 KiB, a number, or a truth.")]
    public JsonPairConfig? OnPresent { get; init; }

    [Description("When it is not there, or cannot be read as its type; needs a value.")]
    public JsonPairConfig? OnMissing { get; init; }

    [Description("When the body is no JSON, deeper than 100 levels, or too large; needs a value.")]
    public JsonPairConfig? OnError { get; init; }
}

[Description("One key.")]
public sealed record JsonSelectorConfig : ConfigRecord
{
    [OneOf("selector", Required = true), Length(1, 256), Description("The key.")]
    public string? Key { get; init; }
}

[Description("Where a value goes.")]
public sealed record JsonPairConfig : ConfigRecord
{
    [Description("The namespace. Absent: envoy.filters.http.json_to_metadata.")]
    public string MetadataNamespace { get; init; } = "";

    [Required, Length(1, 256), Description("The key in it.")]
    public string Key { get; init; } = "";

    [Description("In place of the body's value: any JSON; type does not count then.")]
    public ConfigNode? Value { get; init; }

    [Description("PROTOBUF_VALUE: as it is in the body; otherwise it is turned into one.")]
    public JsonValueType Type { get; init; } = JsonValueType.ProtobufValue; // Envoy's default

    [Description("Leaves a value that is there already.")]
    public bool PreserveExistingMetadataValue { get; init; }
}

public enum JsonValueType
{
    [JsonStringEnumMemberName("PROTOBUF_VALUE")] ProtobufValue,
    String,
    Number,
}
