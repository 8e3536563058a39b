using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A routing table: virtual hosts by domain.")]
[UnsupportedField(
    "vhds validate_clusters cluster_specifier_plugins vhost_header metadata "
        + "ignore_path_parameters_in_path_matching", "not available in this version")]
public sealed record RouteConfigurationConfig : ConfigRecord
{
    [ResourceName, Description("Unique name. Inside route_config it may be left out.")]
    public string Name { get; init; } = "";

    [Description("Virtual hosts; each domain belongs to one of them.")]
    public IReadOnlyList<VirtualHostConfig> VirtualHosts { get; init; } = [];

    [Length(0, 16), Description("Where copies of requests go, of virtual hosts and routes that say nothing of it themselves.")]
    public IReadOnlyList<MirrorPolicyConfig> RequestMirrorPolicies { get; init; } = [];

    [Description("Headers added to every request.")]
    public IReadOnlyList<HeaderValueOptionConfig> RequestHeadersToAdd { get; init; } = [];

    [Description("Headers removed from every request.")]
    public IReadOnlyList<string> RequestHeadersToRemove { get; init; } = [];

    [Description("Headers added to every response.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];

    [Description("Headers removed from every response.")]
    public IReadOnlyList<string> ResponseHeadersToRemove { get; init; } = [];

    [Length(0, 100), Description("Headers that are taken from requests that are not internal (internal_address_config), before anything "
        + "sees them.")]
    public IReadOnlyList<string> InternalOnlyHeaders { get; init; } = [];

    [Description("Applies the route's header changes last instead of first, so that they win.")]
    public bool MostSpecificHeaderMutationsWins { get; init; }

    [Description("Chooses the virtual host without the port of the Host header.")]
    public bool IgnorePortInHostMatching { get; init; }

    [ByteSize, Range(0L, 1L << 24), Description("Largest body of a direct_response.")]
    public long MaxDirectResponseBodySizeBytes { get; init; } = 4096; // Envoy's default, 4 KiB

    [Description("Configuration of filters for these routes, by filter name; a more specific level wins.")]
    public IReadOnlyDictionary<string, ConfigObject> TypedPerFilterConfig { get; init; } = new Dictionary<string, ConfigObject>();
}

[Description("Routes for some domains.")]
[UnsupportedField("retry_policy_typed_config", "use retry_policy")]
[UnsupportedField("virtual_clusters", "not available in this version")]
public sealed record VirtualHostConfig : ConfigRecord
{
    [Required, ResourceName, Description("Addresses the virtual host in its route configuration.")]
    public string Name { get; init; } = "";

    [Required, Length(1, 10000), Description("Host names: exact, *.example.com, www.example.*, or * for all others.")]
    public IReadOnlyList<string> Domains { get; init; } = [];

    [Description("Routes; the first that matches is taken.")]
    public IReadOnlyList<RouteConfig> Routes { get; init; } = [];

    [Description("Finds the route, in place of routes, by the head of the request and its connection. Actions: the messages "
        + "envoy.config.route.v3.Route, whose match has to match too, and envoy.config.route.v3.RouteList, of whose routes the first "
        + "that matches is taken.")]
    public MatcherConfig? Matcher { get; init; }

    [Description("Of routes that have none of their own: when a request that failed is sent again.")]
    public RetryPolicyConfig? RetryPolicy { get; init; }

    [Description("Of routes that have none of their own: several attempts at a time.")]
    public HedgePolicyConfig? HedgePolicy { get; init; }

    [Length(0, 16), Description("Where copies of requests go, of routes that say nothing of it themselves.")]
    public IReadOnlyList<MirrorPolicyConfig> RequestMirrorPolicies { get; init; } = [];

    [Description("Tells the upstream which attempt it is: x-envoy-attempt-count.")]
    public bool IncludeRequestAttemptCount { get; init; }

    [Description("Tells the client how many attempts there were: x-envoy-attempt-count.")]
    public bool IncludeAttemptCountInResponse { get; init; }

    [Description("Tells the upstream whether the attempt before it took too long: x-envoy-is-timeout-retry, in further attempts.")]
    public bool IncludeIsTimeoutRetryHeader { get; init; }

    [ByteSize, Range(0L, 1L << 30), Description("Most of a request's body that is kept to be sent again, if that is less than the "
        + "listener's per_connection_buffer_limit_bytes. Of routes that say nothing themselves.")]
    public long? PerRequestBufferLimitBytes { get; init; }

    [ByteSize, Range(0L, 1L << 30), Description("Most of a request's body that is kept to be sent again, whatever the listener says.")]
    public long? RequestBodyBufferLimit { get; init; }

    [Length(0, 100), Description("What rate limits count requests by, of routes that have none of their own.")]
    public IReadOnlyList<RateLimitConfig> RateLimits { get; init; } = [];

    [Description("Redirects requests that came without TLS.")]
    public TlsRequirement RequireTls { get; init; } = TlsRequirement.None;

    [Description("Headers added to every request.")]
    public IReadOnlyList<HeaderValueOptionConfig> RequestHeadersToAdd { get; init; } = [];

    [Description("Headers removed from every request.")]
    public IReadOnlyList<string> RequestHeadersToRemove { get; init; } = [];

    [Description("Headers added to every response.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];

    [Description("Headers removed from every response.")]
    public IReadOnlyList<string> ResponseHeadersToRemove { get; init; } = [];

    [Description("Free data for filters, by namespace, under filter_metadata.")]
    public MetadataConfig? Metadata { get; init; }

    [Description("Deprecated in Envoy, use typed_per_filter_config: the policy of the filter cors, where no level has one there.")]
    public CorsPolicyConfig? Cors { get; init; }

    [Description("Configuration of filters for these routes, by filter name.")]
    public IReadOnlyDictionary<string, ConfigObject> TypedPerFilterConfig { get; init; } = new Dictionary<string, ConfigObject>();
}

[Description("Routes that a matcher finds together.")]
public sealed record RouteListConfig : ConfigRecord
{
    [Required, Length(1, 10000), Description("Routes; the first that matches is taken.")]
    public IReadOnlyList<RouteConfig> Routes { get; init; } = [];
}

public enum TlsRequirement { None, ExternalOnly, All }
