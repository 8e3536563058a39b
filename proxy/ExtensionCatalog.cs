using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Downstream.ListenerFilters;
using Managed.Proxy.Downstream.ListenerFilters.HttpInspector;
using Managed.Proxy.Downstream.ListenerFilters.LocalRateLimit;
using Managed.Proxy.Downstream.ListenerFilters.Native;
using Managed.Proxy.Downstream.ListenerFilters.OriginalDst;
using Managed.Proxy.Downstream.ListenerFilters.OriginalSrc;
using Managed.Proxy.Downstream.ListenerFilters.ProxyProtocol;
using Managed.Proxy.Downstream.ListenerFilters.TlsInspector;
using Managed.Proxy.Downstream.NetworkFilters;
using Managed.Proxy.Downstream.NetworkFilters.ConnectionLimit;
using Managed.Proxy.Downstream.NetworkFilters.DirectResponse;
using Managed.Proxy.Downstream.NetworkFilters.Echo;
using Managed.Proxy.Downstream.NetworkFilters.ExtAuthz;
using Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.Proxy.Downstream.NetworkFilters.LocalRateLimit;
using Managed.Proxy.Downstream.NetworkFilters.Native;
using Managed.Proxy.Downstream.NetworkFilters.Rbac;
using Managed.Proxy.Downstream.NetworkFilters.SetFilterState;
using Managed.Proxy.Downstream.NetworkFilters.SniCluster;
using Managed.Proxy.Downstream.NetworkFilters.SniDynamicForwardProxy;
using Managed.Proxy.Downstream.NetworkFilters.TcpProxy;
using Managed.Proxy.Downstream.NetworkFilters.Wasm;
using Managed.Proxy.Downstream.TransportSockets;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Compression;
using Managed.Proxy.Http.Filters.AdaptiveConcurrency;
using Managed.Proxy.Http.Filters.AdmissionControl;
using Managed.Proxy.Http.Filters.ApiKeyAuth;
using Managed.Proxy.Http.Filters.BandwidthLimit;
using Managed.Proxy.Http.Filters.BasicAuth;
using Managed.Proxy.Http.Filters.Buffer;
using Managed.Proxy.Http.Filters.Cache;
using Managed.Proxy.Http.Filters.CdnLoop;
using Managed.Proxy.Http.Filters.Composite;
using Managed.Proxy.Http.Filters.Compressor;
using Managed.Proxy.Http.Filters.Cors;
using Managed.Proxy.Http.Filters.CredentialInjector;
using Managed.Proxy.Http.Filters.Csrf;
using Managed.Proxy.Http.Filters.CustomResponse;
using Managed.Proxy.Http.Filters.Decompressor;
using Managed.Proxy.Http.Filters.DynamicForwardProxy;
using Managed.Proxy.Http.Filters.ExtAuthz;
using Managed.Proxy.Http.Filters.ExtProc;
using Managed.Proxy.Http.Filters.Fault;
using Managed.Proxy.Http.Filters.Geoip;
using Managed.Proxy.Http.Filters.GrpcHttp1Bridge;
using Managed.Proxy.Http.Filters.GrpcJsonTranscoder;
using Managed.Proxy.Http.Filters.GrpcStats;
using Managed.Proxy.Http.Filters.GrpcWeb;
using Managed.Proxy.Http.Filters.HeaderMutation;
using Managed.Proxy.Http.Filters.HeaderToMetadata;
using Managed.Proxy.Http.Filters.HealthCheck;
using Managed.Proxy.Http.Filters.IpTagging;
using Managed.Proxy.Http.Filters.JsonToMetadata;
using Managed.Proxy.Http.Filters.JwtAuthn;
using Managed.Proxy.Http.Filters.LocalRateLimit;
using Managed.Proxy.Http.Filters.Lua;
using Managed.Proxy.Http.Filters.Native;
using Managed.Proxy.Http.Filters.OAuth2;
using Managed.Proxy.Http.Filters.RateLimit;
using Managed.Proxy.Http.Filters.Rbac;
using Managed.Proxy.Http.Filters.Router;
using Managed.Proxy.Http.Filters.SetFilterState;
using Managed.Proxy.Http.Filters.SetMetadata;
using Managed.Proxy.Http.Filters.StatefulSession;
using Managed.Proxy.Http.Filters.Tap;
using Managed.Proxy.Http.Filters.Wasm;
using Managed.Proxy.Upstream.TransportSockets;

