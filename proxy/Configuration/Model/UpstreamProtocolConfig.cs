using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Which HTTP is spoken to the endpoints of a cluster; Envoy's envoy.extensions.upstreams.http.v3.HttpProtocolOptions.")]
[UnsupportedField("http_filters", "filters of a cluster are not available in this version: put them into the listener's chain")]
[UnsupportedField("header_validation_config outlier_detection retry_policy hash_policy request_mirror_policies",
    "not available in this version")]
public sealed record HttpProtocolOptionsConfig : ConfigRecord
{
    [Description("Limits of the connections.")]
    public UpstreamHttpOptionsConfig? CommonHttpProtocolOptions { get; init; }

    [Description("What a request's host has to do with TLS.")]
    public UpstreamHttpProtocolOptionsConfig? UpstreamHttpProtocolOptions { get; init; }

    [OneOf("upstream_protocol_options", Required = true), Description("This protocol.")]
    public ExplicitHttpConfig? ExplicitHttpConfig { get; init; }

    [OneOf("upstream_protocol_options", Required = true), Description("The protocol of the request's client.")]
    public ChosenHttpConfig? UseDownstreamProtocolConfig { get; init; }

    [OneOf("upstream_protocol_options", Required = true), Description("The protocol that the endpoint chooses by TLS (ALPN).")]
    public ChosenHttpConfig? AutoConfig { get; init; }
}

[Description("One protocol.")]
[UnsupportedField("http3_protocol_options", "HTTP/3 is not available in this version")]
public sealed record ExplicitHttpConfig : ConfigRecord
{
    [OneOf("protocol_config", Required = true), Description("HTTP/1.1.")]
    public UpstreamHttp1OptionsConfig? HttpProtocolOptions { get; init; }

    [OneOf("protocol_config", Required = true), JsonPropertyName("http2_protocol_options"), Description("HTTP/2.")]
    public UpstreamHttp2OptionsConfig? Http2ProtocolOptions { get; init; }
}

[Description("The protocols that may be chosen.")]
[UnsupportedField("http3_protocol_options alternate_protocols_cache_options", "HTTP/3 is not available in this version")]
public sealed record ChosenHttpConfig : ConfigRecord
{
    [Description("HTTP/1.1.")]
    public UpstreamHttp1OptionsConfig? HttpProtocolOptions { get; init; }

    [JsonPropertyName("http2_protocol_options"), Description("HTTP/2.")]
    public UpstreamHttp2OptionsConfig? Http2ProtocolOptions { get; init; }
}

[Description("HTTP/1.1 to an endpoint.")]
[UnsupportedField("enable_trailers", "trailers of a response always pass; the connection manager's http_protocol_options can stop them")]
[UnsupportedField("header_key_format override_stream_error_on_invalid_http_message send_fully_qualified_url use_balsa_parser "
    + "allow_custom_methods ignore_http_11_upgrade allow_absolute_url accept_http_10 default_host_for_http_10",
    "not available on a cluster in this version")]
[UnsupportedField("allow_chunked_length", "a message with both transfer-encoding and content-length is refused (RFC 9112 section 6.3)")]
public sealed record UpstreamHttp1OptionsConfig : ConfigRecord;

[Description("What a request's host has to do with TLS.")]
public sealed record UpstreamHttpProtocolOptionsConfig : ConfigRecord
{
    [Description("The server name that is asked for by TLS (SNI) is the host of the request, as it goes out. Connections are then shared "
        + "by requests to one host only.")]
    public bool AutoSni { get; init; }

    [Description("That host must be in the endpoint's certificate. Needs auto_sni.")]
    public bool AutoSanValidation { get; init; }

    [Length(0, 256), Description("A header of the request whose value stands for the host, where it is there and not empty.")]
    public string OverrideAutoSniHeader { get; init; } = "";
}

