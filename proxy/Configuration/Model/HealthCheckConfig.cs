using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("How the endpoints of a cluster are asked whether they are well.")]
[UnsupportedField("custom_health_check", "there are http_health_check, tcp_health_check and grpc_health_check")]
[UnsupportedField("event_service",
    "changes are events of the API (GET /api/v1/events, endpoint.health_changed) and lines of event_log_path")]
[UnsupportedField("tls_options transport_socket_match_criteria", "checks use the transport socket of the cluster as it is")]
public sealed record HealthCheckConfig : ConfigRecord
{
    [Required, DurationRange(1), Description("A check without an answer for so long has failed.")]
    public TimeSpan? Timeout { get; init; }

    [Required, DurationRange(1), Description("From one check to the next.")]
    public TimeSpan? Interval { get; init; }

    [Description("The first check begins after a random time up to this.")]
    public TimeSpan InitialJitter { get; init; }

    [Description("Up to so much is added to each interval at random.")]
    public TimeSpan IntervalJitter { get; init; }

    [Range(0, 100), Description("Likewise, in percent of the interval.")]
    public int IntervalJitterPercent { get; init; }

    [Required, Range(1, 1_000_000), Description("So many failures one after another make an endpoint unhealthy. A status that is neither "
        + "expected nor retriable, and a gRPC service that says so, does at once.")]
    public int? UnhealthyThreshold { get; init; }

    [Required, Range(1, 1_000_000), Description("So many successes make it healthy again; the first check of all decides alone.")]
    public int? HealthyThreshold { get; init; }

    [Range(1, 65535), Description("Port to check in place of the endpoint's own.")]
    public int? AltPort { get; init; }

    [Description("Keeps the connection from check to check.")]
    public bool ReuseConnection { get; init; } = true; // Envoy's default

    [Length(0, 4096), Description("Deprecated in Envoy, use event_logger: a file that gets a line of JSON, Envoy's HealthCheckEvent, when "
        + "an endpoint becomes healthy, unhealthy, degraded, and at a first check that fails.")]
    public string EventLogPath { get; init; } = "";

    [Length(0, 8), Description("Where such lines go: envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink.")]
    public IReadOnlyList<MatchInputConfig> EventLogger { get; init; } = [];

    [Description("Each check that fails is a line too.")]
    public bool AlwaysLogHealthCheckFailures { get; init; }

    [Description("Each check that succeeds is a line too.")]
    public bool AlwaysLogHealthCheckSuccess { get; init; }

    [OneOf("health_checker", Required = true), Description("A request over HTTP.")]
    public HttpHealthCheckConfig? HttpHealthCheck { get; init; }

    [OneOf("health_checker", Required = true), Description("A connection, and bytes over it.")]
    public TcpHealthCheckConfig? TcpHealthCheck { get; init; }

    [OneOf("health_checker", Required = true), Description("grpc.health.v1.Health/Check; the cluster has to speak HTTP/2.")]
    public GrpcHealthCheckConfig? GrpcHealthCheck { get; init; }

    [DurationRange(1), Description("The interval as long as the cluster has had no connection of a request.")]
    public TimeSpan NoTrafficInterval { get; init; } = TimeSpan.FromSeconds(60); // Envoy's default

    [DurationRange(1), Description("Likewise, of endpoints that are healthy. Absent: no_traffic_interval.")]
    public TimeSpan? NoTrafficHealthyInterval { get; init; }

    [DurationRange(1), Description("The interval of endpoints that are unhealthy. Absent: interval.")]
    public TimeSpan? UnhealthyInterval { get; init; }

    [DurationRange(1), Description("The first interval of one that became unhealthy. Absent: unhealthy_interval.")]
    public TimeSpan? UnhealthyEdgeInterval { get; init; }

    [DurationRange(1), Description("The first interval of one that became healthy. Absent: interval.")]
    public TimeSpan? HealthyEdgeInterval { get; init; }
}

