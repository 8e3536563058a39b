using Managed.AdminApi.Acme;
using Managed.AdminApi.Auth;
using Managed.AdminApi.Endpoints;
using Managed.AdminApi.EnvoyPaths;
using Managed.AdminApi.Events;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Sandbox;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.TakeOver;
using Managed.AdminApi.Telemetry;
using Managed.AdminApi.Versions;
using Managed.Proxy;

namespace Managed.AdminApi;

internal static class Program
{
    public static Task<int> Main(string[] args) => Commands.RunAsync(args);

    /// <summary>What makes versions and serves them, without a web server: it works before there is one.</summary>
    public static IServiceCollection Node(RunOptions options, DataFolder folder, ProxyServer proxy, LogLevels levels, StopSignal stop)
    {
        var node = new ServiceCollection().AddSingleton(options).AddSingleton(folder).AddSingleton(proxy).AddSingleton(levels)
            .AddSingleton(stop).AddSingleton<OwnSockets>().AddSingleton<TakeOverDoor>();
        node.AddSingleton<EventLog>().AddSingleton<ProxyEvents>();
        return node.AddVersions(folder).AddAcme().AddAccess().AddTelemetry();
    }

    /// <summary>The web host: one line for each feature folder.</summary>
    /// <param name="parts">See <see cref="Node"/>; those of <paramref name="node"/> are the web host's too.</param>
    public static WebApplication Build(RunOptions options, IServiceCollection parts, IServiceProvider node)
    {
        var builder = WebApplication.CreateEmptyBuilder(new() { ContentRootPath = AppContext.BaseDirectory, ApplicationName = "managed" });
        builder.AddAdminServer(options);
        builder.Services.AddSingleton(node.GetRequiredService<ILoggerFactory>());
        foreach (var part in parts)
            builder.Services.AddSingleton(part.ServiceType, _ => node.GetRequiredService(part.ServiceType));
        builder.Services.AddSingleton<FilterSandbox>();
        builder.Services.AddSingleton(new MemoryBudget());
        if (options.Dashboard)
            builder.Services.AddSingleton<DashboardHost>();

        var app = builder.Build();
        app.Use(next => context => app.Services.GetRequiredService<AdminConnections>().RunAsync(context, next));
        app.UseMiddleware<ProblemMiddleware>();
        app.UseMiddleware<HostGuard>();
        app.UseMiddleware<ReadOnlyWhileLent>();
        app.UseEnvoyPaths();
        app.UseRouting();
        if (app.Services.GetService<DashboardHost>() is { } dashboard)
            app.Use(next => context => dashboard.RunAsync(context, next));
        app.UseAccess();
        app.MapApiDescription();
        app.MapAdminApi();
        app.MapEnvoyPaths();
        return app;
    }
}
