using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Router;
using Managed.Proxy.Upstream;

namespace Managed.Proxy;

/// <summary>
/// One built version: every reference resolved, routes compiled, filters built. Immutable but for the counts of who still uses it.
/// </summary>
public sealed class Snapshot : IDisposable
{
    // Each worker counts in its own cache line.
    private const int Stride = 16;
    private readonly long[] _connections = new long[Worker.MaxWorkers * Stride];
    private readonly long[] _streams = new long[Worker.MaxWorkers * Stride];
    private readonly Dictionary<string, Listener> _byAddress;
    private readonly SharedState _shared;
    private readonly IReadOnlyList<Worker> _workers;
    private int _disposed;

    internal Snapshot(long version, ConfigObject document, ConfigObject expanded, BootstrapConfig config, IReadOnlyDictionary<string, Cluster> clusters,
        IReadOnlyDictionary<string, RouteTable> routes, IReadOnlyList<Listener> listeners, SharedState shared, IReadOnlyList<Worker> workers, HostAccess host)
    {
        Version = version;
        Document = document;
        ExpandedDocument = expanded;
        Config = config;
        Clusters = clusters;
        Routes = routes;
        Listeners = listeners;
        _byAddress = listeners.ToDictionary(l => l.AddressKey);
        _shared = shared;
        _workers = workers;
        HostUses = host.Used;
    }

    /// <summary>
    /// Gives back what it holds outside the managed heap. For a snapshot that was built and never published (a dry run);
    /// <see cref="ProxyServer"/> does it for those that were, when their last stream has left.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _shared.Return(_workers);
    }

    internal bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    /// <summary>What it leases, in the order of the build.</summary>
    internal IReadOnlyList<SharedResource> Resources => _shared.Leases();

    /// <summary>The version's number. A snapshot that waited for its turn may get another one until it is published.</summary>
    public long Version { get; set => field = IsPublished ? throw new InvalidOperationException($"version {field} is published") : value; }
    /// <summary>It has been in service.</summary>
    internal bool IsPublished { get; set; }
    /// <summary>Its names were asked for.</summary>
    internal bool NamesResolved { get; set; }
    /// <summary>What it takes from the machine, for the next version's <see cref="HostAccess.Kept"/>.</summary>
    public IReadOnlySet<(string Use, string Name)> HostUses { get; }
    /// <summary>As submitted, short forms kept.</summary>
    public ConfigObject Document { get; }
    /// <summary>The long form, defaults left out.</summary>
    public ConfigObject ExpandedDocument { get; }
    /// <summary>The clusters by name.</summary>
    public IReadOnlyDictionary<string, Cluster> Clusters { get; }
    internal BootstrapConfig Config { get; }
    internal IReadOnlyDictionary<string, RouteTable> Routes { get; }
    internal IReadOnlyList<Listener> Listeners { get; }

    internal Listener? FindListener(string addressKey) => _byAddress.GetValueOrDefault(addressKey);

    internal void EnterConnection(Worker worker) => _connections[worker.Id * Stride]++;
    internal void LeaveConnection(Worker worker) => _connections[worker.Id * Stride]--;
    internal void EnterStream(Worker worker) => _streams[worker.Id * Stride]++;
    internal void LeaveStream(Worker worker) => _streams[worker.Id * Stride]--;

    internal long Connections => Sum(_connections);
    internal long Streams => Sum(_streams);

    private static long Sum(long[] counts)
    {
        long sum = 0;
        for (int i = 0; i < counts.Length; i += Stride) sum += Volatile.Read(ref counts[i]);
        return sum;
    }
}
