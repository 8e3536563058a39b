using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("The endpoints of a cluster.")]
[UnsupportedField("named_endpoints", "not available in this version")]
public sealed record LoadAssignmentConfig : ConfigRecord
{
    [Description("A name that Envoy's endpoint discovery uses; it need not be the cluster's.")]
    public string ClusterName { get; init; } = "";

    [Description("Groups of endpoints; groups of one priority are used alike.")]
    public IReadOnlyList<LocalityEndpointsConfig> Endpoints { get; init; } = [];

    [Description("When the next priority gets requests too.")]
    public LoadAssignmentPolicyConfig Policy { get; init; } = new();
}

[Description("When the next priority gets requests too.")]
[UnsupportedField("drop_overloads endpoint_stale_after weighted_priority_health disable_overprovisioning", "not available in this version")]
public sealed record LoadAssignmentPolicyConfig : ConfigRecord
{
    [Range(1, 100_000), Description("In percent: with 140 some 72 % of a priority's endpoints are taken to carry all of the load.")]
    public int OverprovisioningFactor { get; init; } = 140; // Envoy's default
}

[Description("A group of endpoints.")]
[UnsupportedField("proximity metadata load_balancer_endpoints leds_cluster_locality_config", "not available in this version")]
public sealed record LocalityEndpointsConfig : ConfigRecord
{
    [Description("The endpoints.")]
    public IReadOnlyList<LbEndpointConfig> LbEndpoints { get; init; } = [];

    [Description("Where they are.")]
    public LocalityConfig? Locality { get; init; }

    [Description("With locality_weighted_lb_config: its share against other localities of its priority; without one it gets nothing.")]
    public uint LoadBalancingWeight { get; init; }

    [Range(0, 127), Description("0 is the first; the next ones get what healthy endpoints of those before are too few for.")]
    public int Priority { get; init; }
}

[Description("An endpoint with its weight.")]
[UnsupportedField("endpoint_name", "not available in this version")]
public sealed record LbEndpointConfig : ConfigRecord
{
    [Required, Description("Where it is.")]
    public EndpointConfig? Endpoint { get; init; }

    [Range(1, 128), Description("Share of the requests, against the other endpoints.")]
    public int LoadBalancingWeight { get; init; } = 1; // Envoy's default

    [Description("Free data; what retry_host_predicate asks for is under filter_metadata in envoy.lb, such as canary: true.")]
    public MetadataConfig? Metadata { get; init; }

    [Description("UNHEALTHY, DRAINING and TIMEOUT endpoints get no new requests.")]
    public EndpointHealthStatus HealthStatus { get; init; } = EndpointHealthStatus.Unknown;
}

/// <summary>UNKNOWN counts as healthy, as in Envoy.</summary>
public enum EndpointHealthStatus { Unknown, Healthy, Unhealthy, Draining, Timeout, Degraded }

[Description("An endpoint.")]
[UnsupportedField("additional_addresses", "not available in this version")]
public sealed record EndpointConfig : ConfigRecord
{
    [Required, Description("IP address, host name (STRICT_DNS) or Unix socket.")]
    public AddressConfig? Address { get; init; }

    [Description("How it is checked, where that is not as the cluster's health_checks say.")]
    public EndpointHealthCheckConfig? HealthCheckConfig { get; init; }

    [Description("Host header for auto_host_rewrite. Absent: the host name of the address, if it has one.")]
    public string Hostname { get; init; } = "";
}

[Description("Limits by priority.")]
public sealed record CircuitBreakersConfig : ConfigRecord
{
    [Length(0, 1), Description("At most one entry, of priority DEFAULT.")]
    public IReadOnlyList<CircuitBreakerThresholdsConfig> Thresholds { get; init; } = [];

    [Length(0, 1), Description("Limits of each endpoint. At most one entry, of priority DEFAULT.")]
    public IReadOnlyList<HostThresholdsConfig> PerHostThresholds { get; init; } = [];
}

[Description("Limits of one endpoint over all workers.")]
[UnsupportedField("max_pending_requests max_requests max_retries retry_budget track_remaining max_connection_pools",
    "Envoy has max_connections alone for each endpoint")]
public sealed record HostThresholdsConfig : ConfigRecord
{
    [Description("Only DEFAULT in this version.")]
    [UnsupportedValue("HIGH", "request priorities are not available in this version")]
    public RoutingPriority Priority { get; init; } = RoutingPriority.Default;

    [Description("Connections to it. Absent: as many as the cluster may have.")]
    public uint? MaxConnections { get; init; }
}

[Description("Limits of one cluster over all workers; 1024 each and 3 retries as in Envoy.")]
[UnsupportedField("max_connection_pools", "each worker has one pool for each endpoint")]
public sealed record CircuitBreakerThresholdsConfig : ConfigRecord
{
    [Description("Only DEFAULT in this version.")]
    [UnsupportedValue("HIGH", "request priorities are not available in this version")]
    public RoutingPriority Priority { get; init; } = RoutingPriority.Default;

    [Description("Connections.")]
    public uint MaxConnections { get; init; } = 1024;

    [Description("Tells how much is left of each limit: cluster.NAME.circuit_breakers.default.remaining_cx and the like.")]
    public bool TrackRemaining { get; init; }

    [Description("Requests that wait for a connection.")]
    public uint MaxPendingRequests { get; init; } = 1024;

    [Description("Requests under way.")]
    public uint MaxRequests { get; init; } = 1024;

    [Description("Retries under way, as long as there is no retry_budget.")]
    public uint MaxRetries { get; init; } = 3;

    [Description("Retries under way as a share of the requests under way.")]
    public RetryBudgetConfig? RetryBudget { get; init; }
}

[Description("How many retries there may be at a time, by the requests under way, those that wait for a connection included.")]
[UnsupportedField("budget_interval", "requests are counted at the moment of the retry in this version")]
public sealed record RetryBudgetConfig : ConfigRecord
{
    [Description("Their share; 20 % if nothing is said.")]
    public UpstreamPercentConfig BudgetPercent { get; init; } = new() { Value = 20 }; // Envoy's default

    [Description("So many there may be always.")]
    public uint MinRetryConcurrency { get; init; } = 3; // Envoy's default
}

public enum RoutingPriority { Default }
