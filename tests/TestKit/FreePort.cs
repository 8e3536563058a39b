using System.Net;
using System.Net.Sockets;

namespace Managed.TestKit;

/// <summary>A port that nobody listens on now; for endpoints that are down and listeners that must move to a known place.</summary>
public static class FreePort
{
    public static int Next()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }
}
