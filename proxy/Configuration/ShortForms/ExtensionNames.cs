namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>
/// The names and message types of Envoy's extensions that documents may use. Which of them are served is the extension catalogue's matter.
/// </summary>
public static class ExtensionNames
{
    public const string TypeUrlPrefix = "type.googleapis.com/";

    /// <summary>Envoy's wrapper that switches a filter off or on for a route.</summary>
    public const string FilterConfigType = "envoy.config.route.v3.FilterConfig";

    /// <summary>The one message of a cluster's <c>typed_extension_protocol_options</c>.</summary>
    public const string HttpProtocolOptionsType = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    public const string HttpConnectionManagerType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    public const string UpstreamProxyProtocolType = "envoy.extensions.transport_sockets." + UpstreamProxyProtocol;
    private const string UpstreamProxyProtocol = "proxy_protocol.v3.ProxyProtocolUpstreamTransport";
    public const string TcpProxyType = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
    public const string RouterType = "envoy.extensions.filters.http.router.v3.Router";

    public static IReadOnlyList<ExtensionName> All { get; } =
    [
        Listener("tls_inspector", "TlsInspector"),
        Listener("http_inspector", "HttpInspector"),
        Listener("proxy_protocol", "ProxyProtocol"),
        Listener("original_dst", "OriginalDst"),
        Listener("local_ratelimit", "LocalRateLimit"),
        Listener("original_src", "OriginalSrc"),

        Network("http_connection_manager", "HttpConnectionManager"),
        Network("tcp_proxy", "TcpProxy"),
        Network("echo", "Echo"),
        Network("direct_response", "Config"),
        Network("connection_limit", "ConnectionLimit"),
        Network("local_ratelimit", "LocalRateLimit"),
        Network("rbac", "RBAC"),
        Network("ext_authz", "ExtAuthz"),
        Network("sni_cluster", "SniCluster"),
        Network("sni_dynamic_forward_proxy", "FilterConfig"),
        Network("set_filter_state", "Config"),
        Network("wasm", "Wasm"),

        Http("router", "Router"),
        Http("lua", "Lua", "LuaPerRoute"),
        Http("wasm", "Wasm"),
        Http("header_mutation", "HeaderMutation", "HeaderMutationPerRoute"),
        Http("cors", "Cors", "CorsPolicy"),
        Http("csrf", "CsrfPolicy", "CsrfPolicy"),
        Http("local_ratelimit", "LocalRateLimit", "LocalRateLimit"),
        Http("rbac", "RBAC", "RBACPerRoute"),
        Http("jwt_authn", "JwtAuthentication", "PerRouteConfig"),
        Http("ext_authz", "ExtAuthz", "ExtAuthzPerRoute"),
        Http("ext_proc", "ExternalProcessor", "ExtProcPerRoute"),
        Http("basic_auth", "BasicAuth", "BasicAuthPerRoute"),
        Http("api_key_auth", "ApiKeyAuth", "ApiKeyAuthPerRoute"),
        Http("fault", "HTTPFault", "HTTPFault"),
        Http("buffer", "Buffer", "BufferPerRoute"),
        Http("compressor", "Compressor", "CompressorPerRoute"),
        Http("decompressor", "Decompressor"),
        Http("health_check", "HealthCheck"),
        Http("grpc_web", "GrpcWeb"),
        Http("grpc_http1_bridge", "Config"),
        Http("grpc_stats", "FilterConfig"),
        Http("custom_response", "CustomResponse", "CustomResponse"),
        Http("adaptive_concurrency", "AdaptiveConcurrency"),
        Http("admission_control", "AdmissionControl"),
        Http("bandwidth_limit", "BandwidthLimit", "BandwidthLimit"),
        Http("ratelimit", "RateLimit", "RateLimitPerRoute"),
        Http("set_metadata", "Config"),
        Http("set_filter_state", "Config", "Config"),
        Http("header_to_metadata", "Config", "Config"),
        Http("json_to_metadata", "JsonToMetadata", "JsonToMetadata"),
        Http("cdn_loop", "CdnLoopConfig"),
        Http("ip_tagging", "IPTagging"),
        Http("geoip", "Geoip"),
        Http("tap", "Tap"),
        Http("stateful_session", "StatefulSession", "StatefulSessionPerRoute"),
        Http("cache", "CacheConfig"),
        Http("composite", "Composite"),
        new(ExtensionKind.HttpFilter, "envoy.filters.http.match_delegate", "envoy.extensions.common.matching.v3.ExtensionWithMatcher",
            "envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute"),
        Http("credential_injector", "CredentialInjector"),
        Http("oauth2", "OAuth2", "OAuth2"),
        Http("dynamic_forward_proxy", "FilterConfig", "PerRouteConfig"),
        Http("grpc_json_transcoder", "GrpcJsonTranscoder", "GrpcJsonTranscoder"),
        // Ours: filters written in C#.
        new(ExtensionKind.HttpFilter, "managed.filters.http.native", "managed.extensions.filters.http.native.v1.Native",
            "managed.extensions.filters.http.native.v1.Native"),
        new(ExtensionKind.ListenerFilter, "managed.filters.listener.native", "managed.extensions.filters.listener.native.v1.Native"),
        new(ExtensionKind.NetworkFilter, "managed.filters.network.native", "managed.extensions.filters.network.native.v1.Native"),

        Socket(ExtensionKind.DownstreamSocket, "tls", "tls.v3.DownstreamTlsContext"),
        Socket(ExtensionKind.UpstreamSocket, "tls", "tls.v3.UpstreamTlsContext"),
        Socket(ExtensionKind.DownstreamSocket, "raw_buffer", "raw_buffer.v3.RawBuffer"),
        Socket(ExtensionKind.UpstreamSocket, "raw_buffer", "raw_buffer.v3.RawBuffer"),
        Socket(ExtensionKind.UpstreamSocket, "upstream_proxy_protocol", UpstreamProxyProtocol),

        new(ExtensionKind.AccessLogger, "envoy.access_loggers.file", "envoy.extensions.access_loggers.file.v3.FileAccessLog"),
        new(ExtensionKind.AccessLogger, "envoy.access_loggers.stdout", "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"),
        new(ExtensionKind.AccessLogger, "envoy.access_loggers.stderr", "envoy.extensions.access_loggers.stream.v3.StderrAccessLog"),
    ];

