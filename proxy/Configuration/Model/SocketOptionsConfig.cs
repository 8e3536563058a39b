using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

/// <summary>Envoy's core.v3.SocketOption.</summary>
[Description("An option of the system's sockets (setsockopt), by its numbers on this machine.")]
[UnsupportedField("type", "every socket here is a stream")]
public sealed record SocketOptionConfig : ConfigRecord
{
    [Description("For people.")]
    public string Description { get; init; } = "";

    [Description("Its level, such as 1 for SOL_SOCKET or 6 for IPPROTO_TCP.")]
    public int Level { get; init; }

    [Description("Its number.")]
    public int Name { get; init; }

    [OneOf("value", Required = true), Description("Its value as a number.")]
    public int? IntValue { get; init; }

    [OneOf("value", Required = true), Description("Its value as bytes, in base64.")]
    public byte[]? BufValue { get; init; }

    [Description("When it is set: before the socket is bound, when it is, or when it listens.")]
    public SocketOptionState State { get; init; } = SocketOptionState.StatePrebind; // Envoy's default
}

/// <summary>Envoy's SocketOption.SocketState.</summary>
public enum SocketOptionState { StatePrebind, StateBound, StateListening }

/// <summary>Envoy's core.v3.TcpKeepalive.</summary>
[Description("How the system finds out that a peer has gone without a word. What is left out is as the system says.")]
public sealed record TcpKeepAliveConfig : ConfigRecord
{
    [Range(1, 127), Description("Probes without an answer until the connection is dead.")]
    public int? KeepaliveProbes { get; init; }

    [Range(1, 32767), Description("Seconds of silence before the first probe.")]
    public int? KeepaliveTime { get; init; }

    [Range(1, 32767), Description("Seconds between two probes.")]
    public int? KeepaliveInterval { get; init; }
}

[Description("A further address of the listener.")]
public sealed record AdditionalAddressConfig : ConfigRecord
{
    [Required, Description("The address to bind; it must be literal.")]
    public AddressConfig? Address { get; init; }

    [Description("Socket options of this address in place of the listener's. Absent: the listener's.")]
    public SocketOptionsOverrideConfig? SocketOptions { get; init; }

    [Description("Likewise for tcp_keepalive.")]
    public TcpKeepAliveConfig? TcpKeepalive { get; init; }
}

[Description("Socket options.")]
public sealed record SocketOptionsOverrideConfig : ConfigRecord
{
    [Length(0, 100), Description("The options; none is none.")]
    public IReadOnlyList<SocketOptionConfig> SocketOptions { get; init; } = [];
}

[Description("How a listener's connections are spread over the workers.")]
[UnsupportedField("extend_balance",
    "the one extension that Envoy has for it (dlb, in its contrib images alone) needs Intel's hardware; there is exact_balance")]
public sealed record ConnectionBalanceConfig : ConfigRecord
{
    [Required, Description("Each connection goes to the worker that has the fewest of the listener's, at the price of a lock for each: for "
        + "few connections that live long.")]
    public ExactBalanceConfig? ExactBalance { get; init; }
}

[Description("Without fields.")]
public sealed record ExactBalanceConfig : ConfigRecord;

/// <summary>Envoy's core.v3.TrafficDirection.</summary>
public enum TrafficDirection { Unspecified, Inbound, Outbound }

/// <summary>Envoy's Listener.DrainType.</summary>
public enum ListenerDrainType { Default, ModifyOnly }
