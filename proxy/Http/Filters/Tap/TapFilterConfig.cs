using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Tap;

[Description("Writes requests and their responses to files, where they match.")]
[UnsupportedField("record_downstream_connection record_upstream_connection",
    "connections are not in the traces of this version; the access log has their addresses")]
public sealed record TapFilterConfig : ConfigRecord
{
    [Required, Description("What is written, and where.")]
    public TapCommonConfig? CommonConfig { get; init; }

    [Description("Traces that are not streamed say when each head came.")]
    public bool RecordHeadersReceivedTime { get; init; }
}

[Description("Where the tap's configuration is.")]
[UnsupportedField("admin_config", "there is no /tap on the admin API: give static_config, and change it by the API while it runs")]
public sealed record TapCommonConfig : ConfigRecord
{
    [Required, Description("Here.")]
    public TapConfig? StaticConfig { get; init; }
}

[Description("Which streams, and where to.")]
public sealed record TapConfig : ConfigRecord
{
    [OneOf("matches", Required = true), Description("Which streams are written.")]
    public TapMatchConfig? Match { get; init; }

    [OneOf("matches", Required = true), Description("Deprecated in Envoy, use match: the same.")]
    public TapMatchConfig? MatchConfig { get; init; }

    [Required, Description("Where to.")]
    public TapOutputConfig? OutputConfig { get; init; }

    [Description("The share of the streams that are looked at at all. Absent: all.")]
    public RuntimeFractionConfig? TapEnabled { get; init; }
}

[Description("A condition on a stream.")]
public sealed record TapMatchConfig : ConfigRecord
{
    [OneOf("rule", Required = true), Description("One of these holds.")]
    public TapMatchSetConfig? OrMatch { get; init; }

    [OneOf("rule", Required = true), Description("All of these hold.")]
    public TapMatchSetConfig? AndMatch { get; init; }

    [OneOf("rule", Required = true), Description("This does not hold.")]
    public TapMatchConfig? NotMatch { get; init; }

    [OneOf("rule", Required = true), Description("true: it always holds.")]
    public bool? AnyMatch { get; init; }

    [OneOf("rule", Required = true), Description("The request's headers, as they came to the filter.")]
    public TapHeadersMatchConfig? HttpRequestHeadersMatch { get; init; }

    [OneOf("rule", Required = true), Description("The request's trailers.")]
    public TapHeadersMatchConfig? HttpRequestTrailersMatch { get; init; }

    [OneOf("rule", Required = true), Description("The response's headers.")]
    public TapHeadersMatchConfig? HttpResponseHeadersMatch { get; init; }

    [OneOf("rule", Required = true), Description("The response's trailers.")]
    public TapHeadersMatchConfig? HttpResponseTrailersMatch { get; init; }

    [OneOf("rule", Required = true), Description("The request's body.")]
    public TapBodyMatchConfig? HttpRequestGenericBodyMatch { get; init; }

    [OneOf("rule", Required = true), Description("The response's body.")]
    public TapBodyMatchConfig? HttpResponseGenericBodyMatch { get; init; }
}

[Description("Several conditions.")]
public sealed record TapMatchSetConfig : ConfigRecord
{
    [Required, Length(2, 100), Description("The conditions.")]
    public IReadOnlyList<TapMatchConfig> Rules { get; init; } = [];
}

[Description("A condition on headers or trailers.")]
public sealed record TapHeadersMatchConfig : ConfigRecord
{
    [Length(0, 100), Description("All of these hold.")]
    public IReadOnlyList<HeaderMatcherConfig> Headers { get; init; } = [];
}

[Description("A condition on a body.")]
public sealed record TapBodyMatchConfig : ConfigRecord
{
    [Range(0L, 1L << 20), Description("How much of the body is looked at, from its beginning. 0: as much as is written.")]
    public long BytesLimit { get; init; }

    [Required, Length(1, 100), Description("All of these are in it.")]
    public IReadOnlyList<TapPatternConfig> Patterns { get; init; } = [];
}

[Description("What is to be in a body.")]
public sealed record TapPatternConfig : ConfigRecord
{
    [OneOf("rule", Required = true), Length(1, 4096), Description("Text.")]
    public string? StringMatch { get; init; }

    [OneOf("rule", Required = true), Length(1, 8192), Description("Bytes, in base64.")]
    public string? BinaryMatch { get; init; }
}

[Description("Where traces go.")]
[UnsupportedField("min_streamed_sent_bytes", "each piece of a streamed trace is written when it comes")]
public sealed record TapOutputConfig : ConfigRecord
{
    [Required, Length(1, 1), Description("One sink.")]
    public IReadOnlyList<TapSinkConfig> Sinks { get; init; } = [];

    [ByteSize, Range(0L, 16L << 20), Description("Most of a request's body that is written; of a streamed trace, of each piece of it.")]
    public long MaxBufferedRxBytes { get; init; } = 1024; // Envoy's default, 1 KiB

    [ByteSize, Range(0L, 16L << 20), Description("Likewise of a response's.")]
    public long MaxBufferedTxBytes { get; init; } = 1024; // Envoy's default, 1 KiB

    [Description("A trace is many messages, each written when it comes. Otherwise it is one, written when the stream is over.")]
    public bool Streaming { get; init; }
}

[Description("A sink.")]
[UnsupportedField("streaming_admin buffered_admin", "they are for taps that Envoy's /tap has configured; use file_per_tap")]
[UnsupportedField("streaming_grpc custom_sink", "not available in this version; use file_per_tap")]
public sealed record TapSinkConfig : ConfigRecord
{
    [Description("How messages are written.")]
    public TapFormat Format { get; init; }

    [Required, Description("A file for each stream.")]
    public TapFileConfig? FilePerTap { get; init; }
}

public enum TapFormat { JsonBodyAsBytes, JsonBodyAsString, ProtoBinary, ProtoBinaryLengthDelimited, ProtoText }

[Description("Files: PREFIX_ID.json, .pb, .pb_length_delimited or .pb_text, where ID is the stream's.")]
public sealed record TapFileConfig : ConfigRecord
{
    [Required, Length(1, 4000), Description("Folder, which must be there, and the beginning of the files' names. At most 10,000 files and "
        + "1 GiB are kept of those that this process has written under it, the newest.")]
    public string PathPrefix { get; init; } = "";
}
