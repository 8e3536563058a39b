using System.Net;
using Managed.AdminApi.Problems;
using Managed.AdminApi.TakeOver;
using Managed.Proxy.Core.Limits;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Managed.AdminApi.Hosting;

/// <summary>The HTTP server of the admin port.</summary>
internal static class AdminServer
{
    public static void AddAdminServer(this WebApplicationBuilder builder, RunOptions options)
    {
        builder.Services.AddRouting();
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        var connections = new AdminConnections(DescriptorBudget.Process.AdminConnections);
        builder.Services.AddSingleton(connections);
        builder.Services.AddOptions<SocketTransportOptions>().Configure<OwnSockets>((o, own) => o.CreateBoundListenSocket = own.MakeAdmin);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            Bound(kestrel.Limits);
            // Above what AdminConnections lets in: what it closes takes a moment to be gone.
            kestrel.Limits.MaxConcurrentConnections = connections.Most + connections.Most / 2;
            kestrel.Listen(options.Admin, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(next => connection => connections.RunAsync(connection, next));
                listen.Use(ServerRefusals.Middleware);
            });
        });
        // streams end by themselves; a stuck caller does not hold the process
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(3));
    }

    /// <summary>
    /// What somebody without a token can hold: so many connections, each with so much memory for so long. An endpoint that takes a larger
    /// body says so in its metadata; the time of a whole body is <see cref="Requests.RequestBody"/>'s.
    /// </summary>
    private static void Bound(KestrelServerLimits limits)
    {
        limits.MaxConcurrentUpgradedConnections = 256; // circuits of the dashboard
        limits.MaxRequestBodySize = 64 << 10; // what the dashboard's circuits need without WebSocket
        limits.MaxRequestBufferSize = 64 << 10;
        limits.MaxRequestHeadersTotalSize = 32 << 10;
        limits.MaxRequestHeaderCount = 100;
        limits.MaxRequestLineSize = 8 << 10;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(60);
        limits.MinRequestBodyDataRate = new(bytesPerSecond: 1024, gracePeriod: TimeSpan.FromSeconds(5));
        limits.MinResponseDataRate = new(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
    }

    /// <summary>Where the port really is, as a client on this machine reaches it. Only known once the host runs.</summary>
    public static Uri AddressOf(IServiceProvider services)
    {
        var bound = services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        var address = new UriBuilder(bound);
        if (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)))
            address.Host = ip.Equals(IPAddress.Any) ? "127.0.0.1" : "[::1]";
        return address.Uri;
    }
}
