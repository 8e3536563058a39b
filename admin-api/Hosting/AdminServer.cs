using System.Net;
using Managed.Proxy.Core;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Managed.AdminApi.Hosting;

/// <summary>The HTTP server of the admin port.</summary>
internal static class AdminServer
{
    public static void AddAdminServer(this WebApplicationBuilder builder, RunOptions options, LogLevels levels)
    {
        builder.Logging.AddOneLineConsole(levels);
        builder.Services.AddRouting();
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        var connections = new AdminConnections(DescriptorBudget.Process.AdminConnections);
        builder.Services.AddSingleton(connections);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null; // each call has its own limit, and answers with a problem
            // Above what AdminConnections lets in: what it closes takes a moment to be gone.
            kestrel.Limits.MaxConcurrentConnections = connections.Most + connections.Most / 2;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Listen(options.Admin, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(next => connection => connections.RunAsync(connection, next));
            });
        });
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(3)); // streams end by themselves; a stuck caller does not hold the process
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