    // Envoy's own of which no document can make use yet, by their short names, so that they are not taken for mistypings.
    private static readonly Dictionary<ExtensionKind, string[]> NotServed = new()
    {
        [ExtensionKind.ListenerFilter] = ["dynamic_modules", "set_filter_state", "udp_proxy", "dns_filter"],
        [ExtensionKind.NetworkFilter] =
        [
            "client_ssl_auth", "dubbo_proxy", "dynamic_modules", "ext_proc", "generic_proxy", "geoip", "kafka_broker", "kafka_mesh",
            "match_delegate", "mongo_proxy", "mysql_proxy", "postgres_proxy", "ratelimit",
            "redis_proxy", "reverse_tunnel", "rocketmq_proxy", "sip_proxy", "thrift_proxy",
            "zookeeper_proxy", "golang",
        ],
        [ExtensionKind.HttpFilter] =
        [
            "a2a", "alternate_protocols_cache", "aws_lambda", "aws_request_signing", "cache_v2",
            "connect_grpc_bridge", "dynamic_modules", "dynamo",
            "file_system_buffer", "gcp_authn", "geoip", "golang", "grpc_field_extraction",
            "grpc_http1_reverse_bridge", "grpc_json_reverse_transcoder",
            "gzip", "kill_request", "mcp", "mcp_router",
            "on_demand", "original_src", "proto_api_scrubber", "proto_message_extraction", "rate_limit_quota",
            "squash", "sxg", "tap", "thrift_to_metadata", "upstream_codec",
        ],
        [ExtensionKind.DownstreamSocket] = ["quic", "starttls", "tap", "tcp_stats", "alts", "s2a", "proxy_protocol"],
        [ExtensionKind.UpstreamSocket] = ["quic", "starttls", "tap", "tcp_stats", "alts", "s2a",
            "http_11_proxy", "internal_upstream"],
        [ExtensionKind.AccessLogger] = ["http_grpc", "tcp_grpc", "open_telemetry", "fluentd", "wasm", "stats"],
    };

