using Managed.AdminApi.Auth;
using Managed.AdminApi.Endpoints;
using Managed.AdminApi.EnvoyPaths;
using Managed.AdminApi.Events;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Sandbox;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.Telemetry;
using Managed.AdminApi.Versions;
using Managed.Dashboard.Hosting;
using Managed.Proxy;

namespace Managed.AdminApi;

internal static class Program
{
    public static Task<int> Main(string[] args) => Commands.RunAsync(args);

    /// <summary>The web host: one line for each feature folder.</summary>
    public static WebApplication Build(RunOptions options, DataFolder folder, ProxyServer proxy, LogLevels levels, StopSignal stop)
    {
        var builder = WebApplication.CreateEmptyBuilder(new() { ContentRootPath = AppContext.BaseDirectory, ApplicationName = "managed" });
        builder.AddAdminServer(options, levels);
        builder.Services.AddSingleton(options).AddSingleton(folder).AddSingleton(proxy).AddSingleton(levels).AddSingleton(stop);
        builder.Services.AddSingleton<EventLog>().AddSingleton<ProxyEvents>();
        builder.Services.AddVersions(folder);
        builder.Services.AddSingleton<FilterSandbox>();
        builder.Services.AddSingleton(new MemoryBudget());
        builder.Services.AddAccess();
        builder.Services.AddTelemetry();
        builder.Services.AddApiDescription();
        builder.Services.AddManagedDashboard(new() { Api = AdminServer.AddressOf });

        var app = builder.Build();
        app.Use(next => context => app.Services.GetRequiredService<AdminConnections>().RunAsync(context, next));
        app.UseMiddleware<ProblemMiddleware>();
        app.UseMiddleware<HostGuard>();
        app.UseEnvoyPaths();
        app.UseRouting();
        app.UseAccess();
        app.MapApiDescription();
        app.MapAdminApi();
        app.MapEnvoyPaths();
        app.MapManagedDashboard();
        return app;
    }
}
