using System.Collections.Concurrent;
using Managed.Dashboard.Hosting;
using Microsoft.AspNetCore.Components.Server;

namespace Managed.Dashboard.Tests.FakeNode;

/// <summary>
/// A node in this process: the fake admin API and the real dashboard on one port, as the admin host has them. Starting one costs more than
/// most tests do, so that a test borrows one that no other has now, with a state that nobody had before: sessions, versions and streams of
/// earlier tests are not in it, and what an earlier test's circuit may still ask is refused for its session.
/// </summary>
internal sealed class FakeHost : IAsyncDisposable
{
    private static readonly ConcurrentBag<FakeHost> Idle = [];

    private readonly WebApplication _app;

    private FakeHost(WebApplication app) => _app = app;

    public FakeState State { get; private set; } = new();

    public Uri Address { get; private set; } = null!;

    public static async Task<FakeHost> StartAsync()
    {
        var host = Idle.TryTake(out var idle) ? idle : await CreateAsync();
        host.State = new FakeState();
        Seed(host.State);
        return host;
    }

    private static async Task<FakeHost> CreateAsync()
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            ApplicationName = typeof(FakeHost).Assembly.GetName().Name,
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        FakeHost? host = null;
        builder.Services.AddManagedDashboard(new DashboardOptions { Api = _ => host!.Address, NodeName = "edge-1" });
        // A test's circuits end with it.
        builder.Services.Configure<CircuitOptions>(circuits => circuits.DisconnectedCircuitRetentionPeriod = TimeSpan.FromSeconds(1));
        var app = builder.Build();
        host = new FakeHost(app);
        FakeAdminApi.Map(app, host);
        app.MapManagedDashboard();
        await app.StartAsync();
        host.Address = new Uri(app.Urls.First());
        return host;
    }

    public string Url(string path) => new Uri(Address, path).ToString();

    public ValueTask DisposeAsync()
    {
        Idle.Add(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>After the last test.</summary>
    public static async Task StopAllAsync()
    {
        while (Idle.TryTake(out var host))
        {
            using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            try
            {
                await host._app.StopAsync(now.Token);
            }
            catch (OperationCanceledException)
            {
                // Open event streams do not end by themselves.
            }
            await host._app.DisposeAsync();
        }
    }

    private static void Seed(FakeState state)
    {
        SortedDictionary<string, string> listeners = new(StringComparer.Ordinal) { ["edge"] = Edge };
        state.Commit(listeners, "First configuration", source: "file");
        listeners = new(listeners, StringComparer.Ordinal) { ["internal"] =
            "name: internal\naddress: 127.0.0.1:10001\nroutes:\n- {match: {prefix: /}, route: {cluster: web}}\n" };
        state.Commit(listeners, "Add the internal listener", author: "maria");
        listeners = new(listeners, StringComparer.Ordinal) { ["edge"] = Edge.Replace("timeout: 5s", "timeout: 8s") };
        state.Commit(listeners, "Reports need longer than five seconds", author: "maria", source: "dashboard");
        FakeModules.Seed(state);
    }

    private const string Edge = """
        name: edge
        address: 0.0.0.0:10000
        http_filters:
        - name: header_mutation
          typed_config:
            mutations:
              response_mutations:
              - append: {header: {key: x-served-by, value: edge}}
        routes:
        - {match: {prefix: /api}, route: {cluster: web, timeout: 5s}}
        - {match: {prefix: /}, route: {cluster: web}}

        """;
}
