using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("An address to accept connections on.")]
[ShortFormFields("routes virtual_hosts route_config_name http_filters tcp_proxy tls")]
[UnsupportedField("filter_chain_matcher fcds_config", "filter chains are chosen by filter_chain_match")]
[UnsupportedField("udp_listener_config api_listener internal_listener", "only TCP and Unix stream listeners are available in this version")]
[UnsupportedField("reuse_port", "say enable_reuse_port")]
[UnsupportedField("deprecated_v1", "say bind_to_port")]
[UnsupportedField("metadata bypass_overload_manager", "not available in this version")]
public sealed record ListenerConfig : ConfigRecord
{
    [Required, ResourceName, Description("Unique name of the listener.")]
    public string Name { get; init; } = "";

    [Required, Description("The address to bind; it must be literal.")]
    public AddressConfig? Address { get; init; }

    [Length(0, 100), Description("Further addresses; all the rest of the listener holds for them too.")]
    public IReadOnlyList<AdditionalAddressConfig> AdditionalAddresses { get; init; } = [];

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

    [Description("Each worker has a socket of its own (SO_REUSEPORT), over which the system spreads the connections. false: one for all, "
        + "and no other process of this user can have the port too.")]
    public bool EnableReusePort { get; init; } = true; // Envoy's default

    [Description("Spreads connections over the workers by another rule than the system's.")]
    public ConnectionBalanceConfig? ConnectionBalanceConfig { get; init; }

    [Description("Bound, as listeners are. false: it gets the connections that a listener with use_original_dst hands on.")]
    public bool BindToPort { get; init; } = true; // Envoy's default

    [Description("A connection whose original destination (see original_dst) is the address of another listener is handed on to that; of "
        + "one for every address where none has it exactly.")]
    public bool UseOriginalDst { get; init; }

    [Description("Takes connections to addresses that are not this machine's (IP_TRANSPARENT; needs CAP_NET_ADMIN).")]
    public bool Transparent { get; init; }

    [Description("May be bound before the machine has the address (IP_FREEBIND).")]
    public bool Freebind { get; init; }

    [Length(0, 100), Description("Options of the listening sockets, which accepted ones inherit as far as the system does so.")]
    public IReadOnlyList<SocketOptionConfig> SocketOptions { get; init; } = [];

    [Description("Keep-alive of accepted connections. Absent: none.")]
    public TcpKeepAliveConfig? TcpKeepalive { get; init; }

    [Range(0, 65535), Description("Requests that may wait in the system which came with the first packet (TCP Fast Open). Absent: off.")]
    public int? TcpFastOpenQueueLength { get; init; }

    [Description("Multipath TCP, where the system has it.")]
    public bool EnableMptcp { get; init; }

    [Description("Which way its traffic goes: /drain_listeners?inboundonly drains those that are INBOUND.")]
    public TrafficDirection TrafficDirection { get; init; } = TrafficDirection.Unspecified;

    [Description("MODIFY_ONLY: /healthcheck/fail does not drain its connections.")]
    public ListenerDrainType DrainType { get; init; } = ListenerDrainType.Default;

    [Range(1, 100000),
        Description("Connections taken per wake-up of the socket; the others wait for the next turn of the worker. Absent: 16.")]
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
