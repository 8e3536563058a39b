using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Compression;

namespace Managed.Proxy.Http.Filters.Compressor;

[Description("Compresses the bodies of answers, and of requests where that is asked for.")]
public sealed record CompressorConfig : ConfigRecord
{
    [Required, Description("The compression.")]
    public CompressionLibraryConfig? CompressorLibrary { get; init; }

    [Description("How requests are compressed. Absent: they are not.")]
    public CompressorRequestConfig? RequestDirectionConfig { get; init; }

    [Description("How answers are compressed; in place of the deprecated fields below.")]
    public CompressorResponseConfig? ResponseDirectionConfig { get; init; }

    [Description("With the same q-value in accept-encoding this compression goes before those of other compressors of the chain.")]
    public bool ChooseFirst { get; init; }

    [Range(0L, uint.MaxValue), Description("Deprecated in Envoy, use response_direction_config: the shortest body.")]
    public long? ContentLength { get; init; }

    [Length(0, 50), Description("Deprecated in Envoy, use response_direction_config: content types.")]
    public IReadOnlyList<string> ContentType { get; init; } = [];

    [Description("Deprecated in Envoy, use response_direction_config.")]
    public bool DisableOnEtagHeader { get; init; }

    [Description("Deprecated in Envoy, use response_direction_config.")]
    public bool RemoveAcceptEncodingHeader { get; init; }

    [Description("Deprecated in Envoy, use response_direction_config: whether answers are compressed.")]
    public RuntimeFeatureFlagConfig? RuntimeEnabled { get; init; }
}

[Description("What both directions have.")]
public sealed record CompressorCommonConfig : ConfigRecord
{
    [Description("Whether this direction is compressed. Absent: it is.")]
    public RuntimeFeatureFlagConfig? Enabled { get; init; }

    [Range(0L, uint.MaxValue), Description("The shortest body; one of unknown length is long enough.")]
    public long MinContentLength { get; init; } = 30; // Envoy's default

    [Length(0, 50), Description("Content types without parameters. Absent: texts, JSON, JavaScript, XML and SVG.")]
    public IReadOnlyList<string> ContentType { get; init; } = [];
}

[Description("Compression of requests.")]
public sealed record CompressorRequestConfig : ConfigRecord
{
    [Description("What both directions have.")]
    public CompressorCommonConfig? CommonConfig { get; init; }
}

[Description("Compression of answers.")]
[UnsupportedField("status_header_enabled", "the header of the outcome is not available in this version; the statistics have it")]
public sealed record CompressorResponseConfig : ConfigRecord
{
    [Description("What both directions have.")]
    public CompressorCommonConfig? CommonConfig { get; init; }

    [Description("Answers with an etag stay as they are. Otherwise a strong etag is taken off, as the bytes are others; a weak one stays.")]
    public bool DisableOnEtagHeader { get; init; }

    [Description("Makes a strong etag a weak one instead of taking it off.")]
    public bool WeakenEtagOnCompress { get; init; }

    [Description("Takes accept-encoding off the request, so that nobody behind this filter compresses.")]
    public bool RemoveAcceptEncodingHeader { get; init; }

    [Length(0, 50), Range(200, 599), Description("Statuses whose answers stay as they are; 206 always.")]
    public IReadOnlyList<int> UncompressibleResponseCodes { get; init; } = [];
}

[Description("The filter on a route.")]
public sealed record CompressorPerRouteConfig : ConfigRecord
{
    [OneOf("override", Required = true), Description("true: nothing is compressed here.")]
    public bool Disabled { get; init; }

    [OneOf("override", Required = true), Description("What is different here.")]
    public CompressorOverridesConfig? Overrides { get; init; }
}

[Description("What is different on a route.")]
[UnsupportedField("compressor_library", "a route's own library is not available in this version; add a second compressor to the chain")]
public sealed record CompressorOverridesConfig : ConfigRecord
{
    [Description("Of answers.")]
    public CompressorResponseOverridesConfig? ResponseDirectionConfig { get; init; }
}

[Description("What is different for answers.")]
public sealed record CompressorResponseOverridesConfig : ConfigRecord
{
    [Description("In place of the filter's. Absent: as the filter's.")]
    public bool? RemoveAcceptEncodingHeader { get; init; }
}
