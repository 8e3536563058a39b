using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Bytes given inline, in a file, in an environment variable or as a stored module.")]
public sealed record DataSourceConfig : ConfigRecord
{
    [OneOf("specifier", Required = true), Description("Path of a file, read once, when the version that names it is made.")]
    public string? Filename { get; init; }

    [OneOf("specifier", Required = true), Description("The text itself.")]
    public string? InlineString { get; init; }

    [OneOf("specifier", Required = true), Description("The bytes in base64.")]
    public byte[]? InlineBytes { get; init; }

    [OneOf("specifier", Required = true), Description("Name of an environment variable of the proxy.")]
    public string? EnvironmentVariable { get; init; }

    [Description("Of filename: the SHA-256 of its bytes, in hexadecimal. A version keeps these bytes; without it the file is read now.")]
    public string? Sha256 { get; init; }

    [Description("Of filename: when the file changes, a version with its new bytes is made.")]
    public bool Watch { get; init; }

    [Description("Of filename: likewise, when files are moved in this folder, which is how several change at one instant.")]
    public WatchedDirectoryConfig? WatchedDirectory { get; init; }

    [OneOf("specifier", Required = true), Description("Name or digest (sha256:…) of a stored module; a version keeps the digest.")]
    public string? Module { get; init; }
}