[Description("A check by a request.")]
[UnsupportedField("service_name", "use service_name_matcher")]
public sealed record HttpHealthCheckConfig : ConfigRecord
{
    [Description("Host of the request. Absent: the endpoint's health_check_config.hostname, else the cluster's name.")]
    public string Host { get; init; } = "";

    [Required, Length(1, 4096), Description("Path of the request, with its query.")]
    public string Path { get; init; } = "";

    [Description("GET if nothing is said.")]
    public HealthCheckMethod Method { get; init; } = HealthCheckMethod.MethodUnspecified;

    [Description("Body of the request.")]
    public HealthCheckPayloadConfig? Send { get; init; }

    [Description("What has to be in the body of the answer, in this order.")]
    public IReadOnlyList<HealthCheckPayloadConfig> Receive { get; init; } = [];

    [ByteSize, Range(0L, 1L << 20), Description("So much of the answer's body is looked at.")]
    public long ResponseBufferSize { get; init; } = 1024; // Envoy's default

    [Length(0, 1000), Description("Headers added to the request.")]
    public IReadOnlyList<HeaderValueOptionConfig> RequestHeadersToAdd { get; init; } = [];

    [Description("Headers removed from the request.")]
    public IReadOnlyList<string> RequestHeadersToRemove { get; init; } = [];

    [Description("Statuses of a success, start <= status < end. Absent: 200 alone.")]
    public IReadOnlyList<Int64RangeConfig> ExpectedStatuses { get; init; } = [];

    [Description("Statuses of a failure that counts against unhealthy_threshold.")]
    public IReadOnlyList<Int64RangeConfig> RetriableStatuses { get; init; } = [];

    [Description("HTTP1 or HTTP2, whatever the cluster speaks.")]
    [UnsupportedValue("HTTP3", "HTTP/3 is not available in this version")]
    public HealthCheckCodec CodecClientType { get; init; } = HealthCheckCodec.Http1;

    [Description("What x-envoy-upstream-healthchecked-cluster of the answer has to say.")]
    public StringMatcherConfig? ServiceNameMatcher { get; init; }
}

public enum HealthCheckMethod { MethodUnspecified, Get, Head, Post, Put, Delete, Options, Patch }

public enum HealthCheckCodec
{
    [System.Text.Json.Serialization.JsonStringEnumMemberName("HTTP1")] Http1,
    [System.Text.Json.Serialization.JsonStringEnumMemberName("HTTP2")] Http2,
}

[Description("Bytes.")]
public sealed record HealthCheckPayloadConfig : ConfigRecord
{
    [OneOf("payload", Required = true), Length(2, 8192), Description("In hexadecimal.")]
    public string? Text { get; init; }

    [OneOf("payload", Required = true), Description("In base64.")]
    public byte[]? Binary { get; init; }
}

[Description("A check by a connection. With nothing to receive, that it can be made is enough.")]
[UnsupportedField("proxy_protocol_config", "checks use the transport socket of the cluster as it is")]
public sealed record TcpHealthCheckConfig : ConfigRecord
{
    [Description("What is sent.")]
    public HealthCheckPayloadConfig? Send { get; init; }

    [Description("What has to come, in this order; other bytes may come between.")]
    public IReadOnlyList<HealthCheckPayloadConfig> Receive { get; init; } = [];
}

[Description("A check by grpc.health.v1.")]
public sealed record GrpcHealthCheckConfig : ConfigRecord
{
    [Length(0, 1024), Description("The service that is asked about. Absent: the server as a whole.")]
    public string ServiceName { get; init; } = "";

    [Length(0, 256), Description(":authority. Absent: the endpoint's health_check_config.hostname, else the cluster's name.")]
    public string Authority { get; init; } = "";

    [Length(0, 1000), Description("Metadata added to the call.")]
    public IReadOnlyList<HeaderValueOptionConfig> InitialMetadata { get; init; } = [];
}

[Description("How an endpoint is checked, where that is not as the cluster says.")]
public sealed record EndpointHealthCheckConfig : ConfigRecord
{
    [Range(0, 65535), Description("Port to check; 0: the endpoint's own, or alt_port.")]
    public int PortValue { get; init; }

