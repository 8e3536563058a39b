using System.Globalization;
using System.Net;
using System.Text;
using Managed.AdminApi.TakeOver;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Managed.AdminApi.Hosting;

/// <summary>A service to have something behind the proxy at the first curl: it answers with what it got.</summary>
internal sealed class DemoService : IAsyncDisposable
{
    public const string Address = "127.0.0.1:10001";
    private readonly WebApplication _app;

    private DemoService(WebApplication app) => _app = app;

    /// <exception cref="StartException">The port is in use.</exception>
    public static async Task<DemoService> StartAsync(LogLevels levels, OwnSockets own)
    {
        var builder = WebApplication.CreateEmptyBuilder(new() { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.AddOneLineConsole(levels);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.Listen(IPEndPoint.Parse(Address), l => l.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<SocketTransportOptions>(o => o.CreateBoundListenSocket = own.MakeDemo);
        var app = builder.Build();
        app.Run(AnswerAsync);
        try
        {
            await app.StartAsync();
        }
        catch (IOException e)
        {
            await app.DisposeAsync();
            throw new StartException($"cannot open {Address} for the demo service: {e.InnerException?.Message ?? e.Message}");
        }
        return new(app);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static Task AnswerAsync(HttpContext context)
    {
        var text = new StringBuilder("Hello from the demo service behind Managed.\n\n");
        text.Append(CultureInfo.InvariantCulture,
            $"{context.Request.Method} {context.Request.Path}{context.Request.QueryString} {context.Request.Protocol}\n");
        foreach (var (name, value) in context.Request.Headers)
            text.Append(CultureInfo.InvariantCulture, $"{name.ToLowerInvariant()}: {value}\n");
        var body = Encoding.UTF8.GetBytes(text.ToString());
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }
}
