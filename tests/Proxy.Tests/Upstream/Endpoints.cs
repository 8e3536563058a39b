using System.Net;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Tests.Upstream;

internal static class Endpoints
{
    private static int s_last;

    /// <summary>One that nobody listens at.</summary>
    public static Endpoint Of(int weight) => At(new IPEndPoint(IPAddress.Loopback, 1 + Interlocked.Increment(ref s_last) % 1000), weight);

    public static Endpoint At(IPEndPoint address, int weight = 1)
        => new(SocketAddressBytes.From(address), address.ToString(), "", "", workers: 2) { Weight = weight };
}