namespace Managed.Proxy;

/// <summary>Every filter there is, one line each. Adding one: its folder, its line here, its test, its golden configuration.</summary>
public static class ExtensionCatalog
{
    public static IReadOnlyList<ListenerFilterDefinition> ListenerFilters { get; } =
    [
        new TlsInspectorDefinition(),
        new HttpInspectorDefinition(),
        new ProxyProtocolDefinition(),
        new OriginalDstDefinition(),
        new OriginalSrcDefinition(),
        new ListenerRateLimitDefinition(),
        new NativeListenerFilterDefinition(),
    ];

    /// <summary>Messages of transport sockets, which are few; each side has its own for TLS.</summary>
    public static IReadOnlyDictionary<string, Type> TransportSockets { get; } = new Dictionary<string, Type>()
    {
        [TransportSocketBuilder.TlsType] = typeof(DownstreamTlsContextConfig),
        [UpstreamSocketBuilder.TlsType] = typeof(UpstreamTlsContextConfig),
        [TransportSocketBuilder.RawBufferType] = typeof(RawBufferConfig),
        [UpstreamSocketBuilder.ProxyProtocolType] = typeof(UpstreamProxyProtocolConfig),
    };

    public static IReadOnlyList<NetworkFilterDefinition> NetworkFilters { get; } =
    [
        new HttpConnectionManagerDefinition(),
        new TcpProxyDefinition(),
        new EchoDefinition(),
        new DirectResponseDefinition(),
        new RbacNetworkFilterDefinition(),
        new NetworkAuthzDefinition(),
        new SetFilterStateNetworkFilterDefinition(),
        new WasmNetworkFilterDefinition(),
        new ConnectionLimitDefinition(),
        new NetworkRateLimitDefinition(),
        new SniClusterDefinition(),
        new SniDynamicForwardProxyDefinition(),
        new NativeNetworkFilterDefinition(),
    ];

    public static IReadOnlyList<HttpFilterDefinition> HttpFilters { get; } =
    [
        new HealthCheckFilterDefinition(),
        new CdnLoopFilterDefinition(),
        new IpTaggingFilterDefinition(),
        new GeoipFilterDefinition(),
        new HeaderToMetadataFilterDefinition(),
        new SetMetadataFilterDefinition(),
        new SetFilterStateFilterDefinition(),
        new RbacFilterDefinition(),
        new BufferFilterDefinition(),
        new JsonToMetadataFilterDefinition(),
        new HeaderMutationFilterDefinition(),
        new LocalRateLimitFilterDefinition(),
        new RateLimitFilterDefinition(),
        new CorsFilterDefinition(),
        new JwtAuthnFilterDefinition(),
        new OAuth2FilterDefinition(),
        new ExtAuthzFilterDefinition(),
        new ExtProcFilterDefinition(),
        new CsrfFilterDefinition(),
        new BasicAuthFilterDefinition(),
        new ApiKeyAuthFilterDefinition(),
        new FaultFilterDefinition(),
        new CustomResponseFilterDefinition(),
        new AdmissionControlFilterDefinition(),
        new AdaptiveConcurrencyFilterDefinition(),
        new BandwidthLimitFilterDefinition(),
        new CredentialInjectorFilterDefinition(),
        new TapFilterDefinition(),
        new CompressorFilterDefinition(),
        new DecompressorFilterDefinition(),
        new GrpcWebFilterDefinition(),
        new GrpcHttp1BridgeFilterDefinition(),
        new GrpcJsonTranscoderFilterDefinition(),
        new GrpcStatsFilterDefinition(),
        new DynamicForwardProxyFilterDefinition(),
        new StatefulSessionFilterDefinition(),
        new CacheFilterDefinition(),
        new MatchDelegateFilterDefinition(),
        new CompositeFilterDefinition(),
        new LuaFilterDefinition(),
        new WasmFilterDefinition(),
        new NativeFilterDefinition(),
        new RouterFilterDefinition(),
    ];

