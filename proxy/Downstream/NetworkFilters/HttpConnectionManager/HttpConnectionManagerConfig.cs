using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http;
using Managed.Proxy.Http.LocalReply;
using Managed.Proxy.Http.Rules;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

[Description("Speaks HTTP with the client and runs the HTTP filters.")]
[UnsupportedField("stream_error_on_invalid_http_message",
    "of HTTP/1 the connection is always closed after an invalid message (RFC 9112 section 9.6); for HTTP/2 say it in "
        + "http2_protocol_options.override_stream_error_on_invalid_http_message")]
[UnsupportedField("http3_protocol_options", "HTTP/3 is not available in this version")]
[UnsupportedField("tracing request_id_extension", "tracing is not available in this version")]
[UnsupportedField("forward_client_cert_matcher", "say it for all in forward_client_cert_details")]
[UnsupportedField(
    "proxy_100_continue represent_ipv4_remote_address_as_ipv4_mapped_ipv6 "
        + "typed_header_validation_config scheme_header_transformation access_log_options "
            + "access_log_flush_interval flush_access_log_on_new_request path_normalization_options "
                + "append_x_forwarded_port append_local_overload strip_port_mode "
                    + "forward_proto_config stream_flush_timeout http1_safe_max_connection_duration max_response_headers_kb",
    "not available in this version")]
public sealed record HttpConnectionManagerConfig : ConfigRecord
{
    [Description("AUTO, HTTP1 or HTTP2. AUTO: what was agreed on by ALPN, else HTTP/2 for a client that begins with its preface.")]
    [UnsupportedValue("HTTP3", "HTTP/3 is not available in this version")]
    public HttpCodecType CodecType { get; init; } = HttpCodecType.Auto; // Envoy's default

    [Required, Length(1, 256), Description("Name under http.* in the statistics.")]
    public string StatPrefix { get; init; } = "";

    [OneOf("route_specifier", Required = true), Description("The routing table itself.")]
    public RouteConfigurationConfig? RouteConfig { get; init; }

    [OneOf("route_specifier", Required = true), Description("The routing table by name, from route_configurations.")]
    public RdsConfig? Rds { get; init; }

    [OneOf("route_specifier", Required = true),
        Description("Several routing tables, chosen by a key that is made of the request's headers.")]
    public ScopedRoutesConfig? ScopedRoutes { get; init; }

    [Required, Length(1, 100), Description("HTTP filters in the order of the request; router is the last.")]
    public IReadOnlyList<HttpFilterConfig> HttpFilters { get; init; } = [];

    [Description("Adds a user-agent where there is none, and x-envoy-downstream-service-cluster, as in Envoy.")]
    public bool AddUserAgent { get; init; }

    [Description("Limits of connections and streams.")]
    public DownstreamHttpOptionsConfig CommonHttpProtocolOptions { get; init; } = new();

    [Description("HTTP/1.")]
    public Http1OptionsConfig HttpProtocolOptions { get; init; } = new();

    [JsonPropertyName("http2_protocol_options"), Description("HTTP/2.")]
    public Http2OptionsConfig Http2ProtocolOptions { get; init; } = new();

    [Length(1, 256), Description("Value of the server header.")]
    public string ServerName { get; init; } = "managed"; // Envoy: envoy

    [Description("What happens with a server header of the upstream.")]
    public ServerHeaderTransformation ServerHeaderTransformation { get; init; } = ServerHeaderTransformation.Overwrite; // Envoy's default

    [Range(1, 8192), Description("Largest head of a request in KiB; above it 431.")]
    public int MaxRequestHeadersKb { get; init; } = 60; // Envoy's default and range

    [Description("Ends a stream with no bytes in either direction for this long; 0 never.")]
    public TimeSpan StreamIdleTimeout { get; init; } = TimeSpan.FromMinutes(5); // Envoy's default

    [Description("From the start of a request until all of it is there; 0 is no limit.")]
    public TimeSpan RequestTimeout { get; init; } // Envoy's default: off

    [Description("From the first byte of a request until its headers are there; 0 is no limit.")]
    public TimeSpan RequestHeadersTimeout { get; init; } = TimeSpan.FromSeconds(10); // Envoy: off; its edge best practice bounds it

    [Description("How long a draining connection may go on serving requests before it is told to close.")]
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(5); // Envoy's default

    [Description(
        "How long the proxy reads on after its last byte, so that the client sees the response rather than a reset; 0 does not wait.")]
    public TimeSpan DelayedCloseTimeout { get; init; } = TimeSpan.FromSeconds(1); // Envoy's default

    [Description("Logs one line for each request.")]
    public IReadOnlyList<AccessLogConfig> AccessLog { get; init; } = [];

    [Description(
        "The client is the peer of the connection, and is appended to x-forwarded-for. false: x-forwarded-for is believed and left as "
            + "it is. True here, false in Envoy: a proxy at an edge must not believe what clients send.")]
    public bool UseRemoteAddress { get; init; } = true;

    [Range(0, 64),
        Description("How many proxies in front are trusted: the client is taken from x-forwarded-for that many entries from its right.")]
    public int XffNumTrustedHops { get; init; } // Envoy's default, 0

    [Length(0, 16), Description("How the client is found, in place of x-forwarded-for as it is: the first that finds it says so. Messages "
        + "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig and ….custom_header.v3.CustomHeaderConfig.")]
    public IReadOnlyList<ManagerExtensionConfig> OriginalIpDetectionExtensions { get; init; } = [];

    [Length(0, 16), Description("Changes of requests before anything else looks at them. Message "
        + "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation.")]
    public IReadOnlyList<ManagerExtensionConfig> EarlyHeaderMutationExtensions { get; init; } = [];

