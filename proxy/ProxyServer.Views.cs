using System.Net;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.OnDemand;

namespace Managed.Proxy;

/// <summary>What an operator sees and may do at run time.</summary>
public sealed partial class ProxyServer
{
    public IReadOnlyList<WorkerStatus> Workers()
    {
        long version = Current?.Version ?? 0;
        return [.. _workers.Select(w => new WorkerStatus(w.Id, version, version, w.Connections.Count, w.Requests,
            _threadIds.TryGetValue(w.Id, out int thread) ? ThreadInfo.CpuSeconds(thread) : 0,
                Interlocked.Exchange(ref w.Loop.LongestTurnMicros, 0) / 1000.0))];
    }

    /// <summary>The machines of guest code that versions in use have, by name and worker.</summary>
    public IReadOnlyList<GuestVmStatus> GuestVms()
    {
        var found = new List<GuestVmStatus>();
        foreach (var resource in _shared.Leased()) resource.Describe(_workers, found);
        return [.. found.OrderBy(v => v.Kind).ThenBy(v => v.Name, StringComparer.Ordinal).ThenBy(v => v.Digest, StringComparer.Ordinal)
            .ThenBy(v => v.Worker)];
    }

    /// <summary>
    /// What each HTTP filter of a chain has taken so far, in the order of the chain; null when there is no such chain, or it speaks no
    /// HTTP.
    /// </summary>
    public IReadOnlyList<FilterTimes>? FilterTimesOf(string listener, string chain)
    {
        if (Current?.Listeners.FirstOrDefault(l => l.Name == listener)?.FindChain(chain)?.Terminal is not HttpConnectionManagerFilter http)
            return null;
        HistogramSnapshot[] Read(Histogram histogram) => [.. _workers.Select(w =>
        {
            var snapshot = new HistogramSnapshot();
            if (histogram.Index != 0) w.Stats.ReadHistogram(histogram.Index, snapshot);
            return snapshot;
        })];
        return [.. http.Manager.Filters.Select(f => new FilterTimes(f.Name, f.Disabled, Read(f.RequestTime), Read(f.ResponseTime),
            Stats.ValueAt(f.Errors.Index)))];
    }

    /// <summary>
    /// What each route of the active version has answered: of its route configurations, and of those that stand in a listener.
    /// </summary>
    public IEnumerable<RouteCounts> RouteCounts()
    {
        if (Current is not { } current) return [];
        var inline = current.Listeners.SelectMany(l => l.Chains).Select(c => c.Terminal).OfType<HttpConnectionManagerFilter>()
            .SelectMany(f => f.Manager.Routes is { } one ? [one] : f.Manager.Scopes?.Tables ?? []);
        return current.Routes.Values.Concat(inline).Distinct().SelectMany(t => t.Counts);
    }

    public IReadOnlyList<GenerationStatus> Generations()
    {
        lock (_generations)
        {
            return [.. _generations.Select(g => new GenerationStatus(g.Version, ReferenceEquals(g, Current), g.Connections, g.Streams))];
        }
    }

    public IReadOnlyList<ListenerStatus> Listeners()
    {
        if (Current is not { } current) return [];
        return [.. current.Listeners.Select(l =>
            new ListenerStatus(l.Name, l.Config.Address!.ToString(), l.BoundAddress?.ToString() ?? l.Places[0].Text,
                _draining ? "draining" : "active",
            Stats.Value($"listener.{l.Stats.Prefix}.downstream_cx_active"), Stats.Value($"listener.{l.Stats.Prefix}.downstream_cx_total"),
                [.. l.Chains.Select(c => c.Name)])
            {
                AdditionalAddresses = [.. l.Places.Skip(1).Select(p => p.Bound?.ToString() ?? p.Text)],
            })];
    }

