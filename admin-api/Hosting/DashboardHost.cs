using Managed.AdminApi.Auth;
using Managed.Dashboard.Hosting;
using Microsoft.AspNetCore.Hosting.Server;

namespace Managed.AdminApi.Hosting;

/// <summary>
/// The dashboard: a host of its own behind the admin port, without a server, made by the first request that nothing else on the port
/// answers. A node whose dashboard nobody opens is spared its libraries, which are more memory than the rest of the port.
/// </summary>
internal sealed class DashboardHost(IServiceProvider node) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private volatile Made? _made;

    private sealed record Made(WebApplication App, RequestDelegate Pipeline);

    /// <summary>Of the dashboard, which is made if need be.</summary>
    public IServiceProvider Services => Get().App.Services;

    /// <summary>After routing: what has no endpoint there is the dashboard's, or nobody's.</summary>
    public Task RunAsync(HttpContext context, RequestDelegate next) =>
        context.GetEndpoint() is null && !context.Request.Path.StartsWithSegments("/api") ? AnswerAsync(context) : next(context);

    public ValueTask DisposeAsync() => _made?.App.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task AnswerAsync(HttpContext context)
    {
        var (app, pipeline) = Get();
        var scope = app.Services.CreateAsyncScope();
        context.Response.RegisterForDisposeAsync(scope); // what is called when the answer begins or ends may still need it
        var former = context.RequestServices;
        context.RequestServices = scope.ServiceProvider;
        try
        {
            await pipeline(context);
        }
        finally
        {
            context.RequestServices = former;
        }
    }

    // One that cannot be made, for want of memory or descriptors, is tried again by the next request.
    private Made Get()
    {
        if (_made is { } made)
            return made;
        lock (_lock)
            return _made ??= Make();
    }

    private Made Make()
    {
        var builder = WebApplication.CreateEmptyBuilder(new() { ContentRootPath = AppContext.BaseDirectory, ApplicationName = "managed" });
        builder.Services.AddRouting();
        builder.Services.AddSingleton(node.GetRequiredService<IServer>()); // which this host never starts
        builder.Services.AddSingleton(node.GetRequiredService<ILoggerFactory>())
            .AddSingleton(node.GetRequiredService<IHostApplicationLifetime>());
        builder.Services.AddSingleton(node.GetRequiredService<RunOptions>());
        builder.Services.AddSingleton(node.GetRequiredService<AccessTokens>()).AddSingleton(node.GetRequiredService<Sessions>())
            .AddSingleton(node.GetRequiredService<FailureLimits>());
        builder.Services.AddManagedDashboard(new()
        {
            Api = _ => AdminServer.AddressOf(node), PagesGone = StartPages.GiveBackSoon,
        });
        var app = builder.Build();
        app.UseRouting();
        app.UseMiddleware<AuthMiddleware>();
        app.MapManagedDashboard();
        app.UseEndpoints(static _ => { });
        return new(app, ((IApplicationBuilder)app).Build());
    }
}
