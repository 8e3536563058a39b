using System.Net;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core.Transport;

/// <summary>Lets a connection that we make come from an address that may be none of ours.</summary>
internal static unsafe class SourceAddress
{
    private const int SolIp = 0, IpTransparent = 19, IpBindAddressNoPort = 24, Ipv6Transparent = 75, SoMark = 36;

    /// <summary>
    /// 0, or the system's error. Without the right to be transparent (CAP_NET_ADMIN) only an address of this machine can be had, which the
    /// bind says. An address of another family than the endpoint's is passed over: it cannot be meant.
    /// </summary>
    public static int Bind(int fd, int family, ClientBinding from)
    {
        var endPoint = new IPEndPoint(from.Address, from.Port);
        var address = SocketAddressBytes.From(endPoint);
        if (address.Family != family) return 0;
        bool v4 = family == Libc.AfInet;
        _ = Libc.SetOption(fd, v4 ? SolIp : Libc.IpProtoIpv6, v4 ? IpTransparent : Ipv6Transparent, 1);
        if (from.Mark != 0 && Libc.SetOption(fd, Libc.SolSocket, SoMark, (int)from.Mark) < 0) return Libc.Errno;
        // The port is chosen when the endpoint is known, so that one address has more than 28,000 connections.
        if (from.Port == 0) _ = Libc.SetOption(fd, SolIp, IpBindAddressNoPort, 1);
        else _ = Libc.SetOption(fd, Libc.SolSocket, Libc.SoReuseAddr, 1);
        fixed (byte* raw = address.Raw) return Libc.bind(fd, raw, address.Raw.Length) < 0 ? Libc.Errno : 0;
    }
}
