using System.Net;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.TestKit;

/// <summary>The data plane in this process, serving a YAML document; listeners on port 0 say where they are.</summary>
public sealed class ProxyFixture : IAsyncDisposable
{
    private long _version;

    private ProxyFixture(ProxyServer server, KeptLog log) => (Server, Log) = (server, log);

    public ProxyServer Server { get; }
    /// <summary>What the data plane logged at Warning and above.</summary>
    public KeptLog Log { get; }

    /// <summary>What it reports as a bug of its own is what the test is about.</summary>
    public bool MayCrash { get; set; }

    /// <param name="cacheFolder">Of compiled and fetched modules.</param>
    /// <param name="fetchHosts">That modules may be fetched from without a cluster.</param>
    public static async Task<ProxyFixture> StartAsync(string yaml, int workers = 1, string? cacheFolder = null,
        params IReadOnlyList<string> fetchHosts)
    {
        var log = new KeptLog();
        return await StartAsync(yaml, new ProxyOptions { Workers = workers, LoggerFactory = log, CacheFolder = cacheFolder,
            CodeFetchHosts = fetchHosts }, log);
    }

    /// <summary>With limits: most connections, bytes that streams may hold in buffers.</summary>
    public static Task<ProxyFixture> StartLimitedAsync(string yaml, int? maxConnections = null, long? buffers = null)
    {
        var log = new KeptLog();
        return StartAsync(yaml, new ProxyOptions { Workers = 1, LoggerFactory = log, MaxConnections = maxConnections,
            BufferLimit = buffers }, log);
    }

    /// <summary>With options of the test's own.</summary>
    /// <param name="yaml">Empty: nothing is published yet.</param>
    /// <param name="options">Given where it is to log.</param>
    public static Task<ProxyFixture> StartWithAsync(string yaml, Func<KeptLog, ProxyOptions> options)
    {
        var log = new KeptLog();
        return StartAsync(yaml, options(log), log);
    }

    private static async Task<ProxyFixture> StartAsync(string yaml, ProxyOptions options, KeptLog log)
    {
        var fixture = new ProxyFixture(new ProxyServer(options), log);
        fixture.Server.Start();
        try
        {
            if (yaml.Length > 0) await fixture.PublishAsync(yaml);
            return fixture;
        }
        catch
        {
            await fixture.DisposeAsync();
            throw;
        }
    }

    /// <summary>Publishes and insists that it was applied.</summary>
    public async Task<PublishResult> PublishAsync(string yaml)
    {
        var result = await TryPublishAsync(yaml);
        return result.Applied ? result : throw new InvalidOperationException("not applied: " + string.Join("; ", result.Errors));
    }

    /// <summary>A document that cannot be built gives a result that is not applied, with its errors.</summary>
    public async Task<PublishResult> TryPublishAsync(string yaml)
    {
        var built = Build(yaml);
        return built.Snapshot is { } snapshot ? await Server.PublishAsync(snapshot)
            : new PublishResult(false, false, built.Errors, [], 0, 0);
    }

    public BuildResult Build(string yaml)
    {
        var errors = new ConfigErrors();
        return ConfigParser.Parse(yaml, ConfigFormat.Yaml, "test.yaml", errors) is ConfigObject document
            ? Server.Build(document, Interlocked.Increment(ref _version))
            : new BuildResult(null, errors.Errors, []);
    }

    /// <summary>Where a listener is.</summary>
    public IPEndPoint EndPoint(string listener = "edge")
        => IPEndPoint.Parse(Server.Listeners().Single(l => l.Name == listener).BoundAddress);

    public int Port(string listener = "edge") => EndPoint(listener).Port;

    public Task<RawClient> ConnectAsync(string listener = "edge") => RawClient.ConnectAsync(EndPoint(listener));

    /// <summary>One request on a connection of its own.</summary>
    public async Task<RawResponse> GetAsync(string target = "/", string host = "example.test", string headers = "",
        string listener = "edge")
    {
        await using var client = await ConnectAsync(listener);
        await client.GetAsync(target, host, headers);
        return await client.ReadAsync();
    }

    /// <inheritdoc cref="WorkerTime.PassAsync"/>
    public Task PassAsync(int milliseconds, int worker = 0) => Server.PassAsync(milliseconds, worker);

    /// <summary>A counter or gauge, summed over the workers.</summary>
    public long Stat(string name) => Server.Stats.Value(name);

    /// <summary>A gauge that is computed when it is read; NaN: there is none.</summary>
    public double Observed(string name) => Server.Stats.Read().FirstOrDefault(s => s.Name == name)?.Value ?? double.NaN;

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        if (!MayCrash && Log.Crashes is [var first, ..])
            throw new InvalidOperationException("the data plane reported a bug of its own: " + first);
    }
}
