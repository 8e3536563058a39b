using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Forwards to a cluster.")]
[UnsupportedField("retry_policy_typed_config", "use retry_policy")]
[UnsupportedField(
    "internal_redirect_action max_internal_redirects priority cluster_specifier_plugin "
            + "inline_cluster_specifier_plugin path_rewrite_policy path_rewrite host_rewrite early_data_policy flush_timeout",
    "not available in this version")]
public sealed record RouteActionConfig : ConfigRecord
{
    [OneOf("cluster_specifier", Required = true), Description("Name of the cluster.")]
    public string? Cluster { get; init; }

    [OneOf("cluster_specifier", Required = true), Description("The request header that names the cluster.")]
    public string? ClusterHeader { get; init; }

    [OneOf("cluster_specifier", Required = true), Description("Several clusters by weight.")]
    public WeightedClustersConfig? WeightedClusters { get; init; }

    [Length(0, 100), Description("What rate limits count requests by.")]
    public IReadOnlyList<RateLimitConfig> RateLimits { get; init; } = [];

    [Description("The virtual host's rate_limits count too, where the route has some of its own.")]
    public bool IncludeVhRateLimits { get; init; }

    [Description("Status when the cluster does not exist.")]
    // Envoy's default
    public ClusterNotFoundResponseCode ClusterNotFoundResponseCode { get; init; } = ClusterNotFoundResponseCode.ServiceUnavailable;

    [OneOf("path_rewrite"), Description("Replaces the matched prefix or path.")]
    public string? PrefixRewrite { get; init; }

    [OneOf("path_rewrite"), Description("Replaces what an expression finds in the path.")]
    public RegexRewriteConfig? RegexRewrite { get; init; }

    [OneOf("host_rewrite_specifier"), Description("The new host.")]
    public string? HostRewriteLiteral { get; init; }

    [OneOf("host_rewrite_specifier"), Description("The host name of the chosen endpoint.")]
    public bool? AutoHostRewrite { get; init; }

    [OneOf("host_rewrite_specifier"), Description("The value of this request header.")]
    public string? HostRewriteHeader { get; init; }

    [OneOf("host_rewrite_specifier"), Description("What an expression makes of the path.")]
    public RegexRewriteConfig? HostRewritePathRegex { get; init; }

    [Description("With a host rewrite, puts the original host into x-forwarded-host.")]
    public bool AppendXForwardedHost { get; init; }

    [Description("From the end of the request to the end of the response; 0 is no limit. The default does not hold where "
        + "max_stream_duration is given.")]
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15); // Envoy's default

    [Description("What the hash of a request is made of, where the cluster's lb_policy is RING_HASH or MAGLEV.")]
    public IReadOnlyList<HashPolicyConfig> HashPolicy { get; init; } = [];

    [Length(0, 16), Description("Where copies of its requests go. None: as the virtual host, else the route configuration says.")]
    public IReadOnlyList<MirrorPolicyConfig> RequestMirrorPolicies { get; init; } = [];

    [Description("Under filter_metadata in envoy.lb: what the metadata of the endpoint have to be, where the cluster has an "
        + "lb_subset_config. What filters leave under the same name is over it.")]
    public MetadataConfig? MetadataMatch { get; init; }

    [Description("Redirects of the upstream that are followed here. Absent: clients get them.")]
    public InternalRedirectPolicyConfig? InternalRedirectPolicy { get; init; }

    [Description("When a request that failed is sent again. Absent: as the virtual host says.")]
    public RetryPolicyConfig? RetryPolicy { get; init; }

    [Description("Several attempts at a time. Absent: as the virtual host says.")]
    public HedgePolicyConfig? HedgePolicy { get; init; }

    [Description("Replaces stream_idle_timeout for this route; 0 is no limit.")]
    public TimeSpan? IdleTimeout { get; init; }

    [Description("Longest life of a stream.")]
    public RouteMaxStreamDurationConfig? MaxStreamDuration { get; init; }

    [Description("Deprecated in Envoy, for max_stream_duration: of a gRPC request grpc-timeout is the timeout, up to this; 0: whatever it "
        + "says. The upstream is told.")]
    public TimeSpan? MaxGrpcTimeout { get; init; }

    [Description("With max_grpc_timeout: taken off what the client says, if that is longer.")]
    public TimeSpan? GrpcTimeoutOffset { get; init; }

    [Description("Turns upgrades of the connection manager on or off for this route.")]
    public IReadOnlyList<RouteUpgradeConfig> UpgradeConfigs { get; init; } = [];

    [Description("Deprecated in Envoy, use typed_per_filter_config: the policy of the filter cors, where no level has one there.")]
    public CorsPolicyConfig? Cors { get; init; }
}

