using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Names that requests ask for, with their addresses. Filters and clusters that give the same name share one, and have to give "
    + "all of it alike.")]
[UnsupportedField("use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config", "the system's resolver is asked")]
[UnsupportedField("key_value_config", "addresses are not kept beyond the process")]
public sealed record DnsCacheConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name, also in the statistics: dns_cache.NAME.")]
    public string Name { get; init; } = "";

    [Description("Which addresses of a name are used.")]
    public DnsLookupFamily DnsLookupFamily { get; init; } = DnsLookupFamily.Auto; // Envoy's default

    [DurationRange(1), Description("How often a name is asked for again, dns_min_refresh_rate at least.")]
    public TimeSpan DnsRefreshRate { get; init; } = TimeSpan.FromSeconds(60); // Envoy's default

    [DurationRange(1000), Description("The shortest time between two questions for a name that has an address.")]
    public TimeSpan DnsMinRefreshRate { get; init; } = TimeSpan.FromSeconds(5); // Envoy's default

    [DurationRange(1), Description("A name that nobody asks for is forgotten after this, its connections with it.")]
    public TimeSpan HostTtl { get; init; } = TimeSpan.FromMinutes(5); // Envoy's default

    [Range(1, 100_000), Description("How many names there may be at a time; requests for another one get 503.")]
    public int MaxHosts { get; init; } = 1024; // Envoy's default

    [Description("A name without an address is forgotten at once: the next request asks for it anew.")]
    public bool DisableDnsRefreshOnFailure { get; init; }

    [Description("How often a name without an address is asked for again. Absent: every dns_refresh_rate.")]
    public DnsFailureRefreshConfig? DnsFailureRefreshRate { get; init; }

    [Description("Limits.")]
    public DnsCacheCircuitBreakersConfig DnsCacheCircuitBreaker { get; init; } = new();

    [Length(0, 1000), Description("Names that are asked for before a request does.")]
    public IReadOnlyList<SocketAddressConfig> PreresolveHostnames { get; init; } = [];

    [DurationRange(1), Description("How long a request waits for an answer.")]
    public TimeSpan DnsQueryTimeout { get; init; } = TimeSpan.FromSeconds(5); // Envoy's default
}

[Description("A pause that grows with each failure.")]
public sealed record DnsFailureRefreshConfig : ConfigRecord
{
    [Required, DurationRange(1), Description("The first; doubled with each further one.")]
    public TimeSpan? BaseInterval { get; init; }

    [DurationRange(1), Description("The longest. Absent: ten times the first.")]
    public TimeSpan? MaxInterval { get; init; }
}

[Description("Limits of a DNS cache.")]
public sealed record DnsCacheCircuitBreakersConfig : ConfigRecord
{
    [Description("How many requests may wait for names at a time; others get 503.")]
    public uint MaxPendingRequests { get; init; } = 1024; // Envoy's default
}

[Description("Endpoints are what requests ask for by their host, or connections by their server name.")]
[UnsupportedField("sub_clusters_config", "one cluster has all hosts in this version: give dns_cache_config")]
[UnsupportedField("allow_coalesced_connections", "a connection is for one host")]
public sealed record DynamicForwardProxyClusterConfig : ConfigRecord
{
    [Required, Description("Where addresses come from; the filter gives the same.")]
    public DnsCacheConfig? DnsCacheConfig { get; init; }

    [Description("With TLS: auto_sni and auto_san_validation may be off, so that an endpoint may be anybody.")]
    public bool AllowInsecureClusterOptions { get; init; }
}

[Description("Endpoints are where connections were going before they were redirected here.")]
[UnsupportedField("metadata_key", "use http_header_name")]
public sealed record OriginalDstLbConfig : ConfigRecord
{
    [Description("A header of the request says IP address and port; whoever may send it may reach everything that this proxy can.")]
    public bool UseHttpHeader { get; init; }

    [Length(0, 256), Description("That header. Absent: x-envoy-original-dst-host.")]
    public string HttpHeaderName { get; init; } = "";

    [Range(0, 65535), Description("In place of the port that was asked for.")]
    public int? UpstreamPortOverride { get; init; }
}

[Description("A kind of cluster that is an extension.")]
public sealed record CustomClusterTypeConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("envoy.clusters.dynamic_forward_proxy or envoy.clusters.aggregate.")]
    public string Name { get; init; } = "";

    [Description("Its configuration, with its message in @type.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("Clusters in the order in which they are used.")]
public sealed record AggregateClusterConfig : ConfigRecord
{
    [Required, Length(1, 64), Description("Their names.")]
    public IReadOnlyList<string> Clusters { get; init; } = [];
}

[Description("Endpoints of a file.")]
public sealed record EdsClusterConfig : ConfigRecord
{
    [Required, Description("The file, a DiscoveryResponse with resources of ClusterLoadAssignment.")]
    public SdsSourceConfig? EdsConfig { get; init; }

    [Length(0, 1024), Description("The cluster_name in the file. Absent: the cluster's own.")]
    public string ServiceName { get; init; } = "";
}
