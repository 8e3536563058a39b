using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A group of upstream endpoints and how they are used.")]
[ShortFormFields("endpoints tls http2")]
[UnsupportedField("transport_socket_matches", "all endpoints of a cluster are reached in the same way in this version")]
[UnsupportedField("tls_context", "use transport_socket with an UpstreamTlsContext, or tls")]
[UnsupportedField("upstream_http_protocol_options protocol_selection",
    "use typed_extension_protocol_options with HttpProtocolOptions, or http2: true")]
[UnsupportedField("max_requests_per_connection", "use common_http_protocol_options.max_requests_per_connection")]
[UnsupportedField(
    "load_balancing_policy",
    "not available in this version: lb_policy with its settings, lb_subset_config and common_lb_config are")]
[UnsupportedField(
    "alt_stat_name dns_failure_refresh_rate dns_jitter respect_dns_ttl dns_resolvers "
        + "dns_resolution_config typed_dns_resolver_config use_tcp_for_dns_lookups wait_for_warm_on_init "
            + "upstream_bind_config upstream_connection_options ignore_health_on_host_removal "
                + "filters metadata connection_pool_per_downstream_connection track_timeout_budgets "
                    + "track_cluster_stats upstream_config lrs_server",
    "not available in this version")]
public sealed record ClusterConfig : ConfigRecord
{
    [Required, ResourceName, Description("Unique name of the cluster.")]
    public string Name { get; init; } = "";

    [Description("STATIC: the endpoints are IP addresses; STRICT_DNS: host names, each address they resolve to is an endpoint; "
        + "LOGICAL_DNS: one host name, one of whose addresses is the endpoint, as long as the answers have it; ORIGINAL_DST: where a "
        + "connection was going before it was redirected here; EDS: a file has the endpoints, eds_cluster_config.")]
    public ClusterType Type { get; init; } = ClusterType.Static; // Envoy's default; the short form chooses by the addresses

    [JsonPropertyName("cluster_type"), Description("A kind of cluster that is an extension, in place of type.")]
    public CustomClusterTypeConfig? CustomKind { get; init; }

    [Description("Connections of tcp_proxy to an endpoint are closed when its health check fails or it is ejected; busy ones of HTTP "
        + "are closed when their requests are done, whatever this says.")]
    public bool CloseConnectionsOnHostHealthFailure { get; init; }

    [DurationRange(1), Description("How long a connection to an endpoint may take.")]
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5); // Envoy's default

    [Description("How the endpoint of a request is chosen.")]
    [UnsupportedValue("LOAD_BALANCING_POLICY_CONFIG", "there are ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH and MAGLEV")]
    public LbPolicy LbPolicy { get; init; } = LbPolicy.RoundRobin; // Envoy's default

    [Description("The file of type EDS. When it changes, a version with what it says then is made.")]
    public EdsClusterConfig? EdsClusterConfig { get; init; }

    [Description("Settings of a cluster of type ORIGINAL_DST.")]
    public OriginalDstLbConfig? OriginalDstLbConfig { get; init; }

    [DurationRange(1), Description("Of type ORIGINAL_DST: an endpoint that nobody asks for is forgotten after this.")]
    public TimeSpan CleanupInterval { get; init; } = TimeSpan.FromSeconds(5); // Envoy's default

    [Description("Settings of ROUND_ROBIN.")]
    public RoundRobinLbConfig RoundRobinLbConfig { get; init; } = new();

    [Description("Settings of LEAST_REQUEST.")]
    public LeastRequestLbConfig LeastRequestLbConfig { get; init; } = new();

    [Description("Settings of RING_HASH.")]
    public RingHashLbConfig RingHashLbConfig { get; init; } = new();

    [Description("Settings of MAGLEV.")]
    public MaglevLbConfig MaglevLbConfig { get; init; } = new();

    [Description("Divides the endpoints by their metadata. Absent: they are one.")]
    public LbSubsetConfig? LbSubsetConfig { get; init; }

    [Description("Settings that all policies have.")]
    public CommonLbConfig CommonLbConfig { get; init; } = new();

    [Description("Connections that are made before requests need them.")]
    public PreconnectPolicyConfig PreconnectPolicy { get; init; } = new();

    [Length(0, 1), Description("How the endpoints are asked whether they are well. At most one.")]
    public IReadOnlyList<HealthCheckConfig> HealthChecks { get; init; } = [];

    [Description("Endpoints that answer worse than others get no requests for a while. Absent: they do.")]
    public OutlierDetectionConfig? OutlierDetection { get; init; }

    [Description("The endpoints.")]
    public LoadAssignmentConfig? LoadAssignment { get; init; }

    [Description("TLS to the endpoints. Absent: the bytes as they are.")]
    public TransportSocketConfig? TransportSocket { get; init; }

    [Description("Limits of what this cluster is sent at a time.")]
    public CircuitBreakersConfig CircuitBreakers { get; init; } = new();

    [DurationRange(1), Description("How often the names of a cluster are resolved again.")]
    public TimeSpan DnsRefreshRate { get; init; } = TimeSpan.FromSeconds(5); // Envoy's default, 5000 ms

    [Description("Which addresses of a name are used.")]
    public DnsLookupFamily DnsLookupFamily { get; init; } = DnsLookupFamily.Auto; // Envoy's default

    [Description("Limits of upstream connections.")]
    public UpstreamHttpOptionsConfig CommonHttpProtocolOptions { get; init; } = new();

    [Description("Which HTTP the endpoints are spoken to with: one entry, envoy.extensions.upstreams.http.v3.HttpProtocolOptions. Absent: "
        + "HTTP/1.1.")]
    public IReadOnlyDictionary<string, HttpProtocolOptionsConfig> TypedExtensionProtocolOptions { get; init; }
        = new Dictionary<string, HttpProtocolOptionsConfig>();

    [JsonPropertyName("http2_protocol_options"),
        Description("Deprecated in Envoy: HTTP/2. typed_extension_protocol_options says it otherwise, and is used if it is given.")]
    public UpstreamHttp2OptionsConfig? Http2ProtocolOptions { get; init; }

    [Description("Deprecated in Envoy: HTTP/1.1, which is spoken anyway where nothing else is said.")]
    public UpstreamHttp1OptionsConfig? HttpProtocolOptions { get; init; }

    [ByteSize, Range(1024L, 1L << 30),
        Description("Soft limit of the buffers of one upstream connection: above it the endpoint is not read.")]
    public long PerConnectionBufferLimitBytes { get; init; } = 1 << 20; // Envoy's default, 1 MiB

    internal HttpProtocolOptionsConfig? HttpOptions => TypedExtensionProtocolOptions.Values.FirstOrDefault();

    private static readonly UpstreamHttpProtocolOptionsConfig ByHost = new() { AutoSni = true, AutoSanValidation = true };

    internal const string DynamicForwardProxy = "dynamic_forward_proxy", Aggregate = "aggregate";

    /// <summary>The kind of cluster_type: dynamic_forward_proxy of envoy.clusters.dynamic_forward_proxy. Empty: type says it.</summary>
    internal string CustomType => CustomKind is not { } custom ? ""
        : custom.TypedConfig?.Text("@type") is { } type
            ? type.Replace("type.googleapis.com/", "", StringComparison.Ordinal) switch
            {
                "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig" => DynamicForwardProxy,
                "envoy.extensions.clusters.aggregate.v3.ClusterConfig" => Aggregate,
                var other => other,
            }
            : custom.Name.Replace("envoy.clusters.", "", StringComparison.Ordinal);

    /// <summary>
    /// What TLS has to do with the host of a request. Where that says who the endpoint is, it is checked for it unless something else is
    /// said (as in Envoy).
    /// </summary>
    internal UpstreamHttpProtocolOptionsConfig? HttpNames => HttpOptions?.UpstreamHttpProtocolOptions
        ?? (HttpOptions is null && TransportSocket is not null && CustomType == DynamicForwardProxy ? ByHost : null);
}

