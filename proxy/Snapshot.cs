using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Router;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy;

/// <summary>
/// One built version: every reference resolved, routes compiled, filters built. Immutable but for the counts of who still uses it.
/// </summary>
public sealed class Snapshot : ListenerGeneration, IDisposable
{
    private readonly SharedState _shared;
    private readonly StatScope _names;
    private readonly IReadOnlyList<Worker> _workers;
    private IReadOnlyList<(ClusterState State, ClusterStats Stats)> _counts = [];

    internal Snapshot(long version, ConfigObject document, ConfigObject expanded, BootstrapConfig config,
        IReadOnlyDictionary<string, Cluster> clusters,
        IReadOnlyDictionary<string, RouteTable> routes, IReadOnlyList<Listener> listeners, SharedState shared, StatScope names,
            IReadOnlyList<Worker> workers, HostAccess host)
        : base(version, clusters, listeners, workers.Count)
    {
        Document = document;
        ExpandedDocument = expanded;
        Config = config;
        Routes = routes;
        _shared = shared;
        _names = names;
        _workers = workers;
        HostUses = host.Used;
    }

    /// <summary>
    /// Gives back what it holds outside the managed heap, and of a snapshot that was never published (a dry run) the names of its
    /// statistics. <see cref="ProxyServer"/> does it for those that were, when their last stream has left.
    /// </summary>
    public void Dispose()
    {
        if (!TryDispose()) return;
        try
        {
            _shared.Return(_workers);
        }
        finally
        {
            if (!InService) _names.Return();
        }
    }

    /// <summary>Before the publication: its statistics are there to count on, and to be seen.</summary>
    internal void UseNames()
    {
        var counts = new List<(ClusterState State, ClusterStats Stats)>(Clusters.Count);
        foreach (var cluster in Clusters.Values) counts.Add((cluster.State, new ClusterStats(_names, cluster.Name)));
        // Whoever is live counts under its own version's names until this one is in service; others have none yet.
        foreach (var (state, stats) in counts)
            if (state.Stats is null) state.Count(stats);
        Faults.Pass(FaultPoint.UseNames);
        _names.Use();
        _counts = counts;
    }

    /// <summary>In service: its clusters count under its names.</summary>
    internal void Count()
    {
        foreach (var (state, stats) in _counts) state.Count(stats);
    }

    /// <summary>For the version behind it; null where the long form could not be made without a warning.</summary>
    internal FormerExpansion? Expansion { get; init; }

    /// <summary>It is, or was, the version that new connections get. To be set by the publication.</summary>
    internal bool InService { get; set; }

    /// <summary>The last connection of a former version has gone: nobody counts on its statistics any more.</summary>
    internal void ReturnNames() => _names.Return();

    /// <summary>What it leases, in the order of the build.</summary>
    internal IReadOnlyList<SharedResource> Resources => _shared.Leases();

    /// <summary>Its names were asked for.</summary>
    internal bool NamesResolved { get; set; }
    /// <summary>What it takes from the machine, for the next version's <see cref="HostAccess.Kept"/>.</summary>
    public IReadOnlySet<(string Use, string Name)> HostUses { get; }
    /// <summary>As submitted, short forms kept.</summary>
    public ConfigObject Document { get; }
    /// <summary>The long form, defaults left out.</summary>
    public ConfigObject ExpandedDocument { get; }
    internal BootstrapConfig Config { get; }
    internal IReadOnlyDictionary<string, RouteTable> Routes { get; }
}
