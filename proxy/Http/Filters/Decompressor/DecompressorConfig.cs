using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Compression;

namespace Managed.Proxy.Http.Filters.Decompressor;

[Description("Decompresses bodies. One that is broken, or grows beyond its bound, ends its request or answer.")]
public sealed record DecompressorConfig : ConfigRecord
{
    [Required, Description("The decompression.")]
    public CompressionLibraryConfig? DecompressorLibrary { get; init; }

    [Description("For requests. Absent: they are decompressed.")]
    public DecompressorRequestConfig? RequestDirectionConfig { get; init; }

    [Description("For answers. Absent: they are decompressed.")]
    public DecompressorResponseConfig? ResponseDirectionConfig { get; init; }
}

[Description("What both directions have.")]
public sealed record DecompressorCommonConfig : ConfigRecord
{
    [Description("Whether this direction is decompressed. Absent: it is.")]
    public RuntimeFeatureFlagConfig? Enabled { get; init; }

    [Description("Decompresses in spite of cache-control: no-transform.")]
    public bool IgnoreNoTransformHeader { get; init; }
}

[Description("Decompression of requests.")]
public sealed record DecompressorRequestConfig : ConfigRecord
{
    [Description("What both directions have.")]
    public DecompressorCommonConfig? CommonConfig { get; init; }

    [Description("Where answers are decompressed, adds the coding to the request's accept-encoding.")]
    public bool AdvertiseAcceptEncoding { get; init; } = true; // Envoy's default
}

[Description("Decompression of answers.")]
public sealed record DecompressorResponseConfig : ConfigRecord
{
    [Description("What both directions have.")]
    public DecompressorCommonConfig? CommonConfig { get; init; }
}
