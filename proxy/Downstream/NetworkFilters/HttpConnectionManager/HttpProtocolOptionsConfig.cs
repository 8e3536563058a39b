using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

public enum HttpCodecType
{
    Auto,
    [JsonStringEnumMemberName("HTTP1")] Http1,
    [JsonStringEnumMemberName("HTTP2")] Http2,
}

[Description("Limits of downstream connections and streams.")]
[UnsupportedField("max_response_headers_kb", "not available in this version")]
public sealed record DownstreamHttpOptionsConfig : ConfigRecord
{
    [Description("A connection without requests is closed after this; 0 keeps it.")]
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1); // Envoy's default

    [Description("A connection is drained after this. Absent or 0: no limit.")]
    public TimeSpan? MaxConnectionDuration { get; init; }

    [Description("A stream is ended after this. Absent or 0: no limit.")]
    public TimeSpan? MaxStreamDuration { get; init; }

    [Range(1, 10000), Description("Most header fields of a request; above it 431.")]
    public int MaxHeadersCount { get; init; } = 100; // Envoy's default

    [Range(0, int.MaxValue), Description("A connection is closed after this many requests; 0 is no limit.")]
    public int MaxRequestsPerConnection { get; init; }

    [Description("What happens with header names that hold an underscore.")]
    public HeadersWithUnderscoresAction HeadersWithUnderscoresAction { get; init; } = HeadersWithUnderscoresAction.Allow; // Envoy's default
}

[Description("HTTP/1.")]
[UnsupportedField(
    "header_key_format override_stream_error_on_invalid_http_message send_fully_qualified_url use_balsa_parser allow_custom_methods "
        + "ignore_http_11_upgrade", "not available in this version")]
[UnsupportedField("allow_chunked_length", "a message with both transfer-encoding and content-length is refused (RFC 9112 section 6.3)")]
public sealed record Http1OptionsConfig : ConfigRecord
{
    [Description("Takes an absolute URL in the request line and routes by it.")]
    public bool? AllowAbsoluteUrl { get; init; } = true; // Envoy's default

    [JsonPropertyName("accept_http_10"), Description("Serves HTTP/1.0; otherwise such a request gets 426.")]
    public bool AcceptHttp10 { get; init; } = true; // Envoy: false; ab, old probes and health checkers still speak it

    [JsonPropertyName("default_host_for_http_10"), Description("Host for an HTTP/1.0 request that has none. Empty: 400.")]
    public string DefaultHostForHttp10 { get; init; } = "";

    [Description("Passes trailers of and to clients of HTTP/1; otherwise they are dropped. Those of HTTP/2 always pass.")]
    public bool EnableTrailers { get; init; } = true; // Envoy: false; fields that frame or route never pass (RFC 9110 section 6.5.1)
}