    public IReadOnlyList<ClusterStatus> Clusters()
    {
        if (Current is not { } current) return [];
        return [.. current.Clusters.Values.Select(c =>
            new ClusterStatus(c.Name, EnumText(c.Config.Type.ToString()), EnumText(c.Config.LbPolicy.ToString()),
            c.Limits.MaxConnections, c.Limits.MaxPending, c.Limits.MaxRequests, c.Limits.MaxRetries,
                [.. c.Endpoints.Members.Select(Status)])
            {
                Rates = c.State.SuccessRates is { } r ? new(r.Average, r.Threshold, r.LocalAverage, r.LocalThreshold) : null,
            })];
    }

    /// <summary>
    /// Connections of the listener finish what they do and close; it goes on accepting. False when there is none of this name.
    /// </summary>
    public bool DrainListener(string name)
    {
        var listener = Current?.Listeners.FirstOrDefault(l => l.Name == name);
        if (listener is null) return false;
        foreach (var worker in _workers)
            worker.Post(static s =>
            {
                var (w, l) = ((Worker, Listener))s!;
                w.Connections.DrainWhere(l.AddressKey, l.Config.DrainTimeout);
            }, (worker, listener));
        _reports.Raise("listener.draining", ("name", name));
        return true;
    }

    /// <summary>Drains the listeners of a kind, see <see cref="DrainListener"/>.</summary>
    /// <param name="inboundOnly">Those whose traffic_direction is INBOUND.</param>
    /// <param name="unhealthy">The process is said to be unhealthy: but for those that drain with their own changes only.</param>
    public void DrainListeners(bool inboundOnly = false, bool unhealthy = false)
    {
        foreach (var listener in Current?.Listeners ?? [])
            if ((!inboundOnly || listener.Config.TrafficDirection == Configuration.Model.TrafficDirection.Inbound)
                && (!unhealthy || listener.Config.DrainType == Configuration.Model.ListenerDrainType.Default)) DrainListener(listener.Name);
    }

    /// <summary>
    /// Overrides until the process ends or the endpoint goes; null leaves as it is, weight 0 takes back. False when there is no such
    /// endpoint.
    /// </summary>
    public bool SetEndpointOverride(string cluster, string endpoint, int? weight, bool? drain)
    {
        if (Current is not { } current || !current.Clusters.TryGetValue(cluster, out var found)
            || !found.Members.Override(endpoint, weight, drain)) return false;
        _reports.Raise("endpoint.health_changed", ("cluster", cluster), ("endpoint", endpoint), ("weight", weight), ("drain", drain));
        return true;
    }

    /// <summary>Null when there is no such listener.</summary>
    public MatchResult? Match(MatchQuery query)
    {
        var listener = Current?.Listeners.FirstOrDefault(l => l.Name == query.Listener);
        if (listener is null) return null;
        var steps = new List<MatchStep>();
        var source = query.SourceIp is { } ip ? new IPEndPoint(ip, 0) : null;
        var local = listener.BoundAddress is { } bound
            && query.DestinationPort is { } port ? new IPEndPoint(bound.Address, port) : listener.BoundAddress;
        string serverName = (query.ServerName ?? "").ToLowerInvariant();
        var facts = new ConnectionFacts
        {
            Local = local, Source = source, DirectSource = source, ServerName = serverName,
            TransportProtocol = serverName.Length > 0 ? ConnectionFacts.Tls : ConnectionFacts.RawBuffer,
        };
        var chain = listener.Matcher.Explain(facts, steps);
        if (chain?.Terminal is not HttpConnectionManagerFilter { Manager: var manager })
            return new MatchResult(chain?.Name, null, null, null, null, null, steps);
        var headers = new HeaderMap();
        headers.Add(":method", query.Method);
        headers.Add(":authority", query.Authority);
        headers.Add(":path", query.Path);
        headers.Add(":scheme", "http");
        foreach (var (name, value) in query.Headers) headers.Add(name, value);
        var info = new StreamInfo { RequestHeaders = headers, RemoteAddress = source, DirectRemoteAddress = source, LocalAddress = local,
            RequestedServerName = query.ServerName };
        var table = manager.RoutesOf(headers);
        if (table is null) steps.Add(new MatchStep("virtual_host", "", false, "the request is in no scope of scoped_routes"));
        var route = table?.Explain(headers, info, 0, steps);
        string? cluster = route?.ClusterName ?? (route?.ResolveCluster(headers)?.Name);
        return new MatchResult(chain.Name, table?.Name, route?.VirtualHostName, route?.Name,
            route is null ? null : EnumText(route.Kind.ToString()).ToLowerInvariant(), cluster, steps);
    }

