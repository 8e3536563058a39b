using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

[Description("Forwards the bytes of a connection to a cluster.")]
[UnsupportedField(
    "tunneling_config hash_policy metadata_match on_demand proxy_protocol_tlvs upstream_connect_mode max_early_data_bytes "
        + "max_downstream_connection_duration_jitter_percentage access_log_options access_log_flush_interval "
            + "flush_access_log_on_connected downstream_idle_timeout upstream_idle_timeout backoff_options "
                + "proxy_protocol_tlv_merge_policy dynamic_proxy_protocol_tlvs",
    "not available in this version")]
public sealed record TcpProxyConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Name under tcp.* in the statistics.")]
    public string StatPrefix { get; init; } = "";

    [OneOf("cluster_specifier", Required = true), Description("Name of the cluster.")]
    public string? Cluster { get; init; }

    [OneOf("cluster_specifier", Required = true), Description("Several clusters by weight.")]
    public TcpWeightedClustersConfig? WeightedClusters { get; init; }

    [Description("Closes the connection when neither side sent anything for this long; 0 never.")]
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1); // Envoy's default

    [Range(1, 1000), Description("How many endpoints are tried for one connection.")]
    public int MaxConnectAttempts { get; init; } = 1; // Envoy's default

    [DurationRange(1), Description("Longest life of a connection. Absent: no limit.")]
    public TimeSpan? MaxDownstreamConnectionDuration { get; init; }

    [Description("Logs one line for each connection.")]
    public IReadOnlyList<AccessLogConfig> AccessLog { get; init; } = [];
}

[Description("Clusters by weight.")]
public sealed record TcpWeightedClustersConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("The clusters.")]
    public IReadOnlyList<TcpWeightedClusterConfig> Clusters { get; init; } = [];
}

[Description("A cluster with its share.")]
[UnsupportedField("metadata_match", "not available in this version")]
public sealed record TcpWeightedClusterConfig : ConfigRecord
{
    [Required, Description("Name of the cluster.")]
    public string Name { get; init; } = "";

    [Required, Range(1, int.MaxValue), Description("Its share, against the sum of all.")]
    public int Weight { get; init; }
}
