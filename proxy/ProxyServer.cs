using System.Collections.Concurrent;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Upstream.Monitoring;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Discovery;
using Managed.Proxy.Upstream.OnDemand;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy;

/// <summary>
/// The data plane of one process: workers and the version they serve. All methods are for control threads; none is for the request
/// path. Publications are one at a time (a second caller waits).
/// </summary>
public sealed partial class ProxyServer : IAsyncDisposable
{
    private const int SweepMs = 250; // how soon after its last stream an old version is let go

    private readonly ProxyOptions _options;
    private readonly ILogger _logger;
    private readonly Worker[] _workers;
    private readonly Thread[] _threads;
    private readonly AccessLogFiles _accessLogs;
    private readonly SharedState _shared;
    private readonly ClusterRegistry _clusters;
    private readonly DnsRefresher _dns;
    private readonly DnsCaches _dnsCaches; // held here: shared objects are held weakly
    private readonly HealthWatch _health;
    private readonly Timer _sweep;
    private readonly Watchdog _watchdog;
    private readonly SemaphoreSlim _publishing = new(1, 1);
    private readonly Dictionary<string, ListenAddress> _addresses = [];
    private readonly List<Snapshot> _generations = [];
    private readonly ConcurrentDictionary<int, int> _threadIds = new();
    private readonly CurrentGeneration _inService = new();
    private readonly Reports _reports;
    private long _step; // counts what the workers are told to have behind them
    private volatile bool _draining, _stopped;

    public ProxyServer(ProxyOptions options)
    {
        _options = options;
        _logger = options.LoggerFactory.CreateLogger("Managed.Proxy");
        var scripts = options.LoggerFactory.CreateLogger("Managed.Proxy.Script");
        _reports = new Reports(_logger, scripts, Stats);
        _accessLogs = new AccessLogFiles(Stats, options.WritesNothing);
        Overload = new Overload(options.BufferLimit, options.MaxConnections, Stats, PressAll);
        _dns = new DnsRefresher(options.ResolveName is { } resolve ? new Resolver(resolve) : null);
        _workers = new Worker[Math.Clamp(options.Workers, 1, WorkerContext.MaxWorkers)];
        _clusters = new ClusterRegistry(_workers.Length);
        _shared = new SharedState(_workers.Length,
            new GuestEnvironment(scripts, options.CacheFolder, options.TraceStarted is not null, options.CodeFetchHosts,
                options.WasmCompiler) { InService = () => Current is not null, Native = options.Native })
        {
            WritesNothing = options.WritesNothing,
        };
        // Names that clients make up are asked for apart from those of the document: those that hang are to keep nobody else waiting.
        var asked = options.ResolveName is { } ask ? new Resolver(ask) : new Resolver();
        _dnsCaches = DnsCaches.Install(_shared, asked.AskAsync);
        Acme = (options.Acme ?? new()).Install(_shared);
        DescriptorBudget.Process.MakeTable();
        for (int i = 0; i < _workers.Length; i++) _workers[i] = new Worker(i, Stats, Overload, _reports, _inService, options.TraceStarted);
        foreach (var worker in _workers) worker.Challenges = Acme.Challenges;
        _health = new HealthWatch(_workers.Length, Stats, Overload, _reports);
        _threads = [.. _workers.Select(w => new Thread(() => Run(w)) { Name = "worker-" + w.Id, IsBackground = true })];
        _watchdog = new Watchdog(_workers, Overload, Stats, _logger);
        _sweep = new Timer(static s => ((ProxyServer)s!).SweepSafely(), this, Timeout.Infinite, Timeout.Infinite);
        Inherit(options.Inherited);
        ObserveProcess();
    }

    public StatsRegistry Stats { get; } = new();
    internal Overload Overload { get; }

    /// <summary>What guest code is given here, for what checks modules outside a publication.</summary>
    public GuestEnvironment Guests => _shared.Guests;

    /// <summary>Where the modules that documents name are found; null: nowhere. To be set before the first build.</summary>
    public ModuleSource? Modules { get; set; }

    /// <summary>The version that new requests get; null before the first publication.</summary>
    public Snapshot? Current => (Snapshot?)_inService.Value;

    /// <summary>Told of events; called on the thread where they happen, so hand over and return.</summary>
    public event Action<ProxyEvent>? EventRaised
    {
        add => _reports.Raised += value;
        remove => _reports.Raised -= value;
    }