    /// <summary>What publishing a built version would do to the running one.</summary>
    public PublicationImpact Impact(Snapshot next)
    {
        var now = Current;
        var before = now?.Listeners.ToDictionary(l => l.Name) ?? [];
        var after = next.Listeners.ToDictionary(l => l.Name);
        var rebound = after.Values.Where(l => before.TryGetValue(l.Name, out var b) && b.AddressKey != l.AddressKey).Select(l => l.Name)
            .ToList();
        var changed = after.Values.Where(l => before.TryGetValue(l.Name, out var b) && b.AddressKey == l.AddressKey
            && !Same(b.Config.Node, l.Config.Node)).ToList();
        var replaced = changed.SelectMany(l => l.Chains.Where(c => before[l.Name].FindChain(c.Name) is { } old
            && !Same(old.Config.Node, c.Config.Node)).Select(c => $"{l.Name}/{c.Name}")).ToList();
        var removedChains = changed.SelectMany(l => before[l.Name].Chains.Where(c => l.FindChain(c.Name) is null)
            .Select(c => $"{l.Name}/{c.Name}")).ToList();
        var drained = before.Values.Where(b => next.FindListener(b.AddressKey) is null)
            .Sum(b => Stats.Value($"listener.{b.Stats.Prefix}.downstream_cx_active"));
        var clustersBefore = now?.Clusters ?? new Dictionary<string, Cluster>();
        return new PublicationImpact(
            [.. after.Keys.Except(before.Keys)], [.. before.Keys.Except(after.Keys)], rebound, [.. changed.Select(l => l.Name)], replaced,
            removedChains, drained,
            [.. next.Clusters.Keys.Except(clustersBefore.Keys)], [.. clustersBefore.Keys.Except(next.Clusters.Keys)],
            [.. next.Clusters.Values.Where(c => clustersBefore.TryGetValue(c.Name, out var b) && !Same(b.Config.Node, c.Config.Node))
                .Select(c => c.Name)],
            [.. next.Resources.Except(now?.Resources ?? []).Select(r => r.Title).OfType<string>().Distinct()
                .Order(StringComparer.Ordinal)]);
    }

    private static bool Same(ConfigNode? a, ConfigNode? b) => a is null ? b is null : a.SameAs(b);

    private static EndpointStatus Status(EndpointMember member)
    {
        var e = member.Endpoint;
        var place = (member.Locality?.Name ?? "").Split('/', 3);
        return new(e.Text, e.HostName, HealthOf(e), e.EffectiveWeight,
        Volatile.Read(ref e.ActiveConnections), Volatile.Read(ref e.TotalConnections), Volatile.Read(ref e.ConnectFailures),
        Volatile.Read(ref e.ActiveRequests),
        Volatile.Read(ref e.TotalRequests), Volatile.Read(ref e.SuccessRequests), Volatile.Read(ref e.ErrorRequests),
            Volatile.Read(ref e.TimeoutRequests), FlagsOf(e), e.Reason, e.IsCanary,
            e.WeightOverride > 0 ? e.WeightOverride : null, e.DrainOverride)
        {
            Priority = member.Priority, Region = place[0], Zone = place.ElementAtOrDefault(1) ?? "",
            SubZone = place.ElementAtOrDefault(2) ?? "", SuccessRate = e.Outliers?.SuccessRate ?? -1,
            LocalOriginSuccessRate = e.Outliers?.LocalOriginSuccessRate ?? -1,
        };
    }

    private static string HealthOf(Endpoint e)
    {
        var flags = e.Flags;
        if (e.DrainOverride) return "DRAINING";
        if ((flags & (HealthFlags.FailedActiveHealthCheck | HealthFlags.FailedOutlierCheck)) != 0) return "UNHEALTHY";
        return e.ConfiguredHealth is EndpointHealthStatus.Unknown or EndpointHealthStatus.Healthy
            && (flags & HealthFlags.DegradedActiveHealthCheck) != 0 ? "DEGRADED" : EnumText(e.ConfiguredHealth.ToString());
    }

