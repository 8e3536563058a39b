using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>How a request came to its endpoint where zones are told apart; for counters.</summary>
internal enum ZoneRoute : byte
{
    None,
    /// <summary>All of the requests stay in this proxy's zone.</summary>
    Direct,
    /// <summary>It stays, and others do not.</summary>
    Stays,
    /// <summary>It leaves, since there are too few endpoints here.</summary>
    Leaves,
}

/// <summary>
/// Keeps requests in this proxy's own zone as far as the endpoints there can carry them (Envoy: zone aware routing). How many proxies each
/// zone has says the endpoints of the local cluster: a zone that has more of the endpoints than of the proxies gets all of its own
/// requests, another one (one without endpoints too) gives what is over to zones that have room, or to any when none has. Proxies in one
/// zone alone tell nothing. The conditions and shares are those of Envoy's ZoneAwareLoadBalancerBase. Immutable.
/// </summary>
/// <param name="Own">This proxy's zone, <c>region/zone/sub_zone</c>.</param>
/// <param name="Proxies">The local cluster as it is now.</param>
internal sealed record ZoneRouting(ZoneAwareLbConfig Config, string Own, EndpointSet Proxies)
{
    public bool FailsInPanic => Config.FailTrafficOnPanic;

    /// <summary>Null: zones are not told apart.</summary>
    public EndpointGroup? GroupOf(IReadOnlyList<EndpointMember> eligible, LoadBalancer? balancer)
    {
        if (eligible.Count < Config.MinClusterSize || Config.RoutingEnabled.Value <= 0 || Proxies.IsPanic) return null;
        var zones = eligible.GroupBy(m => m.Locality?.Name ?? "").ToDictionary(z => z.Key, z => z.ToList());
        if (zones.Count < 2) return null;
        var shares = Proxies.HealthyByLocality();
        double proxies = shares.Values.Sum();
        if (shares.Count(s => s.Value > 0) < 2 || shares.GetValueOrDefault(Own) == 0) return null;
        double Endpoints(string zone) => zones.TryGetValue(zone, out var there) ? (double)there.Count / eligible.Count : 0;
        double ProxiesOf(string zone) => shares.GetValueOrDefault(zone) / proxies;
        var (own, needed) = (Endpoints(Own), ProxiesOf(Own));
        EndpointGroup routed;
        if (own >= needed) routed = new EndpointGroup(zones[Own], balancer) { Zone = ZoneRoute.Direct };
        else
        {
            double left = zones.Keys.Where(z => z != Own).Sum(z => Math.Max(0, Endpoints(z) - ProxiesOf(z)));
            var parts = new List<(EndpointGroup, double)>();
            foreach (var (zone, members) in zones)
            {
                double room = (zone == Own ? own / needed : 0) + (left == 0 ? (1 - own / needed) / zones.Count
                    : zone == Own ? 0 : (1 - own / needed) * Math.Max(0, Endpoints(zone) - ProxiesOf(zone)) / left);
                if (room > 0)
                    parts.Add((new EndpointGroup(members, balancer) { Zone = zone == Own ? ZoneRoute.Stays : ZoneRoute.Leaves }, room));
            }
            routed = new EndpointGroup(eligible, parts);
        }
        double enabled = Math.Min(100, Config.RoutingEnabled.Value);
        return enabled == 100 ? routed
            : new EndpointGroup(eligible, [(routed, enabled), (new EndpointGroup(eligible, balancer), 100 - enabled)]);
    }
}
