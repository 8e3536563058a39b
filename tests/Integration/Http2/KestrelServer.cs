using System.Net;
using Managed.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Managed.Integration.Http2;

/// <summary>
/// .NET's own server with the gRPC service and a few paths of plain HTTP: /echo, /large, /slow; HTTP/2 alone, or what TLS agrees on.
/// </summary>
internal sealed class KestrelServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private KestrelServer(WebApplication app) => _app = app;

    public int Port => new Uri(_app.Urls.Single()).Port;

    public static async Task<KestrelServer> StartAsync(TestCertificate? certificate = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(o => o.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = certificate is null ? HttpProtocols.Http2 : HttpProtocols.Http1AndHttp2;
            if (certificate is not null) listen.UseHttps(certificate.ForDotNet());
        }));
        var app = builder.Build();
        app.MapGrpcService<EchoService>();
        app.MapGrpcService<Transcoding.LibraryService>();
        app.MapPost("/echo", async (HttpContext c) =>
        {
            c.Response.Headers["x-protocol"] = c.Request.Protocol;
            c.Response.DeclareTrailer("x-trailer");
            await c.Request.Body.CopyToAsync(c.Response.Body);
            c.Response.AppendTrailer("x-trailer", "t");
        });
        app.MapGet("/protocol", (HttpContext c) => c.Request.Protocol);
        await app.StartAsync();
        return new KestrelServer(app);
    }

    public async ValueTask DisposeAsync()
    {
        using var hurry = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(hurry.Token);
        await _app.DisposeAsync();
    }
}
