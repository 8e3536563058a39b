using System.Net;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.OnDemand;

namespace Managed.Proxy.Upstream;

/// <summary>
/// The endpoints of a live cluster, over its versions: what the version in service names, and what DNS answers for it. An endpoint that
/// stays keeps its connections and counters. Control threads and the resolver's.
/// <para>A version comes in three steps: <see cref="Prepare"/> before it is in service, for its own requests alone; <see cref="Follow"/>
/// once it is; <see cref="Settle"/> when nobody goes back any more, and only then an endpoint that it does not have is retired.</para>
/// </summary>
internal sealed class ClusterMembers(ClusterState state)
{
    private const int MostNames = 10_000;

    private readonly Dictionary<string, IPAddress[]> _resolved = new(StringComparer.OrdinalIgnoreCase);
    private readonly Lock _lock = new();
    private readonly Dictionary<EndpointKey, Endpoint> _known = [];
    private volatile Cluster? _active, _prepared;
    private Action<Endpoint>? _retire, _renew;
    private Action<Endpoint, bool>? _drain;
    private HashSet<Endpoint> _inService = [];
    private Action<ClusterMembers, Cluster?, IReadOnlyList<EndpointMember>>? _watch;

    public ClusterState State => state;

    /// <summary>What DNS is asked for; empty when every address is literal.</summary>
    public IReadOnlyList<EndpointTarget> Targets => _active?.Targets ?? [];
    /// <summary>How often they are to be asked for again, or <see cref="Tick"/> to be called.</summary>
    public TimeSpan DnsRefresh => _active switch
    {
        null => TimeSpan.FromSeconds(5),
        { OnDemand: not null } or { Zone: not null } => TimeSpan.FromSeconds(1),
        var active => active.Config.DnsRefreshRate,
    };
    /// <summary>Those for whatever is asked for, of the version in service; null: it has none.</summary>
    public OnDemandEndpoints? OnDemand => _active?.OnDemand?.Endpoints;

    /// <summary>
    /// Where endpoints are made for whatever is asked for: lets go of those that nobody asks for any more. On the resolver's clock.
    /// </summary>
    public void Tick()
    {
        if (_active is { Zone: { } zone } own && !ReferenceEquals(zone.Proxies.Endpoints, own.ProxiesSeen)) OnHealthChanged();
        if (_active is not { OnDemand: { } plan } active) return;
        long now = WorkerContext.ClockMicros;
        plan.Dns?.Tick(now);
        if (!plan.Endpoints.Sweep(now - plan.UnusedMicros)) return;
        lock (_lock)
            if (ReferenceEquals(active, _active)) Rebuild();
    }

    /// <summary>How pools of an endpoint that is gone are told, on their workers.</summary>
    /// <param name="retire">Of an endpoint that is gone.</param>
    /// <param name="renew">Of one that stays, and is to be connected to anew.</param>
    /// <param name="drain">Of one that is not well: its connections are to carry nothing new; true: those of tcp_proxy end.</param>
    public void OnRetire(Action<Endpoint> retire, Action<Endpoint> renew, Action<Endpoint, bool> drain)
        => (_retire, _renew, _drain) = (retire, renew, drain);

    /// <summary>It was well, or nobody knew. Its connections go as in Envoy: another way to it may be better.</summary>
    public void OnUnwell(Endpoint endpoint) => _drain?.Invoke(endpoint, _active?.Config.CloseConnectionsOnHostHealthFailure == true);

    /// <summary>Who is told, in no particular thread, of the endpoints of the version in service; null: there is none any more.</summary>
    public void OnMembers(Action<ClusterMembers, Cluster?, IReadOnlyList<EndpointMember>> watch) => _watch = watch;

    /// <summary>Some of the endpoints are well, or not, that were not, or were.</summary>
    public void OnHealthChanged()
    {
        lock (_lock)
        {
            if (_active is { } active) active.Endpoints = SetOf(active, MembersOf(active));
            if (_prepared is { } prepared) prepared.Endpoints = SetOf(prepared, MembersOf(prepared));
        }
    }