    [Description("Tells clients of errors by the proxy-status header (RFC 9209). Absent: it does not.")]
    public ProxyStatusConfig? ProxyStatusConfig { get; init; }

    [Description("Does not append to x-forwarded-for.")]
    public bool SkipXffAppend { get; init; }

    [Description("Appended to the via header of requests and responses. Empty: none.")]
    public string Via { get; init; } = "";

    [Description("Whose requests are internal: they may steer the router by x-envoy- headers and get x-envoy-internal. "
        + "Without it nobody's are.")]
    public InternalAddressConfig? InternalAddressConfig { get; init; } // Envoy's default since 1.33: no address

    [Description("What happens with x-forwarded-client-cert: SANITIZE removes it; of a client that shows a certificate FORWARD_ONLY passes "
        + "it on, APPEND_FORWARD adds what set_current_client_cert_details says, SANITIZE_SET replaces it by that, and of any other "
        + "they remove it; ALWAYS_FORWARD_ONLY passes it on from anybody, which only a proxy behind one that sets it may do.")]
    public ForwardClientCertDetails ForwardClientCertDetails { get; init; } = ForwardClientCertDetails.Sanitize; // Envoy's default

    [Description("What APPEND_FORWARD and SANITIZE_SET say of the client's certificate beside its hash.")]
    public SetCurrentClientCertDetailsConfig SetCurrentClientCertDetails { get; init; } = new();

    [Description(
        "Clusters with an upstream_proxy_protocol socket tell endpoints of the client's connection. false: they are told of none.")]
    public bool AddProxyProtocolConnectionState { get; init; } = true; // Envoy's default

    [Description("Makes an x-request-id where there is none.")]
    public bool GenerateRequestId { get; init; } = true; // Envoy's default

    [Description("Keeps an x-request-id that came from outside.")]
    public bool PreserveExternalRequestId { get; init; }

    [Description("Puts x-request-id into every response.")]
    public bool AlwaysSetRequestIdInResponse { get; init; }

    [Description("Normalises the path by RFC 3986 before routing: dot segments, case of percent-encoding, encoded unreserved characters; "
        + "a backslash is a slash.")]
    public bool NormalizePath { get; init; }

    [Description("Makes adjacent slashes of the path one.")]
    public bool MergeSlashes { get; init; }

    [Description("What happens with %2F and %5C in the path, before normalize_path and merge_slashes.")]
    // Envoy's default without runtime
    public EscapedSlashesAction PathWithEscapedSlashesAction { get; init; } = EscapedSlashesAction.KeepUnchanged;

    [OneOf("strip_port"), Description("Removes the port from the host when it is the listener's.")]
    public bool StripMatchingHostPort { get; init; }

    [OneOf("strip_port"), Description("Removes any port from the host.")]
    public bool StripAnyHostPort { get; init; }

    [Description("Removes a dot at the end of the host.")]
    public bool StripTrailingHostDot { get; init; }

    [Description(
        "Upgrades that are let through; without an entry the request goes on without its upgrade, with enabled: false it gets 403 as in "
            + "Envoy. The short form of a listener lets websocket through.")]
    public IReadOnlyList<UpgradeConfig> UpgradeConfigs { get; init; } = [];

    [Description("Changes responses that the proxy makes itself.")]
    public LocalReplyConfig? LocalReplyConfig { get; init; }
}

[Description("Parts of a client's certificate.")]
public sealed record SetCurrentClientCertDetailsConfig : ConfigRecord
{
    [Description("Its subject, as RFC 2253 writes names.")]
    public bool Subject { get; init; }

    [Description("The whole certificate: PEM in URL encoding.")]
    public bool Cert { get; init; }

    [Description("The certificates that the client sent, its own first, likewise. Of a resumed session its own alone.")]
    public bool Chain { get; init; }

    [Description("Its alternative names that are DNS names.")]
    public bool Dns { get; init; }

    [Description("Its alternative names that are URIs.")]
    public bool Uri { get; init; }
}

[Description("Whose requests are internal.")]
public sealed record InternalAddressConfig : ConfigRecord
{
    [Description("Those of a peer on a Unix socket.")]
    public bool UnixSockets { get; init; }

    [Description("Those of a client whose address is in one of these blocks, if x-forwarded-for says no other.")]
    public IReadOnlyList<CidrRangeConfig> CidrRanges { get; init; } = [];
}

[Description("The routing table by name.")]
[UnsupportedField("config_source", "route configurations come from this document; leave config_source out")]
public sealed record RdsConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("A name from route_configurations.")]
    public string RouteConfigName { get; init; } = "";
}

[Description("An upgrade that is let through.")]
public sealed record UpgradeConfig : ConfigRecord
{
    [Required, Length(1, 64), Description("Such as websocket, or CONNECT for routes with connect_matcher; case does not count.")]
    [UnsupportedValue("CONNECT-UDP", "only CONNECT for TCP is available in this version")]
    [UnsupportedValue("h2c H2C", "HTTP/2 within an upgraded connection would pass the filters by; RFC 9113 section 3.1 has taken h2c back")]
    public string UpgradeType { get; init; } = "";

    [Length(0, 100), Description("HTTP filters that requests for this upgrade pass in place of all others; router is the last. Absent: the "
        + "same as all requests. A request that turns out to be another than its filters were chosen for gets 403.")]
    public IReadOnlyList<HttpFilterConfig> Filters { get; init; } = [];

    [Description("Whether it is allowed where a route does not say otherwise.")]
    public bool Enabled { get; init; } = true; // Envoy's default
}
