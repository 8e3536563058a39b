using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

[Description("Forwards the bytes of a connection to a cluster.")]
[UnsupportedField("on_demand", "clusters come from this document")]
[UnsupportedField("proxy_protocol_tlvs proxy_protocol_tlv_merge_policy dynamic_proxy_protocol_tlvs",
    "say it in the cluster's upstream_proxy_protocol socket")]
[UnsupportedField("upstream_connect_mode max_early_data_bytes", "an endpoint is connected to as soon as a connection comes")]
[UnsupportedField("downstream_idle_timeout upstream_idle_timeout", "not implemented in Envoy either; idle_timeout counts both")]
public sealed record TcpProxyConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Name under tcp.* in the statistics.")]
    public string StatPrefix { get; init; } = "";

    [OneOf("cluster_specifier", Required = true), Description("Name of the cluster.")]
    public string? Cluster { get; init; }

    [OneOf("cluster_specifier", Required = true), Description("Several clusters by weight.")]
    public TcpWeightedClustersConfig? WeightedClusters { get; init; }

    [Description("Under filter_metadata in envoy.lb: what the metadata of the endpoint have to be, where the cluster has an "
        + "lb_subset_config.")]
    public MetadataConfig? MetadataMatch { get; init; }

    [Description("The bytes go through a proxy that speaks HTTP, which the cluster is.")]
    public TcpTunnelingConfig? TunnelingConfig { get; init; }

    [Description("Closes the connection when neither side sent anything for this long; 0 never.")]
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1); // Envoy's default

    [Description("Waits between the attempts. Absent: the next follows at once.")]
    public BackOffConfig? BackoffOptions { get; init; }

    [Length(0, 1), Description("What a cluster whose policy goes by a hash (RING_HASH, MAGLEV) takes.")]
    public IReadOnlyList<TcpHashPolicyConfig> HashPolicy { get; init; } = [];

    [Range(1, 1000), Description("How many endpoints are tried for one connection.")]
    public int MaxConnectAttempts { get; init; } = 1; // Envoy's default

    [DurationRange(1), Description("Longest life of a connection. Absent: no limit.")]
    public TimeSpan? MaxDownstreamConnectionDuration { get; init; }

    [Description("Makes it longer by a random part of up to so many per cent of it, so that connections do not end together.")]
    public UpstreamPercentConfig? MaxDownstreamConnectionDurationJitterPercentage { get; init; }

    [Description("Logs one line for each connection, at its end.")]
    public IReadOnlyList<AccessLogConfig> AccessLog { get; init; } = [];

    [OneOf("access_log_flush"), Description("Further lines.")]
    public TcpAccessLogOptionsConfig? AccessLogOptions { get; init; }

    [OneOf("access_log_flush"), DurationRange(1), Description("Deprecated in Envoy: access_log_options.access_log_flush_interval.")]
    public TimeSpan? AccessLogFlushInterval { get; init; }

    [Description("Deprecated in Envoy: access_log_options.flush_access_log_on_connected.")]
    public bool FlushAccessLogOnConnected { get; init; }
}

[Description("Clusters by weight.")]
public sealed record TcpWeightedClustersConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("The clusters.")]
    public IReadOnlyList<TcpWeightedClusterConfig> Clusters { get; init; } = [];
}

[Description("A cluster with its share.")]
public sealed record TcpWeightedClusterConfig : ConfigRecord
{
    [Required, Description("Name of the cluster.")]
    public string Name { get; init; } = "";

    [Required, Range(1, int.MaxValue), Description("Its share, against the sum of all.")]
    public int Weight { get; init; }

    [Description("As that of the filter, over it.")]
    public MetadataConfig? MetadataMatch { get; init; }
}

[Description("Lines of the access log beside the one at the end of a connection; %ACCESS_LOG_TYPE% tells them apart.")]
public sealed record TcpAccessLogOptionsConfig : ConfigRecord
{
    [DurationRange(1), Description("One each time this has passed (TcpPeriodic). Absent: none.")]
    public TimeSpan? AccessLogFlushInterval { get; init; }

    [Description("One when the endpoint is connected (TcpUpstreamConnected).")]
    public bool FlushAccessLogOnConnected { get; init; }
}

/// <summary>Envoy's core.v3.BackoffStrategy.</summary>
[Description("Waits that double, each cut short at random.")]
public sealed record BackOffConfig : ConfigRecord
{
    [Required, DurationRange(1), Description("The longest that the first may be.")]
    public TimeSpan BaseInterval { get; init; }

    [DurationRange(1), Description("The longest that any may be. Absent: ten times base_interval.")]
    public TimeSpan? MaxInterval { get; init; }
}

[Description("What a hash is made of.")]
[UnsupportedField("filter_state", "give source_ip")]
public sealed record TcpHashPolicyConfig : ConfigRecord
{
    [Required, Description("The client's address, without its port.")]
    public EmptyConfig? SourceIp { get; init; }
}
