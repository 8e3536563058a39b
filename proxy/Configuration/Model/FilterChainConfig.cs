using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A list of network filters and the connections it is for.")]
[ShortFormFields("tls")]
[UnsupportedField("tls_context", "use transport_socket with a DownstreamTlsContext, or tls")]
[UnsupportedField("metadata on_demand_configuration use_proxy_proto", "not available in this version")]
public sealed record FilterChainConfig : ConfigRecord
{
    [ResourceName, Description("Addresses the chain in its listener. Absent: main, or chain-<index> when there are several.")]
    public string Name { get; init; } = "";

    [Description("Which connections. Absent: all that no other chain is more specific for.")]
    public FilterChainMatchConfig? FilterChainMatch { get; init; }

    [Description("TLS for the connections of this chain. Absent: the bytes as they are.")]
    public TransportSocketConfig? TransportSocket { get; init; }

    [Description("How long the transport socket may take to begin, such as the handshake of TLS; 0 waits for ever.")]
    // ours: Envoy has none, and a silent client would stay
    public TimeSpan TransportSocketConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    [Description("Network filters in order; the last must be terminal, such as http_connection_manager or tcp_proxy.")]
    public IReadOnlyList<ExtensionConfig> Filters { get; init; } = [];
}

[Description("Criteria in Envoy's fixed order; at each step the most specific value wins. An absent one matches everything.")]
[UnsupportedField("address_suffix suffix_len", "not implemented in Envoy either")]
public sealed record FilterChainMatchConfig : ConfigRecord
{
    [Range(1, 65535), Description("Port the client connected to.")]
    public int? DestinationPort { get; init; }

    [Description("Address the client connected to.")]
    public IReadOnlyList<CidrRangeConfig> PrefixRanges { get; init; } = [];

    [Description("Server names (SNI): www.example.com, or *.example.com for every name below.")]
    public IReadOnlyList<string> ServerNames { get; init; } = [];

    [Description("raw_buffer, or tls as detected by tls_inspector.")]
    public string TransportProtocol { get; init; } = "";

    [Description("ALPN names such as http/1.1, as detected by tls_inspector or http_inspector.")]
    public IReadOnlyList<string> ApplicationProtocols { get; init; } = [];

    [Description("The peer's real address, before proxy_protocol replaced it.")]
    public IReadOnlyList<CidrRangeConfig> DirectSourcePrefixRanges { get; init; } = [];

    [Description("Whether the source is this machine.")]
    public ConnectionSourceType SourceType { get; init; } = ConnectionSourceType.Any;

    [Description("Source address.")]
    public IReadOnlyList<CidrRangeConfig> SourcePrefixRanges { get; init; } = [];

    [Range(1, 65535), Description("Source ports.")]
    public IReadOnlyList<int> SourcePorts { get; init; } = [];
}

public enum ConnectionSourceType { Any, SameIpOrLoopback, External }
