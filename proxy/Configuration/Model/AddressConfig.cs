using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("An IP address with a port, or a Unix socket.")]
[UnsupportedField("envoy_internal_address", "in-process listeners are not available in this version")]
public sealed record AddressConfig : ConfigRecord
{
    [OneOf("address", Required = true), Description("IP address or host name, with a port.")]
    public SocketAddressConfig? SocketAddress { get; init; }

    [OneOf("address", Required = true), Description("A Unix stream socket.")]
    public PipeConfig? Pipe { get; init; }

    /// <summary>The short form: <c>10.0.0.1:80</c>, <c>[::1]:80</c>, <c>unix:///run/x.sock</c>.</summary>
    public override string ToString() => this switch
    {
        { Pipe: { } pipe } => "unix://" + pipe.Path,
        { SocketAddress: { } s } => s.Address.Contains(':') ? $"[{s.Address}]:{s.PortValue}" : $"{s.Address}:{s.PortValue}",
        _ => "",
    };
}

[Description("An IP address or host name with a port.")]
[UnsupportedField("named_port resolver_name ipv4_compat", "write the port as port_value and the address as it is")]
[UnsupportedField("network_namespace_filepath", "network namespaces are not available in this version")]
public sealed record SocketAddressConfig : ConfigRecord
{
    [Description("Transport protocol; only TCP is served.")]
    [UnsupportedValue("UDP", "only TCP is available in this version")]
    public SocketProtocol Protocol { get; init; } = SocketProtocol.Tcp;

    [Required, Length(1, 255), Description("IPv4 or IPv6 address; on an endpoint of a STRICT_DNS cluster a host name.")]
    public string Address { get; init; } = "";

    [Required, Range(0, 65535), Description("Port. On a listener 0 lets the system choose.")]
    public int PortValue { get; init; }
}

public enum SocketProtocol { Tcp }

[Description("A Unix stream socket.")]
public sealed record PipeConfig : ConfigRecord
{
    // sockaddr_un.sun_path holds 108 bytes with its terminating zero (unix(7)).
    [Required, Length(1, 107), Description("Path of the socket; a leading @ means an abstract socket.")]
    public string Path { get; init; } = "";

    [Range(0, 511), Description("File mode of a listener's socket, as a number (0600 octal is 384). 0 leaves it to the umask.")]
    public int Mode { get; init; }
}

[Description("A block of IP addresses.")]
public sealed record CidrRangeConfig : ConfigRecord
{
    [Required, Length(1, 45), Description("Base address, such as 10.0.0.0 or 2001:db8::.")]
    public string AddressPrefix { get; init; } = "";

    [Range(0, 128), Description("Number of leading bits that must match; 0 matches every address of the family, as in Envoy.")]
    public int PrefixLen { get; init; }
}