    // Names from before extensions were called envoy.filters.*; with an @type the name does not count.
    private static readonly Dictionary<string, string> Former = new()
    {
        ["envoy.http_connection_manager"] = "http_connection_manager",
        ["envoy.tcp_proxy"] = "tcp_proxy",
        ["envoy.echo"] = "echo",
        ["envoy.ext_authz"] = "ext_authz",
        ["envoy.router"] = "router",
        ["envoy.lua"] = "lua",
        ["envoy.cors"] = "cors",
        ["envoy.csrf"] = "csrf",
        ["envoy.buffer"] = "buffer",
        ["envoy.fault"] = "fault",
        ["envoy.grpc_web"] = "grpc_web",
        ["envoy.health_check"] = "health_check",
        ["envoy.rate_limit"] = "ratelimit",
        ["envoy.file_access_log"] = "file",
        ["envoy.listener.tls_inspector"] = "tls_inspector",
        ["envoy.listener.http_inspector"] = "http_inspector",
        ["envoy.listener.original_dst"] = "original_dst",
        ["envoy.listener.proxy_protocol"] = "proxy_protocol",
    };

    /// <summary>A message name without the prefix of its URL, whatever that is.</summary>
    public static string Bare(string name) => name[(name.LastIndexOf('/') + 1)..];

    /// <summary>
    /// The message of today for one of a package that was alpha once (<c>.v3alpha.</c>), which files still name; itself otherwise. The
    /// fields are the same.
    /// </summary>
    public static string Current(string bare) => bare.Replace(".v3alpha.", ".v3.", StringComparison.Ordinal);

    /// <summary>Envoy has an extension of this name or message, and this version has none.</summary>
    public static bool IsNotServed(ExtensionKind kind, string name)
    {
        var parts = Bare(name).Split('.');
        return parts is [var alone] ? NotServed[kind].Contains(alone)
            : parts[0] == "envoy" && (NotServed[kind].Contains(parts[^1]) || (parts.Length > 3 && NotServed[kind].Contains(parts[^3])));
    }

    /// <summary>By short name, full name, message name or type URL; per-route messages find their extension too.</summary>
    public static ExtensionName? Find(ExtensionKind kind, string name)
    {
        var bare = Current(Bare(name));
        bare = Former.GetValueOrDefault(bare, bare);
        return All.FirstOrDefault(e => e.Kind == kind
            && (e.ShortName == bare || e.Name == bare || e.TypeName == bare || e.RouteTypeName == bare));
    }

    /// <summary>Names for a "did you mean".</summary>
    public static IEnumerable<string> Names(ExtensionKind kind)
        => All.Where(e => e.Kind == kind).SelectMany(e => new[] { e.ShortName, e.Name, TypeUrlPrefix + e.TypeName });

    private static ExtensionName Listener(string name, string message) =>
        new(ExtensionKind.ListenerFilter, "envoy.filters.listener." + name, $"envoy.extensions.filters.listener.{name}.v3.{message}");

    private static ExtensionName Network(string name, string message) =>
        new(ExtensionKind.NetworkFilter, "envoy.filters.network." + name, $"envoy.extensions.filters.network.{name}.v3.{message}");

    private static ExtensionName Socket(ExtensionKind kind, string name, string message) =>
        new(kind, "envoy.transport_sockets." + name, "envoy.extensions.transport_sockets." + message);

    private static ExtensionName Http(string name, string message, string? route = null) =>
        new(ExtensionKind.HttpFilter, "envoy.filters.http." + name, $"envoy.extensions.filters.http.{name}.v3.{message}",
            route is null ? null : $"envoy.extensions.filters.http.{name}.v3.{route}");
}
