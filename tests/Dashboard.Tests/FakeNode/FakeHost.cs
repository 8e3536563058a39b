using Managed.Dashboard.Hosting;

namespace Managed.Dashboard.Tests.FakeNode;

/// <summary>A node in this process: the fake admin API and the real dashboard on one port, as the admin host has them.</summary>
internal sealed class FakeHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeHost(WebApplication app, FakeState state, Uri address) => (_app, State, Address) = (app, state, address);

    public FakeState State { get; }

    public Uri Address { get; }

    public static async Task<FakeHost> StartAsync(string urls = "http://127.0.0.1:0")
    {
        var state = new FakeState();
        Seed(state);
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            ApplicationName = typeof(FakeHost).Assembly.GetName().Name,
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls(urls);
        Uri? address = null;
        builder.Services.AddManagedDashboard(new DashboardOptions { Api = _ => address!, NodeName = "edge-1" });
        var app = builder.Build();
        FakeAdminApi.Map(app, state);
        app.MapManagedDashboard();
        await app.StartAsync();
        address = new Uri(app.Urls.First());
        return new FakeHost(app, state, address);
    }

    public string Url(string path) => new Uri(Address, path).ToString();

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            await _app.StopAsync(now.Token);
        }
        catch (OperationCanceledException)
        {
            // Open event streams do not end by themselves.
        }
        await _app.DisposeAsync();
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
