using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("The whole configuration document.")]
[UnsupportedField("runtime layered_runtime", "there are no runtime layers in this version; write the value itself")]
[UnsupportedField(
    "admin node dynamic_resources cluster_manager hds_config flags_path stats_sinks stats_config stats_flush_interval watchdog "
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
}
