using System.Net;
using System.Net.NetworkInformation;
using Managed.AdminApi.Problems;

namespace Managed.AdminApi.Auth;

/// <summary>
/// Takes only requests whose <c>Host</c> is on the list: a page in a browser that resolved its own name to this address (DNS
/// rebinding) has another one. The list holds the loopback names, the address that is listened on, and what <c>--admin-host</c> adds.
/// </summary>
internal sealed class HostGuard
{
    private readonly RequestDelegate _next;
    private readonly HashSet<string> _allowed = new(StringComparer.OrdinalIgnoreCase) { "localhost", "127.0.0.1", "[::1]" };

    public HostGuard(RequestDelegate next, Hosting.RunOptions options)
    {
        _next = next;
        foreach (var name in options.AdminHosts)
            _allowed.Add(name);
        var bound = options.Admin.Address;
        IEnumerable<IPAddress> addresses = bound.Equals(IPAddress.Any) || bound.Equals(IPAddress.IPv6Any)
            ? NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => a.Address)
            : [bound];
        foreach (var address in addresses)
            _allowed.Add(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
                ? $"[{new IPAddress(address.GetAddressBytes())}]" : address.ToString());
    }

    public Task InvokeAsync(HttpContext context) => _allowed.Contains(context.Request.Host.Host) ? _next(context)
        : throw new ApiException(ProblemCode.Forbidden,
            $"Host '{context.Request.Host.Host}' is not a name of this node; --admin-host NAME allows one more");
}
