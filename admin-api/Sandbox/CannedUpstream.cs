using System.Collections.Concurrent;
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
            context.Response.ContentLength = answer.Body.Length;
            if (!HttpMethods.IsHead(context.Request.Method))
                await context.Response.Body.WriteAsync(answer.Body, context.RequestAborted);
        }
    }
}