    /// <summary>Messages inside those of filters, which hold more than plain values.</summary>
    private static readonly Dictionary<string, Type> Inner = new()
    {
        ["envoy.extensions.filters.http.composite.v3.ExecuteFilterAction"] = typeof(ExecuteFilterActionConfig),
        ["envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy"] = typeof(LocalResponsePolicyConfig),
        [ResponsePolicy.Redirect] = typeof(RedirectPolicyConfig),
        ["envoy.config.route.v3.Route"] = typeof(RouteConfig),
        ["envoy.config.route.v3.RouteList"] = typeof(RouteListConfig),
        ["envoy.extensions.geoip_providers.maxmind.v3.MaxMindConfig"] = typeof(MaxMindConfig),
        [FileStorage.TypeName] = typeof(FileSystemHttpCacheConfig),
        ["xds.type.matcher.v3.IPMatcher"] = typeof(IpTreeConfig),
        ["xds.type.matcher.v3.ServerNameMatcher"] = typeof(NameTreeConfig),
        ["envoy.extensions.clusters.aggregate.v3.ClusterConfig"] = typeof(AggregateClusterConfig),
        ["envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"] = typeof(DynamicForwardProxyClusterConfig),
        ["envoy.extensions.compression.gzip.compressor.v3.Gzip"] = typeof(GzipCompressorConfig),
        ["envoy.extensions.compression.gzip.decompressor.v3.Gzip"] = typeof(GzipDecompressorConfig),
        ["envoy.extensions.compression.brotli.compressor.v3.Brotli"] = typeof(BrotliCompressorConfig),
        ["envoy.extensions.compression.brotli.decompressor.v3.Brotli"] = typeof(BrotliDecompressorConfig),
        ["envoy.extensions.compression.zstd.compressor.v3.Zstd"] = typeof(ZstdCompressorConfig),
        ["envoy.extensions.compression.zstd.decompressor.v3.Zstd"] = typeof(ZstdDecompressorConfig),
        ["envoy.extensions.http.original_ip_detection.xff.v3.XffConfig"] = typeof(XffAddressConfig),
        ["envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig"] = typeof(HeaderAddressConfig),
        ["envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"] = typeof(EarlyMutationConfig),
        ["envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState"] = typeof(CookieSessionConfig),
        ["envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState"] = typeof(HeaderSessionConfig),
        ["envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig"] = typeof(OmitHostMetadataConfig),
        ["envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"] = typeof(PreviousPrioritiesConfig),
        ["envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig"] = typeof(AllowListedRoutesConfig),
        ["envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink"] = typeof(HealthEventFileConfig),
        ["envoy.extensions.matching.input_matchers.ip.v3.Ip"] = typeof(IpInputMatcherConfig),
        ["envoy.extensions.matching.input_matchers.metadata.v3.Metadata"] = typeof(MetadataInputMatcherConfig),
        ["envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput"] = typeof(DynamicMetadataInputConfig),
    };

    internal static HttpFilterCatalog Http { get; } = new(HttpFilters);

    /// <summary>
    /// The record behind a message type (without URL prefix), network or HTTP filter, per-route forms too; null when it is none of ours.
    /// </summary>
    public static Type? FindConfigType(string typeName)
    {
        typeName = ExtensionNames.Current(typeName);
        if (TransportSockets.TryGetValue(typeName, out var socket)) return socket;
        if (Inner.TryGetValue(typeName, out var inner)) return inner;
        foreach (var d in ListenerFilters) if (d.TypeName == typeName) return d.ConfigType;
        foreach (var d in NetworkFilters) if (d.TypeName == typeName) return d.ConfigType;
        foreach (var d in HttpFilters) if (d.TypeName == typeName) return d.ConfigType;
        foreach (var d in HttpFilters) if (d.RouteTypeName == typeName) return d.RouteConfigType;
        return null;
    }

    internal static ListenerFilterDefinition? FindListenerFilter(ConfigObject? typedConfig, string name, ConfigNode? at,
        ConfigErrors errors)
        => ExtensionLookup.Find(ListenerFilters, static d => (d.Name, d.TypeName), ExtensionKind.ListenerFilter, "listener filter",
            typedConfig, name, at, errors);

    internal static NetworkFilterDefinition? FindNetworkFilter(ConfigObject? typedConfig, string name, ConfigNode? at, ConfigErrors errors)
        => ExtensionLookup.Find(NetworkFilters, static d => (d.Name, d.TypeName), ExtensionKind.NetworkFilter, "network filter",
            typedConfig, name, at, errors);
}
