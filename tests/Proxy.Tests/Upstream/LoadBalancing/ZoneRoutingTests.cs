using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.LoadBalancing;

/// <summary>Which zones the requests of a proxy in zone a get, by the endpoints and the proxies of each (worked out by hand).</summary>
public sealed class ZoneRoutingTests
{
    private const int Picks = 20_000;
    private readonly IdleWorker _idle = new();

    [Theory]
    [InlineData("aaa bbb", "a b", 6u, 100, "100 0")] // as many endpoints as proxies
    [InlineData("aaaa bb", "a b", 6u, 100, "100 0")]
    [InlineData("aa bbbb", "a b", 6u, 100, "67 33")] // a third of the endpoints for half of the requests
    [InlineData("a bbbb ccccc", "a b c", 6u, 100, "30 21 49")] // 1/10 of 1/3; room 0.067 and 0.167 of 0.233
    [InlineData("aaaaa", "a b", 3u, 100, "100")] // one zone: nothing to tell apart
    [InlineData("aa bbb", "a b", 6u, 100, "40 60")] // too few
    [InlineData("bbb ccc", "a b", 6u, 100, "0 100")] // none here: what is over goes where no proxy is
    [InlineData("bbb ccc", "a b c", 6u, 100, "50 50")] // and evenly where both have as much room
    [InlineData("aaa bbb", "a a", 6u, 100, "50 50")] // proxies of one zone alone
    [InlineData("aaa bbb", "b b", 6u, 100, "50 50")] // no proxy here
    [InlineData("aaa bbb", "a b", 6u, 50, "75 25")] // half of the requests
    [InlineData("aaa bbb", "a b", 6u, 0, "50 50")]
    [InlineData("aaa bbb", "x x x a", 6u, 100, "50 50")] // in panic, nothing of the proxies is believed
    public void Requests_StayAsFarAsTheEndpointsHereCanCarryThem(string endpoints, string proxies, uint least, double enabled,
        string shares)
    {
        var (members, others) = (Of(endpoints), Of(proxies));
        var config = new ZoneAwareLbConfig { MinClusterSize = least, RoutingEnabled = new() { Value = enabled } };
        var set = new EndpointSet(members, zones: new ZoneRouting(config, "a", new EndpointSet(others)));
        var balancer = new LoadBalancer(LbPolicy.RoundRobin, 2);
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var places = members.ToDictionary(m => m.Endpoint, m => m.Locality!.Name);
        foreach (string place in places.Values) counts[place] = 0;
        for (int i = 0; i < Picks; i++) counts[places[balancer.Pick(set, _idle.Worker)!]]++;
        double[] wanted = [.. shares.Split(' ').Select(s => double.Parse(s, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(wanted.Length, counts.Count);
        // Chance is off by 0.35 in one of three runs: 2.5 is seven times that.
        foreach (var (count, share) in counts.Values.Zip(wanted)) Assert.InRange(count * 100.0 / Picks, share - 2.5, share + 2.5);
    }

    [Fact]
    public void Panic_MayFailTheRequests()
    {
        var members = Of("aax bxx");
        var zones = new ZoneRouting(new ZoneAwareLbConfig { FailTrafficOnPanic = true, MinClusterSize = 1 }, "a",
            new EndpointSet(Of("a b")));
        foreach (var member in members.Where((_, i) => i is 1 or 2 or 4 or 5)) member.Endpoint.Set(HealthFlags.FailedActiveHealthCheck);
        Assert.Null(new LoadBalancer(LbPolicy.Random, 2).Pick(new EndpointSet(members, zones: zones), _idle.Worker));
        Assert.NotNull(new LoadBalancer(LbPolicy.Random, 2).Pick(new EndpointSet(members), _idle.Worker));
    }

    [Fact]
    public async Task Proxy_KnowsItsZoneByTheDocument_AndFollowsItsFellows()
    {
        await using var here = RecordingUpstream.Start("here");
        await using var there = RecordingUpstream.Start("there");
        string Document(string zonesOfProxies) => $$"""
            node: {locality: {region: r, zone: a} }
            cluster_manager: {local_cluster_name: proxies}
            listeners: [{name: edge, address: "127.0.0.1:0", routes: [{match: {prefix: /}, route: {cluster: web} }]}]
            clusters:
            - name: web
              common_lb_config: {zone_aware_lb_config: {min_cluster_size: 2} }
              load_assignment:
                endpoints:
                - locality: {region: r, zone: a}
                  lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: {{here.Port}}} } } }]
                - locality: {region: r, zone: b}
                  lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: {{there.Port}}} } } }]
            - name: proxies
              load_assignment:
                endpoints:
            {{string.Join('\n', zonesOfProxies.Select((z, i) => $"    - {{locality: {{region: r, zone: {z}}}, lb_endpoints: [{{endpoint: "
                + $"{{address: {{socket_address: {{address: 10.0.0.{i + 1}, port_value: 80}} }} }} }}]}}"))}}
            """;
        await using var proxy = await ProxyFixture.StartAsync(Document("ab"));
        for (int i = 0; i < 20; i++) Assert.StartsWith("here", (await proxy.GetAsync()).Text, StringComparison.Ordinal);
        Assert.Equal(20, proxy.Stat("cluster.web.lb_zone_routing_all_directly"));
        await proxy.PublishAsync(Document("aaab")); // half of the endpoints for three quarters of the requests
        for (int i = 0; i < 60; i++) await proxy.GetAsync();
        Assert.True(proxy.Stat("cluster.web.lb_zone_routing_sampled") > 0 && proxy.Stat("cluster.web.lb_zone_routing_cross_zone") > 0);
    }

    [Fact]
    public async Task Mistakes_AreSaid()
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        var built = proxy.Build("{cluster_manager: {local_cluster_name: nobody}, clusters: []}");
        Assert.Contains(built.Errors, e => e.Detail.Contains("cluster 'nobody' does not exist", StringComparison.Ordinal));
        built = proxy.Build("clusters: [{name: web, endpoints: [], common_lb_config: {zone_aware_lb_config: {}, "
            + "locality_weighted_lb_config: {}}}]");
        Assert.NotEmpty(built.Errors);
        built = proxy.Build("clusters: [{name: web, endpoints: [], common_lb_config: {zone_aware_lb_config: {force_local_zone: {}}}}]");
        Assert.Contains(built.Errors, e => e.Detail.Contains("'force_local_zone' is not supported", StringComparison.Ordinal));
        built = proxy.Build("clusters: [{name: web, endpoints: [], common_lb_config: {zone_aware_lb_config: {}}}]");
        Assert.Contains(built.Warnings, e => e.Detail.Contains("local_cluster_name", StringComparison.Ordinal));
        built.Snapshot?.Dispose();
    }

    // Each letter an endpoint in the zone of that name; x: one of zone x that is unhealthy.
    private static List<EndpointMember> Of(string zones) => [.. zones.Where(c => c != ' ').Select(c =>
    {
        var endpoint = Endpoints.Of(1);
        if (c == 'x') endpoint.Set(HealthFlags.FailedActiveHealthCheck);
        return new EndpointMember(endpoint, 1, EndpointHealthStatus.Unknown) { Locality = new EndpointLocality(c.ToString(), 0) };
    })];
}
