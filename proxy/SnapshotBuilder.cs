using System.Net;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Downstream.ListenerFilters;
using Managed.Proxy.Downstream.ListenerFilters.TlsInspector;
using Managed.Proxy.Downstream.NetworkFilters;
using Managed.Proxy.Downstream.TransportSockets;
using Managed.Proxy.Http;
using Managed.Proxy.Router;
using Managed.Proxy.Security;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Upstream;

namespace Managed.Proxy;

/// <summary>
/// Document to snapshot, on a control thread: expand, bind, build from the leaves up (clusters, routes, listeners). The same for a dry
/// run and the real one: nothing outside the result changes. Collects every error; a result only without any.
/// </summary>
internal sealed class SnapshotBuilder(StatsRegistry registry, SharedState state, AccessLogFiles accessLogs, ClusterRegistry clusterRegistry,
    IReadOnlyList<Worker> workers, ModuleSource? modules, HostAccess host)
{
    /// <summary>
    /// Builds on the version before, so that the cost follows what has changed: its records, clusters and routes stand for those that are
    /// the same, and what was worth a warning in them is told again with its places in this document. Where something is wrong, all is
    /// built anew, so that each error has its place.
    /// </summary>
    public static BuildResult Build(Func<SnapshotBuilder> builder, ConfigObject document, long version, Snapshot? former)
    {
        if (former is not null && builder().Build(document, version, former) is { Snapshot: not null } result) return result;
        return builder().Build(document, version, null);
    }

    // What this build leases of it goes with its snapshot.
    private readonly SharedState _shared = state.ForBuild();
    private readonly StatScope _names = registry.Begin();

    private BuildResult Build(ConfigObject document, long version, Snapshot? former)
    {
        Snapshot? built = null;
        try
        {
            var result = BuildAll(document, version, former);
            built = result.Snapshot;
            return result;
        }
        finally
        {
            if (built is null)
            {
                _shared.Return(workers);
                _names.Return();
            }
        }
    }

    private BuildResult BuildAll(ConfigObject document, long version, Snapshot? former)
    {
        var errors = new ConfigErrors { Modules = modules, Host = host };
        int said = errors.Noted + document.Notes.Count;
        var expanded = ShortForm.Expand(document, errors, ExtensionCatalog.FindConfigType, former?.Expansion);
        bool silent = errors.Noted == said; // what is said of a part has its place in this document, and is said each time
        expanded?.Seal();
        var config = expanded is null ? null : ConfigBinder.BindPartial(expanded, errors, former?.Config);
        if (config is null || expanded is null) return new BuildResult(null, errors.Errors, errors.Warnings);

        Unique(config.Listeners, l => l.Name, "listener", errors);
        Unique(config.RouteConfigurations, r => r.Name, "route configuration", errors);
        Unique(config.Clusters, c => c.Name, "cluster", errors);
        Unique(config.ExtensionConfigs, e => e.Name, "extension configuration", errors);

        Unique(config.Secrets, s => s.Name, "secret", errors);
        var certificates = TlsBuilder.CheckSecrets(config.Secrets, former?.Config.Secrets, _shared, errors);

        var clusters = new Dictionary<string, Cluster>();
        foreach (var cluster in config.Clusters)
            // One with TLS leases its contexts and names for each version, one with health checks its names.
            if (cluster is { TransportSocket: null, HealthChecks.Count: 0, OutlierDetection: null, CustomKind: null,
                CommonLbConfig.ZoneAwareLbConfig: null }
                && former?.Clusters.GetValueOrDefault(cluster.Name) is { } same
                && ReferenceEquals(same.Config, cluster) && ReferenceEquals(same.Members, clusterRegistry.For(cluster.Name)))
            {
                errors.Repeat(same.Notes);
                clusters[cluster.Name] = same;
            }
            else
            {
                int noted = errors.Noted;
                if (ClusterBuilder.Build(cluster, clusterRegistry, errors, _names, _shared, accessLogs) is not { } built) continue;
                built.Notes = errors.NotesSince(noted);
                clusters[cluster.Name] = built;
            }
        AggregateCluster.Connect(clusters, errors);
        ConnectZones(config, clusters, errors);

        var filters = new FilterBuildContext { Errors = errors, Stats = _names, Shared = _shared, StatPrefix = "",
            ClusterNames = clusters.Keys.ToHashSet(), Clusters = clusters, Catalog = ExtensionCatalog.Http,
            Identity = "routes" };
        var routes = new Dictionary<string, RouteTable>();
        foreach (var route in config.RouteConfigurations)
        {
            var context = new RouteBuildContext
            {
                Errors = errors, Clusters = clusters, Taken = () => _shared.Taken + _names.Taken,
                BuildFilter = new RouteFilterBuilder(ExtensionCatalog.Http, filters).Build,
                Former = former?.Routes.GetValueOrDefault(route.Name),
            };
            if (RouteTable.Build(route, context) is { } table) routes[route.Name] = table;
        }

        Faults.Pass(FaultPoint.Build);
        var routeNames = config.RouteConfigurations.Select(r => r.Name).ToHashSet();
        var sharedFilters = BuildSharedFilters(config, filters, errors);
        var before = new Dictionary<string, Listener>();
        foreach (var listener in former?.Listeners ?? []) before.TryAdd(listener.Config.Name, listener);
        var listeners = new List<Listener>();
        var addresses = new Dictionary<string, ListenerConfig>();
        foreach (var listener in config.Listeners)
        {
            if (BuildListener(listener, clusters, filters.ClusterNames, routes, routeNames, sharedFilters, errors,
                before.GetValueOrDefault(listener.Name)) is not { } built) continue;
            // Whatever is asked of the sockets: an address is one listener's.
            if (built.Places.FirstOrDefault(p => !addresses.TryAdd(p.Text, listener)) is { } taken)
                errors.ErrorAt(listener.Node, "address", ConfigCode.Conflict,
                    $"listener '{addresses[taken.Text].Name}' already has the address {taken.Text}");
            else listeners.Add(built);
        }
        GC.KeepAlive(certificates);
        Faults.Pass(FaultPoint.Build);
        return errors.HasErrors ? new BuildResult(null, errors.Errors, errors.Warnings)
            : new BuildResult(
                new Snapshot(version, document, expanded, config, clusters, routes, listeners, _shared, _names, workers, host)
                { Expansion = silent ? new FormerExpansion(document, expanded) : null },
                [], errors.Warnings);
    }

    private static void ConnectZones(BootstrapConfig config, Dictionary<string, Cluster> clusters, ConfigErrors errors)
    {
        string name = config.ClusterManager.LocalClusterName;
        if (name.Length > 0 && !clusters.ContainsKey(name))
            errors.ErrorAt(config.ClusterManager.Node, "local_cluster_name", ConfigCode.UnknownReference,
                $"cluster '{name}' does not exist", Suggestions.Hint(name, clusters.Keys));
        foreach (var cluster in clusters.Values)
        {
            if (cluster.Config.CommonLbConfig.ZoneAwareLbConfig is not { } zones) continue;
            if (name.Length == 0)
                errors.Warning(zones.Node, ConfigCode.MissingField,
                    "without cluster_manager.local_cluster_name zones are not told apart, as in Envoy");
            else if (clusters.TryGetValue(name, out var proxies) && proxies != cluster)
                cluster.Zone = (config.Self?.Locality?.Name ?? "//", proxies);
        }
    }

    private static Dictionary<string, ConfigObject> BuildSharedFilters(BootstrapConfig config, FilterBuildContext context,
        ConfigErrors errors)
    {
        var built = new Dictionary<string, ConfigObject>();
        foreach (var item in config.ExtensionConfigs)
        {
            if (item.TypedConfig is not { } typed) continue;
            built.TryAdd(item.Name, typed);
            // One that no chain uses is still to be right.
            ExtensionCatalog.Http.Find(typed, item.Name, item.Node, errors)?.Build(typed, context);
        }
        return built;
    }

    private Listener? BuildListener(ListenerConfig config, Dictionary<string, Cluster> clusters, IReadOnlySet<string> clusterNames,
        Dictionary<string, RouteTable> routes,
        HashSet<string> routeNames, Dictionary<string, ConfigObject> sharedFilters, ConfigErrors errors, Listener? former)
    {
        // Without a usable address the chains are built all the same: their errors belong into the same answer.
        var places = Places(config, errors);
        var listener = new Listener
        {
            Config = config,
            Places = places.Count > 0 ? [.. places]
                : [new ListenPlace(SocketAddressBytes.From(new IPEndPoint(IPAddress.Any, 0)), "", null,
                    new SocketSettings(config, [], null))],
            Stats = new ListenerStats(_names, config.StatPrefix.Length > 0 ? config.StatPrefix
                : (config.Address?.ToString() ?? config.Name).Replace(':', '_')),
            Connections = _shared.GetOrAdd("connections|" + (places.FirstOrDefault()?.Text ?? config.Name),
                static () => new ConnectionCount()),
            Balance = config.ConnectionBalanceConfig?.ExactBalance is null ? null : _shared.GetOrAdd("balance|" + config.Name,
                () => new ExactBalance(_shared.Workers)),
        };
        if (config.FilterChains.Count == 0 && config.DefaultFilterChain is null && config.Address?.HasErrors != true)
            errors.ErrorAt(config.Node, "filter_chains", ConfigCode.MissingField, $"listener '{config.Name}' has no filter chain",
                "give it routes, tcp_proxy or filter_chains");
        Unique(config.FilterChains, c => c.Name, "filter chain", errors);
        FilterChain? Chain(FilterChainConfig chain) => BuildChain(chain, listener, new NetworkBuildContext
        {
            Errors = errors, Stats = _names, Shared = _shared, Listener = config, ChainName = chain.Name, Clusters = clusters,
            Routes = routes, RouteNames = routeNames, ClusterNames = clusterNames,
            SharedFilters = sharedFilters, AccessLogs = accessLogs, HttpFilters = ExtensionCatalog.Http,
            Former = former?.FindChain(chain.Name),
        });
        listener.Chains = [.. config.FilterChains.Select(Chain).OfType<FilterChain>()];
        listener.DefaultChain = config.DefaultFilterChain is { } fallback ? Chain(fallback) : null;
        listener.Matcher = new FilterChainMatcher(listener.Chains, listener.DefaultChain, ChainCriteria.Compile(config, errors));
        listener.Filters = BuildListenerFilters(config, listener, errors);
        listener.ChallengeFilters = ChallengeFilters(listener);
        listener.AccessLog = AccessLog.Build(config.AccessLog, errors, accessLogs);
        return places.Count == 1 + config.AdditionalAddresses.Count ? listener : null;
    }

    private static FilterChain? BuildChain(FilterChainConfig config, Listener listener, NetworkBuildContext context)
    {
        if (config.Filters.Count == 0)
        {
            context.Errors.ErrorAt(config.Node, "filters", ConfigCode.MissingField, $"filter chain '{config.Name}' has no filter");
            return null;
        }
        var filters = new List<NetworkFilterFactory>();
        TerminalFilter? terminal = null;
        bool valid = true;
        for (int i = 0; i < config.Filters.Count; i++)
        {
            var filter = config.Filters[i];
            bool last = i == config.Filters.Count - 1;
            if (ExtensionCatalog.FindNetworkFilter(filter.TypedConfig, filter.Name, filter.Node, context.Errors) is not { } definition)
            {
                valid = false;
                continue;
            }
            if (definition.IsTerminal != last)
            {
                context.Errors.Error(last ? filter.Node : config.Filters[i + 1].Node, ConfigCode.InvalidValue,
                    last ? $"'{filter.Name}' cannot be the last filter of a chain: nothing would run the connection"
                        : $"'{filter.Name}' ends the chain: no filter may follow it",
                            last ? "put http_connection_manager, tcp_proxy or another filter that ends a chain behind it" : null);
                valid = false;
            }
            else if (last) terminal = definition.Build(filter.TypedConfig, context);
            else if (definition.BuildFilter(filter.TypedConfig, context) is { } built) filters.Add(built);
            else valid = false;
        }
        var socket = TransportSocketBuilder.Build(config, listener, terminal, context.Former?.TransportSocket, context.Errors,
            context.Stats, context.Shared);
        return valid && terminal is not null
            ? new FilterChain { Name = config.Name, Listener = listener, Config = config, TransportSocket = socket, Filters = [.. filters],
                Terminal = terminal } : null;
    }

    // What chains ask of a ClientHello is looked for without being told to, as in Envoy; last, since others may have to take their header
    // away first.
    private ListenerFilterFactory[] BuildListenerFilters(ListenerConfig config, Listener listener, ConfigErrors errors)
    {
        var filters = new List<ListenerFilterFactory>();
        foreach (var filter in config.ListenerFilters)
            if (ExtensionCatalog.FindListenerFilter(filter.TypedConfig, filter.Name, filter.Node, errors)?.Build(filter.TypedConfig,
                new ListenerFilterContext(errors, _names, _shared, $"{config.Name}/{filter.Name}")) is { } built) filters.Add(built);
        bool asks = config.FilterChains.Any(c => ChainCriteria.AskForTls(c.FilterChainMatch))
            || listener.Chains.Append(listener.DefaultChain).Any(c => c?.TransportSocket is { AsksForServerName: true }
                || c?.Filters.Any(f => f.AsksForServerName) == true);
        if (asks && !filters.Exists(f => f is TlsInspectorFactory)) filters.Add(new TlsInspectorFactory(new TlsInspectorConfig(), _names));
        return [.. filters];
    }

    private static ListenerFilterFactory[]? ChallengeFilters(Listener listener)
    {
        var chains = listener.Chains.Append(listener.DefaultChain).OfType<FilterChain>().ToList();
        return !chains.Exists(c => c.TransportSocket is not null) ? null
            : listener.Filters.Any(f => f is TlsInspectorFactory) ? listener.Filters
            : [.. listener.Filters, new ChallengeInspectorFactory(listener.Matcher)];
    }

    // Those that can be bound.
    private static List<ListenPlace> Places(ListenerConfig config, ConfigErrors errors)
    {
        var places = new List<ListenPlace>();
        if (PlaceOf(config, config.Address, "", new SocketSettings(config, config.SocketOptions, config.TcpKeepalive), errors) is { } first)
            places.Add(first);
        for (int i = 0; i < config.AdditionalAddresses.Count; i++)
        {
            var more = config.AdditionalAddresses[i];
            var settings = new SocketSettings(config, more.SocketOptions?.SocketOptions ?? config.SocketOptions,
                more.TcpKeepalive ?? config.TcpKeepalive);
            if (PlaceOf(config, more.Address, $"#{i + 1}", settings, errors) is { } place) places.Add(place);
        }
        return places;
    }

    private static ListenPlace? PlaceOf(ListenerConfig config, AddressConfig? address, string number, SocketSettings settings,
        ConfigErrors errors)
    {
        if (address is null) return null;
        if (address.Pipe is { Path.Length: > 0 } pipe)
            return new ListenPlace(SocketAddressBytes.FromPath(pipe.Path), "unix://" + pipe.Path, pipe, settings);
        if (address.SocketAddress is not { } socket || socket.HasErrors) return null;
        if (!IPAddress.TryParse(socket.Address, out var ip))
        {
            errors.ErrorAt(socket.Node, "address", ConfigCode.InvalidValue,
                $"'{socket.Address}' is not an IP address: a listener binds to a literal address",
                    "0.0.0.0 is every IPv4 address, :: every IPv6 address");
            return null;
        }
        var endPoint = new IPEndPoint(ip, socket.PortValue);
        return new ListenPlace(SocketAddressBytes.From(endPoint),
            socket.PortValue == 0 ? $"{endPoint}#{config.Name}{number}" : endPoint.ToString(), null, settings);
    }

    private static void Unique<T>(IReadOnlyList<T> items, Func<T, string> name, string kind, ConfigErrors errors) where T : ConfigRecord
    {
        var seen = new HashSet<string>();
        foreach (var item in items)
            if (name(item).Length > 0 && !seen.Add(name(item)))
                errors.ErrorAt(item.Node, "name", ConfigCode.DuplicateName, $"there is already a {kind} '{name(item)}'");
    }
}