[Description("HTTP/2 to an endpoint.")]
[UnsupportedField("allow_metadata max_metadata_size", "METADATA is Envoy's own and is passed over")]
[UnsupportedField("custom_settings_parameters", "settings without a field of their own are not sent")]
[UnsupportedField("use_oghttp2_codec", "there is one codec")]
[UnsupportedField("max_header_field_size_kb", "60 KiB hold for all fields together")]
[UnsupportedField("allow_connect", "a tunnel is opened where the endpoint says that it takes them (RFC 8441 section 3)")]
[UnsupportedField("stream_error_on_invalid_http_messaging", "deprecated in Envoy: use override_stream_error_on_invalid_http_message")]
public sealed record UpstreamHttp2OptionsConfig : ConfigRecord
{
    [Range(0, 1 << 20), Description("Bytes of header fields that either side remembers.")]
    public int HpackTableSize { get; init; } = 4096; // Envoy's default

    [Range(1, int.MaxValue), Description("Requests that one connection carries at a time; fewer where the endpoint says so.")]
    public int MaxConcurrentStreams { get; init; } = 1024; // Envoy's default

    [Range(65_535, int.MaxValue), Description("Bytes of a response that may be here and not yet taken by its client or filters.")]
    public int InitialStreamWindowSize { get; init; } = 256 * 1024; // Envoy: 16 MiB, which a slow client would fill

    [Range(65_535, int.MaxValue), Description("Bytes of all responses on a connection that may be on their way.")]
    public int InitialConnectionWindowSize { get; init; } = 4 << 20; // Envoy: 24 MiB

    [Description("Sends header fields Huffman-coded where that is shorter.")]
    public bool EnableHuffmanEncoding { get; init; } = true;

    [Range(1, int.MaxValue), Description("Frames that may wait to be sent; above it the connection is closed.")]
    public int MaxOutboundFrames { get; init; } = 10_000; // Envoy's default

    [Range(1, int.MaxValue), Description("The same of frames that only answer: PING, SETTINGS, RST_STREAM.")]
    public int MaxOutboundControlFrames { get; init; } = 1_000; // Envoy's default

    [Range(0, int.MaxValue), Description("Frames without payload and end that may follow one another; above it the connection is closed.")]
    public int MaxConsecutiveInboundFramesWithEmptyPayload { get; init; } = 1; // Envoy's default

    [Range(0, int.MaxValue), Description("PRIORITY frames for each stream; above it the connection is closed.")]
    public int MaxInboundPriorityFramesPerStream { get; init; } = 100; // Envoy's default

    [Range(1, int.MaxValue), Description("WINDOW_UPDATE frames for each DATA frame that was sent; far above it the connection is closed.")]
    public int MaxInboundWindowUpdateFramesPerDataFrameSent { get; init; } = 10; // Envoy's default

    [Description("PINGs that show whether the endpoint is still there. Absent: none.")]
    public UpstreamKeepAliveConfig? ConnectionKeepalive { get; init; }

    [Description("A malformed response ends its stream alone; false: its connection. True here (RFC 9113 section 8.1.1), false in Envoy.")]
    public bool OverrideStreamErrorOnInvalidHttpMessage { get; init; } = true;
}

[Description("PINGs on a connection.")]
public sealed record UpstreamKeepAliveConfig : ConfigRecord
{
    [Description("A PING is sent so often. Absent or 0: none.")]
    public TimeSpan? Interval { get; init; }

    [Required, Description("What the endpoint must answer within; any frame of it counts.")]
    public TimeSpan? Timeout { get; init; }

    [Description("Up to so much of the interval is added to it at random.")]
    public UpstreamPercentConfig IntervalJitter { get; init; } = new() { Value = 15 }; // Envoy's default

    [Description("A connection that was idle for so long is asked when it is used again. Absent or 0: it is not.")]
    public TimeSpan? ConnectionIdleInterval { get; init; }
}

[Description("A percentage.")]
public sealed record UpstreamPercentConfig : ConfigRecord
{
    [Range(0.0, 100.0), Description("0 to 100.")]
    public double Value { get; init; }
}
