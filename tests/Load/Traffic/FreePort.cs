using System.Net;
using System.Net.Sockets;

namespace Managed.Load.Traffic;

/// <summary>
/// Ports for the product's listeners, which have to keep their number over restarts. They are taken below the range that the
/// kernel gives to outgoing connections, or one of those could sit on a port while the product restarts.
/// </summary>
internal static class FreePort
{
    private static int s_next = 11000 + Random.Shared.Next(8000);

    public static int Take()
    {
        while (true)
        {
            int port = Interlocked.Increment(ref s_next);
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
            }
        }
    }
}
