using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("What must not be seen, or is shared, under a name. Values are never shown again: a mark stands in their place.")]
public sealed record SecretConfig : ConfigRecord
{
    [Required, ResourceName, Description("What TLS contexts name it by.")]
    public string Name { get; init; } = "";

    [OneOf("type", Required = true), Description("A certificate with its key.")]
    public TlsCertificateConfig? TlsCertificate { get; init; }

    [OneOf("type", Required = true), Sensitive, Description("Keys of session tickets.")]
    public TlsSessionTicketKeysConfig? SessionTicketKeys { get; init; }

    [OneOf("type", Required = true), Description("What a peer's certificate has to fulfil.")]
    public CertificateValidationContextConfig? ValidationContext { get; init; }

    [OneOf("type", Required = true), Sensitive, Description("Any bytes.")]
    public GenericSecretConfig? GenericSecret { get; init; }
}

[Description("Bytes that whoever names the secret knows the meaning of.")]
[UnsupportedField("secrets", "give secret")]
public sealed record GenericSecretConfig : ConfigRecord
{
    [Required, Description("The bytes.")]
    public DataSourceConfig? Secret { get; init; }
}

[Description("A secret by its name: one of the document's secrets, or of a file.")]
public sealed record SdsSecretConfig : ConfigRecord
{
    [Required, ResourceName, Description("Its name.")]
    public string Name { get; init; } = "";

    [Description("Where it comes from. Absent: from the document's secrets.")]
    public SdsSourceConfig? SdsConfig { get; init; }
}

[Description("A generic secret by its name: one of the document's secrets, or of a file.")]
public sealed record GenericSecretReferenceConfig : ConfigRecord
{
    [Required, ResourceName, Description("Its name.")]
    public string Name { get; init; } = "";

    [Description("Where it comes from. Absent: from the document's secrets.")]
    public SdsSourceConfig? SdsConfig { get; init; }

    [Sensitive, Description("What it is; filled in from the document or the file.")]
    public GenericSecretConfig? GenericSecret { get; init; }
}

[Description("Where a secret comes from that is not in the document.")]
[UnsupportedField("api_config_source api_type cluster_names",
    "nothing is fetched from a management server: it stands in the document, or in a file (path_config_source)")]
[UnsupportedField("ads self", "nothing is fetched from a management server: it stands in the document, or in a file (path_config_source)")]
[UnsupportedField("authorities", "not available in this version")]
public sealed record SdsSourceConfig : ConfigRecord
{
    [OneOf("config_source_specifier", Required = true), Description("A file with secrets, or with endpoints.")]
    public PathConfigSourceConfig? PathConfigSource { get; init; }

    [OneOf("config_source_specifier", Required = true), Description("Deprecated in Envoy: path_config_source.path.")]
    public string? Path { get; init; }

    [Description("Taken for the sake of Envoy's files: a file is read when the version is made, and not waited for.")]
    public TimeSpan InitialFetchTimeout { get; init; } = TimeSpan.FromSeconds(15); // Envoy's default

    [Description("Taken for the sake of Envoy's files: V3, as messages are here.")]
    [UnsupportedValue("V2", "use V3")]
    public ApiVersion ResourceApiVersion { get; init; }
}

/// <summary>Envoy's core.v3.ApiVersion.</summary>
public enum ApiVersion
{
    Auto,
    [JsonStringEnumMemberName("V3")] V3,
}

[Description("A file with a DiscoveryResponse ({resources: […]}), as Envoy has it.")]
public sealed record PathConfigSourceConfig : ConfigRecord
{
    [Required, Length(1, 4096), Description("Of the file.")]
    public string Path { get; init; } = "";

    [Description("The folder in which the file is replaced. Whether it is given or not: when the file changes, a version with what it says "
        + "then is made.")]
    public WatchedDirectoryConfig? WatchedDirectory { get; init; }

    [Description("What the file said of the secret, or of the cluster, when the version was made. Left out, the file is read.")]
    public ConfigObject? Pinned { get; init; }
}

[Description("A folder in which files are replaced by moving others over them.")]
public sealed record WatchedDirectoryConfig : ConfigRecord
{
    [Required, Length(1, 4096), Description("Of the folder.")]
    public string Path { get; init; } = "";
}

[Description("A validation context of which one part stands here and the other comes from a secret.")]
[UnsupportedField("validation_context_certificate_provider validation_context_certificate_provider_instance",
    "not available in this version")]
public sealed record CombinedValidationContextConfig : ConfigRecord
{
    [Required, Description("The part that stands here. What the secret gives replaces it; lists are joined.")]
    public CertificateValidationContextConfig? DefaultValidationContext { get; init; }

    [Required, Description("The part that a secret gives, by its name.")]
    public SdsSecretConfig? ValidationContextSdsSecretConfig { get; init; }
}