    private static EndpointSet SetOf(Cluster cluster, IReadOnlyList<EndpointMember> members)
    {
        var common = cluster.Config.CommonLbConfig;
        bool byLocality = common.LocalityWeightedLbConfig is not null;
        var proxies = cluster.Zone?.Proxies.Endpoints;
        cluster.ProxiesSeen = proxies;
        var zones = proxies is null ? null : new ZoneRouting(common.ZoneAwareLbConfig!, cluster.Zone!.Value.Own, proxies);
        var all = Make(members, byLocality);
        return cluster.Division is not { } division ? all : new EndpointSet(all)
        {
            Choosable = common.OverrideHostStatus?.Statuses, Subsets = new SubsetTable(division, cluster.State, members, all,
                some => Make(some, byLocality && division.LocalityWeightAware)),
        };

        EndpointSet Make(IReadOnlyList<EndpointMember> some, bool weighsLocalities) => new(some, common.HealthyPanicThreshold.Value,
            common.IgnoreNewHostsUntilFirstHc, cluster.LoadBalancer,
            cluster.Config.LoadAssignment?.Policy.OverprovisioningFactor ?? 140, weighsLocalities, zones)
            { Choosable = common.OverrideHostStatus?.Statuses };
    }

    /// <summary>Gives a version that is to come its endpoints. Of what is in service nothing changes.</summary>
    public void Prepare(Cluster cluster)
    {
        lock (_lock)
        {
            if (ReferenceEquals(cluster, _active)) return;
            cluster.Endpoints = SetOf(cluster, MembersOf(cluster));
            _prepared = cluster;
        }
    }

    /// <summary>The version is in service: its limits, its endpoints, its names.</summary>
    public void Follow(Cluster cluster)
    {
        lock (_lock)
        {
            var former = _active?.OnDemand?.Endpoints;
            _active = cluster;
            _prepared = null;
            if (cluster.OnDemand?.Endpoints is { } asked) asked.Retire = _retire;
            if (former is not null && former != cluster.OnDemand?.Endpoints) former.Sweep(long.MaxValue);
            Rebuild();
        }
        state.Limits = cluster.Limits;
    }

    /// <summary>There is no way back, and nothing to come: endpoints that the version in service does not have are retired.</summary>
    public void Settle()
    {
        lock (_lock)
        {
            _prepared = null;
            RetireOthers();
        }
    }

    /// <summary>An answer of DNS for a name: all its addresses. The last good answer stays when there is none.</summary>
    public void Resolved(string name, IPAddress[] addresses)
    {
        lock (_lock)
        {
            addresses = [.. Addresses.Of(addresses, DnsLookupFamily.All)];
            if (_resolved.TryGetValue(name, out var before))
            {
                if (before.AsSpan().SequenceEqual(addresses)) return;
                var family = _active?.Config.DnsLookupFamily ?? DnsLookupFamily.All;
                if (Addresses.Of(addresses, family).Count == 0 && Addresses.Of(before, family).Count > 0) return;
            }
            // Names of versions long gone; who still needs one asks again.
            if (_resolved.Count >= MostNames) _resolved.Clear();
            _resolved[name] = addresses;
            if (_prepared is { } prepared) prepared.Endpoints = SetOf(prepared, MembersOf(prepared));
            Rebuild();
            RetireOthers();
        }
    }

    /// <summary>
    /// Weight (0: the configured one again) or drain by an operator, until the process ends or the endpoint goes. False: no such endpoint.
    /// </summary>
    public bool Override(string address, int? weight, bool? drain)
    {
        lock (_lock)
        {
            bool found = false;
            foreach (var endpoint in _known.Values.Concat(_active?.OnDemand?.Endpoints.All ?? []))
            {
                if (endpoint.Text != address) continue;
                found = true;
                if (weight is { } w) endpoint.WeightOverride = w > 0 ? w : -1;
                if (drain is { } d) endpoint.DrainOverride = d;
            }
            if (found) Rebuild();
            return found;
        }
    }

    public void RetireAll()
    {
        lock (_lock)
        {
            _active?.OnDemand?.Endpoints.Sweep(long.MaxValue);
            _active = _prepared = null;
            RetireOthers();
            _watch?.Invoke(this, null, []);
        }
    }