public enum ClusterNotFoundResponseCode { ServiceUnavailable, NotFound, InternalServerError }

[Description("Longest life of a stream.")]
public sealed record RouteMaxStreamDurationConfig : ConfigRecord
{
    [Description("0 is no limit.")]
    public TimeSpan? MaxStreamDuration { get; init; }

    [Description("What a request's grpc-timeout says is used in place of max_stream_duration, up to this; 0: whatever it says.")]
    public TimeSpan? GrpcTimeoutHeaderMax { get; init; }

    [Description("Taken off what the client says, so that it hears of it from here. What is left of nothing is over at once.")]
    public TimeSpan? GrpcTimeoutHeaderOffset { get; init; }
}

[Description("An upgrade on or off.")]
public sealed record RouteUpgradeConfig : ConfigRecord
{
    [Required, Length(1, 64), Description("Such as websocket; case does not count.")]
    [UnsupportedValue("h2c H2C", "HTTP/2 within an upgraded connection would pass the filters by; RFC 9113 section 3.1 has taken h2c back")]
    public string UpgradeType { get; init; } = "";

    [Description("Whether it is allowed.")]
    public bool Enabled { get; init; } = true; // Envoy's default

    [Description("Of CONNECT: it ends here, and what the client sends goes to the endpoint as it is. Absent: CONNECT goes on to the "
        + "endpoint.")]
    public ConnectConfig? ConnectConfig { get; init; }
}

[Description("How a CONNECT ends here.")]
[UnsupportedField("proxy_protocol_config", "say it in the cluster's upstream_proxy_protocol socket")]
[UnsupportedField("allow_post", "not available in this version")]
public sealed record ConnectConfig : ConfigRecord;

[Description("Clusters by weight.")]
[UnsupportedField("runtime_key_prefix random_value_specifier use_hash_policy", "not available in this version")]
public sealed record WeightedClustersConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("The clusters; their weights must add up to more than 0.")]
    public IReadOnlyList<WeightedClusterConfig> Clusters { get; init; } = [];

    [Description("Deprecated in Envoy: what the weights must add up to.")]
    public uint? TotalWeight { get; init; }

    [Description("A request header whose integer value is used in place of the random number.")]
    public string HeaderName { get; init; } = "";
}

[Description("A cluster with its share.")]
[UnsupportedField("cluster_header", "not available in this version")]
public sealed record WeightedClusterConfig : ConfigRecord
{
    [Required, Description("Name of the cluster.")]
    public string Name { get; init; } = "";

    [Description("As that of the route, over it.")]
    public MetadataConfig? MetadataMatch { get; init; }

    [Description("Its share, against the sum of all.")]
    public uint Weight { get; init; }

    [Description("Headers added to the request.")]
    public IReadOnlyList<HeaderValueOptionConfig> RequestHeadersToAdd { get; init; } = [];

    [Description("Headers removed from the request.")]
    public IReadOnlyList<string> RequestHeadersToRemove { get; init; } = [];

    [Description("Headers added to the response.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];

    [Description("Headers removed from the response.")]
    public IReadOnlyList<string> ResponseHeadersToRemove { get; init; } = [];

    [Description("Configuration of filters for this cluster, by filter name.")]
    public IReadOnlyDictionary<string, ConfigObject> TypedPerFilterConfig { get; init; } = new Dictionary<string, ConfigObject>();

    [Description("The new host.")]
    public string HostRewriteLiteral { get; init; } = "";
}