public enum ClusterType { Static, StrictDns, LogicalDns, OriginalDst, Eds }

/// <summary>CLUSTER_PROVIDED: the kind of the cluster says which endpoint a request gets.</summary>
public enum LbPolicy { RoundRobin, LeastRequest, Random, RingHash, Maglev, ClusterProvided }

/// <summary>AUTO prefers IPv6 and uses IPv4 when there is none, V4_PREFERRED the other way round, ALL uses both.</summary>
public enum DnsLookupFamily
{
    Auto,
    [JsonStringEnumMemberName("V4_ONLY")] V4Only,
    [JsonStringEnumMemberName("V6_ONLY")] V6Only,
    [JsonStringEnumMemberName("V4_PREFERRED")] V4Preferred,
    All,
}

[Description("LEAST_REQUEST: the endpoint with the fewest active requests, for its weight, among some taken at random by weight.")]
[UnsupportedField("locality_lb_config", "use common_lb_config")]
[UnsupportedField("enable_full_scan", "use selection_method: FULL_SCAN")]
public sealed record LeastRequestLbConfig : ConfigRecord
{
    [Range(2, 64), Description("How many endpoints are compared.")]
    public int ChoiceCount { get; init; } = 2; // Envoy's default

    [Description("The power of the active requests that is compared: more than 1 makes them count for more; 0: weights alone count.")]
    public RuntimeDoubleConfig? ActiveRequestBias { get; init; }

    [Description("How an endpoint that comes begins. Absent: with its full share.")]
    public SlowStartConfig? SlowStartConfig { get; init; }

    [Description("N_CHOICES: some are compared; FULL_SCAN: all of them.")]
    public LeastRequestSelection SelectionMethod { get; init; }
}

public enum LeastRequestSelection { [JsonStringEnumMemberName("N_CHOICES")] Choices, FullScan }

[Description("Limits of upstream connections.")]
[UnsupportedField("max_headers_count max_response_headers_kb max_stream_duration headers_with_underscores_action max_connection_duration",
    "not available on a cluster in this version")]
public sealed record UpstreamHttpOptionsConfig : ConfigRecord
{
    [Description("An idle connection is closed after this; 0 keeps it.")]
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1); // Envoy's default

    [Range(0, int.MaxValue), Description("A connection is closed after this many requests; 0 means no limit.")]
    public int MaxRequestsPerConnection { get; init; }
}