    private void Rebuild()
    {
        if (_active is not { } cluster) return;
        var members = MembersOf(cluster);
        foreach (var member in members)
            (member.Endpoint.Weight, member.Endpoint.ConfiguredHealth, member.Endpoint.LbMetadata)
                = (member.Weight, member.Health, member.LbMetadata);
        cluster.Endpoints = SetOf(cluster, members);
        if (cluster.Config.CommonLbConfig.CloseConnectionsOnHostSetChange) RenewOthers(members);
        else _inService.Clear();
        _watch?.Invoke(this, cluster, members);
    }

    private void RenewOthers(List<EndpointMember> members)
    {
        HashSet<Endpoint> now = [.. members.Select(m => m.Endpoint)];
        if (_inService.Count > 0 && !now.SetEquals(_inService))
            foreach (var endpoint in now)
                if (_inService.Contains(endpoint)) _renew?.Invoke(endpoint);
        _inService = now;
    }

    private List<EndpointMember> MembersOf(Cluster cluster)
    {
        var members = new List<EndpointMember>(cluster.Targets.Count);
        foreach (var asked in cluster.OnDemand?.Endpoints.All ?? [])
            members.Add(new EndpointMember(asked, 1, EndpointHealthStatus.Unknown));
        if (cluster.OnDemand is not null) return members;
        var taken = new HashSet<EndpointKey>(cluster.Targets.Count);
        foreach (var target in cluster.Targets)
        {
            if (target.Address is { } literal) Take(literal, target.Text, target);
            else if (_resolved.TryGetValue(target.HostName, out var addresses))
                foreach (var endPoint in Chosen(Addresses.Of(addresses, cluster.Config.DnsLookupFamily), target))
                    Take(SocketAddressBytes.From(endPoint), endPoint.ToString(), target);
        }
        return members;

        // LOGICAL_DNS: the one in use as long as it is answered, so that connections stay; else any, since all processes that ask would
        // choose the same first one.
        IEnumerable<IPEndPoint> Chosen(IReadOnlyList<IPAddress> answer, EndpointTarget target)
        {
            var all = answer.Select(ip => new IPEndPoint(ip, target.Port));
            return cluster.Config.Type != ClusterType.LogicalDns || answer.Count == 0 ? all
                : [all.FirstOrDefault(e => _known.ContainsKey(KeyOf(e.ToString(), target.HostName, cluster)))
                    ?? all.ElementAt(Random.Shared.Next(answer.Count))];
        }

        void Take(SocketAddressBytes address, string text, EndpointTarget target)
        {
            var key = KeyOf(text, target.HostName, cluster);
            if (!taken.Add(key)) return; // the same address twice
            var member = new EndpointMember(null!, target.Weight, target.Health) { LbMetadata = target.LbMetadata, Check = target.Check,
                Priority = target.Priority, Locality = target.Locality };
            if (!_known.TryGetValue(key, out var endpoint))
            {
                _known[key] = endpoint = new Endpoint(address, text, target.HostName, target.RewriteHost, state.Workers)
                    { SinceMicros = WorkerContext.ClockMicros };
                if (cluster.Health?.Checks is not null && !member.IsUnchecked) endpoint.Set(HealthFlags.PendingActiveHealthCheck);
            }
            members.Add(member with { Endpoint = endpoint });
        }
    }

    private void RetireOthers()
    {
        var kept = new HashSet<Endpoint>([.. _active?.Endpoints.All ?? [], .. _prepared?.Endpoints.All ?? []]);
        foreach (var (key, endpoint) in _known)
        {
            if (kept.Contains(endpoint)) continue;
            _known.Remove(key);
            _retire?.Invoke(endpoint);
        }
    }

    private static EndpointKey KeyOf(string text, string hostName, Cluster cluster)
        => new(text, hostName, cluster.Socket?.Key, cluster.Http.Key);

    // An endpoint that is reached in another way is another one. The parts as they are: of 10,000 endpoints each version would join
    // 20,000 strings.
    private readonly record struct EndpointKey(string Text, string HostName, string? Socket, string Http)
    {
        public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);
    }
}
