using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Managed.AdminApi.Hosting;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Managed.AdminApi.Sandbox;

/// <summary>All clusters of a sandbox in one server: a Unix socket for each, answers as the test says, requests kept.</summary>
internal sealed class CannedUpstream : IAsyncDisposable
{
    private const int ShownBody = 64 * 1024;
    private const string ClusterItem = "cluster";

    private readonly WebApplication _app;
    private readonly FilterTest _test;
    private readonly Dictionary<string, Queue<TestMessage>> _calls = [];

    private CannedUpstream(WebApplication app, FilterTest test) => (_app, _test) = (app, test);

    public ConcurrentQueue<SeenRequest> Seen { get; } = new();

    /// <param name="sockets">Cluster to path.</param>
    public static async Task<CannedUpstream> StartAsync(FilterTest test, IReadOnlyDictionary<string, string> sockets)
    {
        var builder = WebApplication.CreateEmptyBuilder(new() { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            foreach (var (cluster, path) in sockets)
                kestrel.ListenUnixSocket(path, l =>
                {
                    l.Protocols = HttpProtocols.Http1;
                    l.Use(next => connection =>
                    {
                        connection.Items[ClusterItem] = cluster;
                        return next(connection);
                    });
                });
        });
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        var app = builder.Build();
        var upstream = new CannedUpstream(app, test);
        foreach (var call in test.Calls)
        {
            if (!upstream._calls.TryGetValue(call.Cluster!, out var queue))
                upstream._calls[call.Cluster!] = queue = new();
            queue.Enqueue(call.Response);
        }
        app.Run(upstream.AnswerAsync);
        await app.StartAsync();
        return upstream;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var cluster = (string)context.Features.Get<IConnectionItemsFeature>()!.Items[ClusterItem]!;
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var target = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()?.RawTarget ?? context.Request.Path;
        Seen.Enqueue(new(cluster, context.Request.Method, target,
            [.. context.Request.Headers.SelectMany(h => h.Value.Select(v => new HeaderLine(h.Key.ToLowerInvariant(), v ?? "")))],
            Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)Math.Min(body.Length, ShownBody))));
        TestMessage answer;
        lock (_calls)
            // each given answer serves one call
            answer = _calls.TryGetValue(cluster, out var queue) && queue.TryDequeue(out var next) ? next : _test.Upstream;
        context.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
            context.Response.Headers.Append(name, value);
        context.Response.Headers.Connection = "close"; // the sandbox leaves no connection behind
        if (answer.Status is >= 200 and not (204 or 304))
        {
            if (answer.Trailers.Count > 0)
            {
                await WriteWithTrailersAsync(context, answer);
                return;
            }
            context.Response.ContentLength = answer.Body.Length;
            if (!HttpMethods.IsHead(context.Request.Method))
                await context.Response.Body.WriteAsync(answer.Body, context.RequestAborted);
        }
    }

    // Kestrel has no trailers of HTTP/1; a body that says it is chunked is left as it is written (RFC 9112 section 7.1).
    private static async Task WriteWithTrailersAsync(HttpContext context, TestMessage answer)
    {
        context.Response.Headers.TransferEncoding = "chunked";
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        var end = new StringBuilder(answer.Body.Length > 0 ? "\r\n0\r\n" : "0\r\n");
        foreach (var (name, value) in answer.Trailers)
            end.Append(name).Append(": ").Append(value).Append("\r\n");
        if (answer.Body.Length > 0)
            await context.Response.WriteAsync(answer.Body.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n",
                context.RequestAborted);
        await context.Response.Body.WriteAsync(answer.Body, context.RequestAborted);
        await context.Response.Body.WriteAsync(Encoding.Latin1.GetBytes(end.Append("\r\n").ToString()), context.RequestAborted);
    }
}