    [Length(0, 256), Description("Host of the check's request.")]
    public string Hostname { get; init; } = "";

    [Description("An IP address to check in place of the endpoint's own.")]
    public AddressConfig? Address { get; init; }

    [Description("It is not checked, and counts as healthy.")]
    public bool DisableActiveHealthCheck { get; init; }
}

[Description("Connections that are made before requests need them. Of HTTP/1; one of HTTP/2 has room for many requests.")]
[UnsupportedField("predictive_preconnect_ratio",
    "which endpoint comes next is not foreseen; use per_upstream_preconnect_ratio")]
public sealed record PreconnectPolicyConfig : ConfigRecord
{
    [Range(1d, 3d), Description("A worker has so many connections to an endpoint for each request of its own that is under way there, "
        + "within the limits of circuit_breakers; 1: one.")]
    public double PerUpstreamPreconnectRatio { get; init; } = 1; // Envoy's default and range
}

[Description("A file of health events.")]
public sealed record HealthEventFileConfig : ConfigRecord
{
    [Required, Length(1, 4096), Description("Its path.")]
    public string EventLogPath { get; init; } = "";
}

[Description("Settings that all policies of load balancing have.")]
[UnsupportedField("update_merge_window host_selection_fallback", "not available in this version")]
public sealed record CommonLbConfig : ConfigRecord
{
    [Description("With fewer healthy endpoints than this all of them get requests, as if nothing were known; 0: never.")]
    public UpstreamPercentConfig HealthyPanicThreshold { get; init; } = new() { Value = 50 }; // Envoy's default

    [Description("Settings of RING_HASH and MAGLEV.")]
    public ConsistentHashingLbConfig? ConsistentHashingLbConfig { get; init; }

    [OneOf("locality_config_specifier"), Description("Requests stay in the zone of this proxy (node.locality), as far as the endpoints "
        + "there can carry them. Needs cluster_manager.local_cluster_name.")]
    public ZoneAwareLbConfig? ZoneAwareLbConfig { get; init; }

    [OneOf("locality_config_specifier"), Description("Localities get requests by their load_balancing_weight, less where fewer of their "
        + "endpoints are healthy.")]
    public EmptyConfig? LocalityWeightedLbConfig { get; init; }

    [Description("Which endpoints a filter may choose itself (stateful_session, setUpstreamOverrideHost). Absent: UNKNOWN, HEALTHY, "
        + "DEGRADED.")]
    public OverrideHostStatusConfig? OverrideHostStatus { get; init; }

    [Description("When endpoints come or go, the connections to all others are closed too, busy ones when their requests are done: then "
        + "requests spread over the new set at once.")]
    public bool CloseConnectionsOnHostSetChange { get; init; }

    [Description("An endpoint that has not been checked yet does not count for healthy_panic_threshold.")]
    public bool IgnoreNewHostsUntilFirstHc { get; init; }
}

[Description("States of endpoints.")]
public sealed record OverrideHostStatusConfig : ConfigRecord
{
    [Length(0, 6), Description("UNKNOWN and HEALTHY are the same here; none: no endpoint may be chosen by a filter.")]
    public IReadOnlyList<EndpointHealthStatus> Statuses { get; init; } = [];
}

[Description("Requests stay in the zone of this proxy.")]
[UnsupportedField("force_locality_direct_routing force_local_zone", "not available in this version")]
public sealed record ZoneAwareLbConfig : ConfigRecord
{
    [Description("Of so many requests; 100 % if nothing is said.")]
    public UpstreamPercentConfig RoutingEnabled { get; init; } = new() { Value = 100 }; // Envoy's default

    [Description("With fewer healthy endpoints zones are not told apart.")]
    public uint MinClusterSize { get; init; } = 6; // Envoy's default

    [Description("In panic requests get no endpoint, rather than any.")]
    public bool FailTrafficOnPanic { get; init; }
}