    /// <summary>The process is on its way out: nothing new is accepted.</summary>
    public bool Draining => _draining;

    /// <summary>Starts the worker threads; they carry nothing until a version is published.</summary>
    public void Start()
    {
        foreach (var thread in _threads) thread.Start();
        _watchdog.Start();
    }

    /// <summary>Builds a version with the real builders and changes nothing. On the calling thread.</summary>
    /// <param name="host">What it may take from the machine; null: everything, and it may wait for it.</param>
    public BuildResult Build(ConfigObject document, long version, HostAccess? host = null) => Build(document, version, host, Current);

    /// <summary>The same on the version that is given, or on none.</summary>
    internal BuildResult Build(ConfigObject document, long version, HostAccess? host, Snapshot? former)
    {
        var access = host ?? new();
        return SnapshotBuilder.Build(() => new SnapshotBuilder(Stats, _shared, _accessLogs, _clusters, _workers, Modules, access), document,
            version, former);
    }

    /// <summary>Opens access log files anew, for log rotation.</summary>
    public void ReopenLogs() => _accessLogs.Reopen();

    /// <summary>
    /// Stops accepting, lets what is under way end for at most <paramref name="drain"/>, then cuts it, then ends the workers.
    /// </summary>
    public async Task StopAsync(TimeSpan drain, CancellationToken cancellation = default)
    {
        if (_stopped) return;
        _draining = true;
        await _publishing.WaitAsync(CancellationToken.None);
        try
        {
            foreach (var address in _addresses.Values) Attempt(() => StopAccepting(address));
            _addresses.Clear();
            CloseInherited();
        }
        finally
        {
            _publishing.Release();
        }
        foreach (var worker in _workers) worker.Post(static s =>
        {
            var (w, time) = ((Worker, TimeSpan))s!;
            w.Connections.DrainWhere(null, time);
        }, (worker, drain));
        long end = Environment.TickCount64 + (long)drain.TotalMilliseconds + 100;
        while (_workers.Sum(w => w.Connections.Count) > 0 && Environment.TickCount64 < end && !cancellation.IsCancellationRequested)
            await Task.Delay(20, CancellationToken.None);
        _stopped = true;
        _sweep.Dispose();
        _watchdog.Dispose();
        _health.Dispose();
        foreach (var worker in _workers) worker.Loop.Stop();
        foreach (var thread in _threads) if (thread.IsAlive) thread.Join(TimeSpan.FromSeconds(2));
        lock (_generations)
            foreach (var generation in _generations) Attempt(generation.Dispose);
        for (int i = 0; i < _workers.Length; i++) if (!_threads[i].IsAlive) _workers[i].Loop.Close();
        Chores.Finish(TimeSpan.FromSeconds(1)); // the last words of guests
        _dns.Dispose();
        _accessLogs.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero);

    internal Worker WorkerAt(int id) => _workers[id];

    private void Run(Worker worker)
    {
        _threadIds[worker.Id] = ThreadInfo.CurrentId();
        try
        {
            worker.Loop.Run();
        }
        catch (Exception e)
        {
            // What the loop runs is contained within it: this is the loop itself. The process goes on with the other workers.
            Log.WorkerDied(_logger, worker.Id, e);
        }
    }

    private void PressAll()
    {
        foreach (var worker in _workers) worker.Post(static w => ((Worker)w!).Connections.PressAll(), worker);
    }

    private void ObserveProcess()
    {
        Stats.Observe("server.memory_allocated", static () => GC.GetTotalMemory(false));
        Stats.Observe("server.memory_total_allocated", static () => GC.GetTotalAllocatedBytes());
        Stats.Observe("server.total_connections", () => _workers.Sum(w => w.Connections.Count));
        Stats.Observe("server.concurrency", () => _workers.Length);
        Stats.Observe("server.live", () => Current is not null && !_draining ? 1 : 0);
        long started = Environment.TickCount64;
        Stats.Observe("server.uptime", () => (Environment.TickCount64 - started) / 1000);
        Stats.Observe("listener_manager.total_listeners_active", () => Current?.Listeners.Count ?? 0);
        Stats.Observe("cluster_manager.active_clusters", () => Current?.Clusters.Count ?? 0);
        Stats.ObserveAll(Memberships);
        Stats.Observe("server.version", () => Current?.Version ?? 0);
        Stats.Observe("server.days_until_first_cert_expiring", DaysUntilFirstExpires);
        Stats.ObserveAll(Expirations);
    }
}
