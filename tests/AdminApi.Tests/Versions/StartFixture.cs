using System.Diagnostics;
using System.Net;
using System.Text;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Versions;
using Microsoft.Extensions.DependencyInjection;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>
/// A data folder with three versions, made once and copied for each test: <c>closed</c> as a clean end leaves it, <c>killed</c> with its
/// write-ahead log, as a kill does. Version 3 is the active one.
/// </summary>
public sealed class StartFixture : IAsyncLifetime
{
    public const string Cluster = """{"endpoints":["127.0.0.1:9"]}""";
    private string _folder = "";

    public string Closed => Path.Combine(_folder, "closed");
    public string Killed => Path.Combine(_folder, "killed");
    /// <summary>The last good copies of versions 2 and 3.</summary>
    public string OlderCopy { get; private set; } = "";
    public string Copy { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _folder = Directory.CreateTempSubdirectory("managed-start-").FullName;
        await using var node = await TestNode.StartAsync();
        var data = Path.Combine(node.Folder, "data");
        (await node.PutAsync("clusters/two", Cluster)).Is(HttpStatusCode.Created);
        OlderCopy = await File.ReadAllTextAsync(Path.Combine(data, "last-good.json"));
        (await node.PutAsync("clusters/three", Cluster)).Is(HttpStatusCode.Created);
        Copy = await File.ReadAllTextAsync(Path.Combine(data, "last-good.json"));
        CopyFolder(data, Killed);
        await node.Host.DisposeAsync();
        CopyFolder(data, Closed);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>By another process: who closes a file here drops the locks that SQLite holds on it.</summary>
    public static void CopyFolder(string from, string to)
    {
        using var process = Process.Start("cp", ["-a", from, to]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}

/// <summary>A node started on a folder that a test has prepared.</summary>
internal sealed class StartedNode : IAsyncDisposable
{
    private readonly HttpClient _http;

    private StartedNode(ManagedHost host)
    {
        Host = host;
        _http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false })
        {
            BaseAddress = host.AdminUri, DefaultRequestHeaders = { Authorization = new("Bearer", host.Token) },
            Timeout = TimeSpan.FromSeconds(60),
        };
    }

    public ManagedHost Host { get; }
    public Degradation? Degraded => Host.Services.GetRequiredService<ActiveConfiguration>().Degraded;
    public long Served => Host.Proxy.Current?.Version ?? -1;

    public static async Task<StartedNode> StartAsync(string data, params string[] more) =>
        new(await ManagedHost.StartAsync(["--data-dir", data, "--admin", "127.0.0.1:0", "--workers", "1", .. more]));

    public async Task<HttpResponseMessage> PutClusterAsync(string name) =>
        await _http.PutAsync($"/api/v1/clusters/{name}", new StringContent(StartFixture.Cluster, Encoding.UTF8, "application/json"));

    public Task<string> GetAsync(string path) => _http.GetStringAsync(path);

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Host.DisposeAsync();
    }
}
