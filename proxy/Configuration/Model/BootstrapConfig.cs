using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("The whole configuration document.")]
[UnsupportedField("runtime layered_runtime", "there are no runtime layers in this version; write the value itself")]
[UnsupportedField(
    "admin dynamic_resources hds_config flags_path stats_sinks stats_config stats_flush_interval watchdog "
        + "watchdogs tracing overload_manager enable_dispatcher_stats header_prefix use_tcp_for_dns_lookups bootstrap_extensions "
            + "default_socket_interface",
    "a part of Envoy's bootstrap that belongs to the process, not to the document")]
public sealed record BootstrapConfig : ConfigRecord
{
    [Description("Where connections are accepted, and what happens with them.")]
    public IReadOnlyList<ListenerConfig> Listeners { get; init; } = [];

    [Description("Routing tables that listeners refer to by name.")]
    public IReadOnlyList<RouteConfigurationConfig> RouteConfigurations { get; init; } = [];

    [Description("Groups of upstream endpoints.")]
    public IReadOnlyList<ClusterConfig> Clusters { get; init; } = [];

    [Length(0, 20_000), Description("Certificates, validation contexts, ticket keys and other secrets that TLS contexts refer to by name.")]
    public IReadOnlyList<SecretConfig> Secrets { get; init; } = [];

    [Description("Filters to be shared: an http_filters item without typed_config takes the one of the same name from here.")]
    public IReadOnlyList<SharedExtensionConfig> ExtensionConfigs { get; init; } = [];

    [JsonPropertyName("node"), Description("Where this proxy is.")]
    public NodeConfig? Self { get; init; }

    [Description("What clusters have in common.")]
    public ClusterManagerConfig ClusterManager { get; init; } = new();
}

[Description("Where this proxy is.")]
[UnsupportedField("id cluster metadata dynamic_parameters user_agent_name user_agent_version user_agent_build_version extensions "
    + "client_features listening_addresses", "there is no management server that would be told")]
public sealed record NodeConfig : ConfigRecord
{
    [Description("Its place, by which zone_aware_lb_config goes.")]
    public LocalityConfig? Locality { get; init; }
}

[Description("What clusters have in common.")]
[UnsupportedField("outlier_detection upstream_bind_config load_stats_config enable_deferred_cluster_creation",
    "not available in this version")]
public sealed record ClusterManagerConfig : ConfigRecord
{
    [Length(0, 256), Description("The cluster whose endpoints are the proxies like this one; zone_aware_lb_config needs it.")]
    public string LocalClusterName { get; init; } = "";
}
