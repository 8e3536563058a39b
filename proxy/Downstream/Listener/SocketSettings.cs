using System.Globalization;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>What a listener asks of the sockets of one of its addresses. Accepted sockets inherit what there is to inherit.</summary>
internal sealed unsafe class SocketSettings(ListenerConfig config, IReadOnlyList<SocketOptionConfig> options, TcpKeepAliveConfig? keepAlive)
{
    private const int SolIp = 0, IpTransparent = 19, IpFreeBind = 15, Ipv6Transparent = 75, Ipv6FreeBind = 78;
    private const int SoKeepAlive = 9, TcpKeepIdle = 4, TcpKeepInterval = 5, TcpKeepCount = 6, TcpFastOpen = 23, Mptcp = 262;

    /// <summary>Each worker has a socket of its own; otherwise they share one.</summary>
    public bool ReusePort { get; } = config.EnableReusePort;

    /// <summary>The protocol to ask the system for.</summary>
    public int Protocol { get; } = config.EnableMptcp ? Mptcp : 0;

    /// <summary>What makes sockets other ones; empty where nothing is asked.</summary>
    public string Key { get; } = KeyOf(config, options, keepAlive);

    /// <summary>0, or the system's error and what it is about.</summary>
    /// <param name="state">When.</param>
    /// <param name="family">Of the address.</param>
    public int Apply(int fd, int family, SocketOptionState state, out string what)
    {
        what = "";
        if (state == SocketOptionState.StatePrebind && family != Libc.AfUnix && ApplyOwn(fd, family, ref what) is not 0 and var wrong)
            return wrong;
        if (state == SocketOptionState.StateListening && config.TcpFastOpenQueueLength is { } length && family != Libc.AfUnix
            && Libc.SetOption(fd, Libc.IpProtoTcp, TcpFastOpen, length) < 0) return Failed("tcp_fast_open_queue_length", out what);
        foreach (var option in options)
            if (option.State == state && !Set(fd, option)) return Failed($"socket option {option.Level}/{option.Name}", out what);
        return 0;
    }

    private int ApplyOwn(int fd, int family, ref string what)
    {
        bool v4 = family == Libc.AfInet;
        int level = v4 ? SolIp : Libc.IpProtoIpv6;
        if (config.Transparent && Libc.SetOption(fd, level, v4 ? IpTransparent : Ipv6Transparent, 1) < 0)
            return Failed("transparent", out what);
        if (config.Freebind && Libc.SetOption(fd, level, v4 ? IpFreeBind : Ipv6FreeBind, 1) < 0) return Failed("freebind", out what);
        if (keepAlive is null) return 0;
        bool done = Libc.SetOption(fd, Libc.SolSocket, SoKeepAlive, 1) == 0
            && (keepAlive.KeepaliveProbes is not { } probes || Libc.SetOption(fd, Libc.IpProtoTcp, TcpKeepCount, probes) == 0)
            && (keepAlive.KeepaliveTime is not { } time || Libc.SetOption(fd, Libc.IpProtoTcp, TcpKeepIdle, time) == 0)
            && (keepAlive.KeepaliveInterval is not { } each || Libc.SetOption(fd, Libc.IpProtoTcp, TcpKeepInterval, each) == 0);
        return done ? 0 : Failed("tcp_keepalive", out what);
    }

    private static bool Set(int fd, SocketOptionConfig option)
    {
        if (option.IntValue is { } number) return Libc.SetOption(fd, option.Level, option.Name, number) == 0;
        fixed (byte* value = option.BufValue) return Libc.setsockopt(fd, option.Level, option.Name, value, option.BufValue!.Length) == 0;
    }

    private static int Failed(string name, out string what)
    {
        int errno = Libc.Errno;
        what = name;
        return errno == 0 ? -1 : errno;
    }

    private static string KeyOf(ListenerConfig config, IReadOnlyList<SocketOptionConfig> options, TcpKeepAliveConfig? keepAlive)
    {
        var parts = new List<string>();
        if (!config.EnableReusePort) parts.Add("shared");
        if (config.EnableMptcp) parts.Add("mptcp");
        if (config.Transparent) parts.Add("transparent");
        if (config.Freebind) parts.Add("freebind");
        if (config.TcpFastOpenQueueLength is { } length) parts.Add("fastopen " + length.ToString(CultureInfo.InvariantCulture));
        if (keepAlive is not null)
            parts.Add(string.Create(CultureInfo.InvariantCulture,
                $"keepalive {keepAlive.KeepaliveProbes}/{keepAlive.KeepaliveTime}/{keepAlive.KeepaliveInterval}"));
        parts.AddRange(options.Select(o => string.Create(CultureInfo.InvariantCulture, $"{o.State} {o.Level}/{o.Name}={o.IntValue}")
            + (o.BufValue is null ? "" : Convert.ToBase64String(o.BufValue))));
        return string.Join(',', parts);
    }
}
