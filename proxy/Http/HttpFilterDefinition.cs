using Managed.Proxy.Configuration;
using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core;

namespace Managed.Proxy.Http;

/// <summary>
/// First of a filter's three lifetimes: process-wide. Names the filter, binds its configuration, builds the factory of one
/// version. Listed once in <c>ExtensionCatalog.cs</c>.
/// </summary>
public abstract class HttpFilterDefinition
{
    /// <summary>Envoy's name, for example <c>envoy.filters.http.fault</c>.</summary>
    public abstract string Name { get; }
    /// <summary>Envoy's type without the prefix <c>type.googleapis.com/</c>, and that of the per-route form when there is one.</summary>
    public abstract string TypeName { get; }
    public virtual string? RouteTypeName => null;
    /// <summary>The record that describes <c>typed_config</c>, for the binder and the schema; likewise per route.</summary>
    public abstract Type ConfigType { get; }
    public virtual Type? RouteConfigType => null;
    /// <summary>One sentence for the filter reference.</summary>
    public abstract string Summary { get; }
    public virtual bool IsTerminal => false;

    /// <summary>Builds the factory; null when errors were added.</summary>
    public abstract HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context);
    /// <summary>Builds what <see cref="HttpFilter.RouteConfig{T}"/> gives; null when errors were added.</summary>
    public virtual object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context) => null;
}

/// <summary>What a filter may use while one version is built, on the control thread.</summary>
public sealed class FilterBuildContext
{
    public required ConfigErrors Errors { get; init; }
    public required Core.Telemetry.StatScope Stats { get; init; }
    /// <summary>Objects that outlive a version, by identity: a token bucket, a shared dictionary. See <see cref="SharedState"/>.</summary>
    public required SharedState Shared { get; init; }
    /// <summary>
    /// Stat prefix of the connection manager or listener around, ending in a dot: <c>http.edge.</c>. Empty for shareable use.
    /// </summary>
    public required string StatPrefix { get; init; }
    /// <summary>Names of the clusters of this version, for reference checks.</summary>
    public required IReadOnlySet<string> ClusterNames { get; init; }
    /// <summary>The clusters themselves, those without errors; for a filter that asks one while it is built.</summary>
    public IReadOnlyDictionary<string, Upstream.Cluster> Clusters { get; init; } = new Dictionary<string, Upstream.Cluster>();
    /// <summary>The filters that may be named, for one that has others inside.</summary>
    public HttpFilterCatalog Catalog { get; init; } = new([]);
    /// <summary>
    /// Where in the document the filter stands, as a stable identity for carried-over state: <c>listener/chain/filter</c>.
    /// </summary>
    public required string Identity { get; init; }

    /// <summary>The same for another place.</summary>
    internal FilterBuildContext With(string identity) => new()
    {
        Errors = Errors, Stats = Stats, Shared = Shared, StatPrefix = StatPrefix, ClusterNames = ClusterNames, Clusters = Clusters,
        Catalog = Catalog, Identity = identity,
    };
}

/// <summary>
/// Second lifetime: one version, immutable, shared by all workers. Keeps a pool of instances per worker, so that a stream costs no
/// allocation.
/// </summary>
public abstract class HttpFilterFactory
{
    // Of a crowd's instances so many stay for the next one; the collector takes the others.
    private const int Kept = 1024;

    private readonly Stack<HttpFilter>?[] _free = new Stack<HttpFilter>?[WorkerContext.MaxWorkers];

    /// <summary>Which hooks the instances override.</summary>
    public abstract FilterHooks Hooks { get; }
    protected abstract HttpFilter Create(WorkerContext worker);

    internal HttpFilter Rent(WorkerContext worker)
        => (_free[worker.Id] ??= new()).TryPop(out var filter) ? filter : Create(worker);

    internal void Return(HttpFilter filter, WorkerContext worker)
    {
        try
        {
            Faults.Pass(FaultPoint.FilterDestroy);
            filter.OnDestroy();
        }
        catch (Exception e)
        {
            // Nobody knows what state it is in: it serves no other stream.
            worker.Reports.OnFilterFailure(filter.GetType().Name, e);
            return;
        }
        filter.Stream = null!;
        var free = _free[worker.Id]!;
        if (free.Count < Kept) free.Push(filter);
    }
}

/// <summary>A factory from a lambda: <c>new FilterFactory(FilterHooks.RequestHeaders, worker => new MyFilter(built))</c>.</summary>
public sealed class FilterFactory(FilterHooks hooks, Func<WorkerContext, HttpFilter> create) : HttpFilterFactory
{
    public override FilterHooks Hooks => hooks;
    protected override HttpFilter Create(WorkerContext worker) => create(worker);
}
