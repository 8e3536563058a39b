using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("An address to accept connections on.")]
[ShortFormFields("routes virtual_hosts route_config_name http_filters tcp_proxy tls")]
[UnsupportedField("additional_addresses", "write one listener for each address")]
[UnsupportedField("filter_chain_matcher fcds_config", "filter chains are chosen by filter_chain_match")]
[UnsupportedField("udp_listener_config api_listener internal_listener", "only TCP and Unix stream listeners are available in this version")]
[UnsupportedField(
    "use_original_dst transparent freebind bind_to_port socket_options tcp_keepalive tcp_fast_open_queue_length enable_mptcp "
        + "enable_reuse_port connection_balance_config",
    "socket tuning is not available in this version; every worker has its own SO_REUSEPORT socket")]
[UnsupportedField("drain_type traffic_direction metadata bypass_overload_manager reuse_port deprecated_v1",
    "not available in this version")]
public sealed record ListenerConfig : ConfigRecord
{
    [Required, ResourceName, Description("Unique name of the listener.")]
    public string Name { get; init; } = "";

    [Required, Description("The address to bind; it must be literal.")]
    public AddressConfig? Address { get; init; }

    [Description("Chains of network filters; filter_chain_match chooses one for each connection, the most specific wins.")]
    public IReadOnlyList<FilterChainConfig> FilterChains { get; init; } = [];

    [Description("The chain when none matches. Without it such a connection is closed.")]
    public FilterChainConfig? DefaultFilterChain { get; init; }

    [Description("Filters that look at the raw bytes before a chain is chosen.")]
    public IReadOnlyList<ExtensionConfig> ListenerFilters { get; init; } = [];

    [Description("How long listener filters may wait, and network filters before the last one of their chain begins; 0 waits for ever.")]
    public TimeSpan ListenerFiltersTimeout { get; init; } = TimeSpan.FromSeconds(15); // Envoy's default

    [Description("After that time-out go on with what is known, instead of closing the connection.")]
    public bool ContinueOnListenerFiltersTimeout { get; init; }

    [ByteSize, Range(1024L, 1L << 30), Description("Soft limit of the buffers of one connection: above it the peer is not read.")]
    public long PerConnectionBufferLimitBytes { get; init; } = 1 << 20; // Envoy's default, 1 MiB

    [Range(1, 65535), Description("Length of the queue of pending connections. Absent: the system's somaxconn.")]
    public int? TcpBacklogSize { get; init; }

    [Range(1, 100000),
        Description("Connections taken per wake-up of the socket; the others wait for the next turn of the worker. Absent: 32.")]
    public int? MaxConnectionsToAcceptPerSocketEvent { get; init; }

    [Range(1, int.MaxValue)]
    [Description("Most connections at one time, over all workers; further ones are closed as they come. Absent: no limit of its own. "
        + "In Envoy this is the runtime key envoy.resource_limits.listener.NAME.connection_limit.")]
    public int? ConnectionLimit { get; init; }

    [Description("Its connections do not count against the limit of the process (--max-connections).")]
    public bool IgnoreGlobalConnLimit { get; init; }

    [Description("Name under listener.* in the statistics. Absent: the address.")]
    public string StatPrefix { get; init; } = "";

    [Description("Logs connections, not requests.")]
    public IReadOnlyList<AccessLogConfig> AccessLog { get; init; } = [];

    [Description("How long connections of a removed or rebound listener may go on.")]
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(600); // Envoy's --drain-time-s
}
