using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.SetMetadata;

[Description("Adds fixed values to the dynamic metadata of each request.")]
public sealed record SetMetadataConfig : ConfigRecord
{
    [Description("Deprecated in Envoy, use metadata: the namespace of value.")]
    public string MetadataNamespace { get; init; } = "";

    [Description(
        "Deprecated in Envoy, use metadata: merged into what is there. Objects are merged, lists are joined, all else is replaced.")]
    public ConfigObject? Value { get; init; }

    [Length(0, 100), Description("What is set, in order.")]
    public IReadOnlyList<SetMetadataItemConfig> Metadata { get; init; } = [];
}

[Description("Values for one namespace.")]
[UnsupportedField("typed_value", "typed metadata is not available in this version; use value")]
public sealed record SetMetadataItemConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The namespace.")]
    public string MetadataNamespace { get; init; } = "";

    [Required, Description("The values by key.")]
    public ConfigObject? Value { get; init; }

    [Description("Merges into a namespace that is there, as the deprecated form does; otherwise such a one is left as it is.")]
    public bool AllowOverwrite { get; init; }
}
