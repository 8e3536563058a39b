namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>The names and message types of Envoy's extensions that documents may use. Which of them are served is the extension catalogue's matter.</summary>
public static class ExtensionNames
{
    public const string TypeUrlPrefix = "type.googleapis.com/";

    /// <summary>Envoy's wrapper that switches a filter off or on for a route.</summary>
    public const string FilterConfigType = "envoy.config.route.v3.FilterConfig";

    public const string HttpConnectionManagerType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    public const string TcpProxyType = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
    public const string RouterType = "envoy.extensions.filters.http.router.v3.Router";

    public static IReadOnlyList<ExtensionName> All { get; } =
    [
        Listener("tls_inspector", "TlsInspector"),
        Listener("http_inspector", "HttpInspector"),
        Listener("proxy_protocol", "ProxyProtocol"),
        Listener("original_dst", "OriginalDst"),
        Listener("local_ratelimit", "LocalRateLimit"),

        Network("http_connection_manager", "HttpConnectionManager"),
        Network("tcp_proxy", "TcpProxy"),
        Network("echo", "Echo"),
        Network("direct_response", "Config"),
        Network("connection_limit", "ConnectionLimit"),
        Network("local_ratelimit", "LocalRateLimit"),
        Network("rbac", "RBAC"),
        Network("ext_authz", "ExtAuthz"),
        Network("sni_cluster", "SniCluster"),
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
        Http("basic_auth", "BasicAuth", "BasicAuthPerRoute"),
        Http("api_key_auth", "ApiKeyAuth", "ApiKeyAuthPerRoute"),
        Http("fault", "HTTPFault", "HTTPFault"),
        Http("buffer", "Buffer", "BufferPerRoute"),
        Http("compressor", "Compressor", "CompressorPerRoute"),
        Http("decompressor", "Decompressor"),
        Http("health_check", "HealthCheck"),
        Http("grpc_web", "GrpcWeb"),
        Http("custom_response", "CustomResponse", "CustomResponse"),
        Http("adaptive_concurrency", "AdaptiveConcurrency"),
        Http("admission_control", "AdmissionControl"),
        Http("bandwidth_limit", "BandwidthLimit", "BandwidthLimit"),
        Http("ratelimit", "RateLimit", "RateLimitPerRoute"),
        Http("set_metadata", "Config"),
        Http("stateful_session", "StatefulSession", "StatefulSessionPerRoute"),
        Http("cache", "CacheConfig"),
        Http("oauth2", "OAuth2"),
        // Ours: filters written in C#, one message for both places.
        new(ExtensionKind.HttpFilter, "managed.filters.http.native", "managed.extensions.filters.http.native.v1.Native", "managed.extensions.filters.http.native.v1.Native"),
        new(ExtensionKind.NetworkFilter, "managed.filters.network.native", "managed.extensions.filters.network.native.v1.Native"),

        new(ExtensionKind.AccessLogger, "envoy.access_loggers.file", "envoy.extensions.access_loggers.file.v3.FileAccessLog"),
        new(ExtensionKind.AccessLogger, "envoy.access_loggers.stdout", "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"),
        new(ExtensionKind.AccessLogger, "envoy.access_loggers.stderr", "envoy.extensions.access_loggers.stream.v3.StderrAccessLog"),
    ];

    /// <summary>By short name, full name, message name or type URL; per-route messages find their extension too.</summary>
    public static ExtensionName? Find(ExtensionKind kind, string name)
    {
        var bare = name.StartsWith(TypeUrlPrefix, StringComparison.Ordinal) ? name[TypeUrlPrefix.Length..] : name;
        return All.FirstOrDefault(e => e.Kind == kind && (e.ShortName == bare || e.Name == bare || e.TypeName == bare || e.RouteTypeName == bare));
    }

    /// <summary>Names for a "did you mean".</summary>
    public static IEnumerable<string> Names(ExtensionKind kind) => All.Where(e => e.Kind == kind).SelectMany(e => new[] { e.ShortName, e.Name, TypeUrlPrefix + e.TypeName });

    private static ExtensionName Listener(string name, string message) =>
        new(ExtensionKind.ListenerFilter, "envoy.filters.listener." + name, $"envoy.extensions.filters.listener.{name}.v3.{message}");

    private static ExtensionName Network(string name, string message) =>
        new(ExtensionKind.NetworkFilter, "envoy.filters.network." + name, $"envoy.extensions.filters.network.{name}.v3.{message}");

    private static ExtensionName Http(string name, string message, string? route = null) =>
        new(ExtensionKind.HttpFilter, "envoy.filters.http." + name, $"envoy.extensions.filters.http.{name}.v3.{message}",
            route is null ? null : $"envoy.extensions.filters.http.{name}.v3.{route}");
}