    // In Envoy's words and order.
    private static List<string> FlagsOf(Endpoint e)
    {
        var (flags, all) = (e.Flags, new List<string>());
        if ((flags & HealthFlags.FailedActiveHealthCheck) != 0) all.Add("failed_active_hc");
        if ((flags & HealthFlags.FailedOutlierCheck) != 0) all.Add("failed_outlier_check");
        if (e.ConfiguredHealth is EndpointHealthStatus.Unhealthy or EndpointHealthStatus.Timeout) all.Add("failed_eds_health");
        if ((flags & HealthFlags.DegradedActiveHealthCheck) != 0) all.Add("degraded_active_hc");
        if (e.ConfiguredHealth == EndpointHealthStatus.Degraded) all.Add("degraded_eds_health");
        if ((flags & HealthFlags.PendingActiveHealthCheck) != 0) all.Add("pending_active_hc");
        if ((flags & HealthFlags.ExcludedByItself) != 0) all.Add("excluded_via_immediate_hc_fail");
        if ((flags & HealthFlags.ActiveHealthCheckTimeout) != 0) all.Add("active_hc_timeout");
        if (e.DrainOverride || e.ConfiguredHealth == EndpointHealthStatus.Draining) all.Add("eds_status_draining");
        return all;
    }

    private IEnumerable<(string, double)> Memberships()
    {
        foreach (var (name, value) in Current?.Clusters.Values.Select(c => c.OnDemand?.Dns).OfType<DnsCache>().Distinct()
            .SelectMany(d => d.Statistics()) ?? []) yield return (name, value);
        foreach (var cluster in Current?.Clusters.Values ?? [])
        {
            var set = cluster.Endpoints;
            yield return ($"cluster.{cluster.Name}.membership_total", set.All.Length);
            yield return ($"cluster.{cluster.Name}.membership_healthy", set.Healthy.Length);
            yield return ($"cluster.{cluster.Name}.membership_degraded", set.DegradedCount);
            foreach (var breaker in BreakersOf(cluster)) yield return breaker;
            if (set.Subsets is not { } subsets) continue;
            yield return ($"cluster.{cluster.Name}.lb_subsets_active", subsets.Count);
            yield return ($"cluster.{cluster.Name}.lb_subsets_single_host_per_subset_duplicate", subsets.Duplicates);
        }
    }

    // Envoy: whether each limit is reached, and with track_remaining how much is left of it.
    private static IEnumerable<(string, double)> BreakersOf(Cluster cluster)
    {
        string prefix = $"cluster.{cluster.Name}.circuit_breakers.default.";
        var (state, limits) = (cluster.State, cluster.Limits);
        long retries = limits.RetryShare < 0 ? limits.MaxRetries
            : Math.Max(limits.MaxRetries, (long)(limits.RetryShare * Volatile.Read(ref state.Requests)));
        foreach (var (open, left, used, most) in ((string, string, long, long)[])[
            ("cx_open", "remaining_cx", Volatile.Read(ref state.Connections), limits.MaxConnections),
            ("rq_pending_open", "remaining_pending", Volatile.Read(ref state.Pending), limits.MaxPending),
            ("rq_open", "remaining_rq", Volatile.Read(ref state.Requests), limits.MaxRequests),
            ("rq_retry_open", "remaining_retries", Volatile.Read(ref state.Retries), retries)])
        {
            yield return (prefix + open, used >= most ? 1 : 0);
            if (limits.TracksRemaining) yield return (prefix + left, Math.Max(0, most - used));
        }
    }

    private static string EnumText(string pascal)
    {
        var text = new StringBuilder();
        foreach (char c in pascal)
        {
            if (char.IsUpper(c) && text.Length > 0) text.Append('_');
            text.Append(char.ToUpperInvariant(c));
        }
        return text.ToString();
    }
}
