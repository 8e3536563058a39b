using System.Buffers.Binary;
using System.Net;
using Managed.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>A gRPC server over HTTP/2 without TLS.</summary>
internal sealed class GrpcEcho : IAsyncDisposable
{
    private WebApplication _app = null!;

    public int Port { get; private init; }
    public IHeaderDictionary? Seen { get; private set; }

    public static async Task<GrpcEcho> StartAsync()
    {
        var server = new GrpcEcho { Port = FreePort.Next() };
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
            k.Listen(IPAddress.Loopback, server.Port, l => l.Protocols = HttpProtocols.Http2));
        server._app = builder.Build();
        server._app.Run(server.AnswerAsync);
        await server._app.StartAsync();
        return server;
    }

    /// <summary>How many messages of /test.Echo/Flood were taken off this server's hands, of all and their size.</summary>
    public int Flooded { get; private set; }
    public const int FloodMessages = 200, FloodMessage = 1 << 20;

    // Each message comes back with "echo " before it; /test.Echo/Fail fails; /test.Echo/Slow is slow; /test.Echo/Flood sends without being
    // asked.
    private async Task AnswerAsync(HttpContext context)
    {
        Seen = context.Request.Headers;
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["x-initial"] = "first";
        if (context.Request.Path == "/test.Echo/Slow") await Task.Delay(Timeout.Infinite, context.RequestAborted);
        if (context.Request.Path == "/test.Echo/Flood")
        {
            byte[] message = new byte[5 + FloodMessage];
            BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), FloodMessage);
            // Of a connection that has gone everything is taken at once, a moment before the request says that it is aborted.
            while (Flooded < FloodMessages
                && !(await context.Response.BodyWriter.WriteAsync(message, context.RequestAborted)).IsCompleted) Flooded++;
        }
        else if (context.Request.Path != "/test.Echo/Fail")
        {
            await context.Response.StartAsync();
            byte[] head = new byte[5];
            while (await context.Request.Body.ReadAtLeastAsync(head, 5, throwOnEndOfStream: false) == 5)
            {
                byte[] message = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
                await context.Request.Body.ReadExactlyAsync(message);
                byte[] answer = [.. "echo "u8, .. message];
                BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(1), answer.Length);
                await context.Response.Body.WriteAsync(head);
                await context.Response.Body.WriteAsync(answer);
                await context.Response.Body.FlushAsync();
            }
        }
        var trailers = context.Features.Get<IHttpResponseTrailersFeature>()!.Trailers;
        trailers["x-last"] = "late";
        trailers["grpc-status"] = context.Request.Path == "/test.Echo/Fail" ? "7" : "0";
        trailers["grpc-message"] = context.Request.Path == "/test.Echo/Fail" ? "not%20you" : "";
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
