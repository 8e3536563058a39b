using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Codecs.Http2;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

[Description("HTTP/2: what clients are told, and what they may do.")]
[UnsupportedField("allow_metadata max_metadata_size", "METADATA is Envoy's own and is passed over")]
[UnsupportedField("custom_settings_parameters", "settings without a field of their own are not sent")]
[UnsupportedField("use_oghttp2_codec", "there is one codec")]
[UnsupportedField("max_header_field_size_kb", "max_request_headers_kb holds for all fields together")]
[UnsupportedField("stream_error_on_invalid_http_messaging", "deprecated in Envoy: use override_stream_error_on_invalid_http_message")]
public sealed record Http2OptionsConfig : ConfigRecord
{
    [Range(0, 1 << 20), Description("Bytes of header fields that either side remembers.")]
    public int HpackTableSize { get; init; } = 4096; // Envoy's default

    [Range(1, int.MaxValue), Description("Streams that a client may have open at one time.")]
    public int MaxConcurrentStreams { get; init; } = 100; // Envoy: 1024; its edge best practice: 100

    [Range(65_535, int.MaxValue),
    Description("Bytes of a request's body that may be on the way and not yet taken by its upstream or filters.")]
    public int InitialStreamWindowSize { get; init; } = 64 * 1024; // Envoy: 16 MiB; its edge best practice: 64 KiB

    [Range(65_535, int.MaxValue), Description("The same for all streams of a connection together.")]
    public int InitialConnectionWindowSize { get; init; } = 1 << 20; // Envoy: 24 MiB; its edge best practice: 1 MiB

    [Description("Lets clients open WebSockets and other upgrades on a stream (extended CONNECT, RFC 8441); upgrade_configs says which.")]
    public bool AllowConnect { get; init; }

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

    [Description("A malformed request ends its stream alone; false: its connection. True here (RFC 9113 section 8.1.1), false in Envoy.")]
    public bool OverrideStreamErrorOnInvalidHttpMessage { get; init; } = true;

    [Description("PINGs that show whether the client is still there. Absent: none.")]
    public Http2KeepAliveConfig? ConnectionKeepalive { get; init; }

    internal Http2Options Compile(HttpConnectionManagerConfig manager) => new()
    {
        HpackTableSize = HpackTableSize, MaxConcurrentStreams = MaxConcurrentStreams, InitialStreamWindowSize = InitialStreamWindowSize,
        InitialConnectionWindowSize = InitialConnectionWindowSize, AllowConnect = AllowConnect, UsesHuffman = EnableHuffmanEncoding,
        MaxOutboundFrames = MaxOutboundFrames, MaxOutboundControlFrames = MaxOutboundControlFrames,
        MaxConsecutiveInboundFramesWithEmptyPayload = MaxConsecutiveInboundFramesWithEmptyPayload,
        MaxInboundPriorityFramesPerStream = MaxInboundPriorityFramesPerStream,
        MaxInboundWindowUpdateFramesPerDataFrameSent = MaxInboundWindowUpdateFramesPerDataFrameSent,
        StreamErrorOnInvalidMessage = OverrideStreamErrorOnInvalidHttpMessage,
        KeepAliveIntervalMicros = Micros(ConnectionKeepalive?.Interval), KeepAliveTimeoutMicros = Micros(ConnectionKeepalive?.Timeout),
        KeepAliveJitterPercent = (int)(ConnectionKeepalive?.IntervalJitter.Value ?? 0),
        MaxHeaderBytes = manager.MaxRequestHeadersKb * 1024, MaxHeaderFields = manager.CommonHttpProtocolOptions.MaxHeadersCount,
        HeaderTimeoutMicros = Micros(manager.RequestHeadersTimeout), WriteTimeoutMicros = Micros(manager.StreamIdleTimeout),
        DelayedCloseMicros = Micros(manager.DelayedCloseTimeout), DrainMicros = Micros(manager.DrainTimeout),
    };

    private static long Micros(TimeSpan? span) => (long)(span ?? TimeSpan.Zero).TotalMicroseconds;
}

[Description("PINGs on a connection.")]
[UnsupportedField("connection_idle_interval", "only connections that the proxy opens are asked before they are used again")]
public sealed record Http2KeepAliveConfig : ConfigRecord
{
    [Description("A PING is sent so often. Absent or 0: none.")]
    public TimeSpan? Interval { get; init; }

    [Required, Description("What the client must answer within; any frame of it counts.")]
    public TimeSpan? Timeout { get; init; }

    [Description("Up to so much of the interval is added to it at random.")]
    public PercentConfig IntervalJitter { get; init; } = new() { Value = 15 }; // Envoy's default
}

[Description("A percentage.")]
public sealed record PercentConfig : ConfigRecord
{
    [Range(0.0, 100.0), Description("0 to 100.")]
    public double Value { get; init; }
}
