using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
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
    private readonly long[] _connections, _streams, _holds;
    private readonly Dictionary<string, Listener> _byAddress;
    private readonly SharedState _shared;
    private readonly StatScope _names;
    private readonly IReadOnlyList<Worker> _workers;
    private int _disposed;

    internal Snapshot(long version, ConfigObject document, ConfigObject expanded, BootstrapConfig config, IReadOnlyDictionary<string, Cluster> clusters,
        IReadOnlyDictionary<string, RouteTable> routes, IReadOnlyList<Listener> listeners, SharedState shared, StatScope names, IReadOnlyList<Worker> workers, HostAccess host)
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
        _names = names;
        _connections = new long[workers.Count * Stride];
        _streams = new long[workers.Count * Stride];
        _holds = new long[workers.Count * Stride];
        _workers = workers;
        HostUses = host.Used;
    }

    /// <summary>
    /// Gives back what it holds outside the managed heap, and of a snapshot that was never published (a dry run) the names of its
    /// statistics. <see cref="ProxyServer"/> does it for those that were, when their last stream has left.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _shared.Return(_workers);
        if (!InService) _names.Return();
    }

    /// <summary>Before the publication: its statistics are there to count on, and to be seen.</summary>
    internal void UseNames()
    {
        foreach (var cluster in Clusters.Values) cluster.State.Count(_names);
        _names.Use();
    }

    /// <summary>It is, or was, the version that new connections get. To be set by the publication.</summary>
    internal bool InService { get; set; }

    /// <summary>The last connection of a former version has gone: nobody counts on its statistics any more.</summary>
    internal void ReturnNames() => _names.Return();

    internal bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    /// <summary>What it leases, in the order of the build.</summary>
    internal IReadOnlyList<SharedResource> Resources => _shared.Leases();

    /// <summary>The version's number. A snapshot that waited for its turn may get another one until it is published.</summary>
    public long Version { get; set => field = IsPublished ? throw new InvalidOperationException($"version {field} is published") : value; }
    /// <summary>It has been in service.</summary>
    internal bool IsPublished { get; set; }
    /// <summary>Nothing in its long form was worth a warning.</summary>
    internal bool IsQuiet { get; init; }
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

    /// <summary>
    /// A request begins on it, which has its filters until it leaves. On a version that has given them back none may begin: without its
    /// filters a request would be let through where one of them was to stop it.
    /// </summary>
    internal void EnterStream(Worker worker)
    {
        if (IsDisposed) throw new InvalidOperationException($"a request began on version {Version}, which has given back its filters");
        _streams[worker.Id * Stride]++;
    }

    internal void LeaveStream(Worker worker) => _streams[worker.Id * Stride]--;

    /// <summary>A connection stays on it, or has network filters of it: nothing is given back until <see cref="LetGo"/>. False: it is too late.</summary>
    internal bool TryHold(Worker worker)
    {
        if (IsDisposed) return false;
        _holds[worker.Id * Stride]++;
        return true;
    }

    internal void LetGo(Worker worker) => _holds[worker.Id * Stride]--;

    internal long Connections => Sum(_connections);
    internal long Streams => Sum(_streams);
    internal bool IsInUse => Sum(_streams) > 0 || Sum(_holds) > 0;
    /// <summary>The step of the workers (<see cref="Worker.Step"/>) from which on nothing begins on it; none as long as it may be gone back to.</summary>
    internal long RetiredAt { get; set; } = long.MaxValue;

    private static long Sum(long[] counts)
    {
        long sum = 0;
        for (int i = 0; i < counts.Length; i += Stride) sum += Volatile.Read(ref counts[i]);
        return sum;
    }
}
