using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.LoadBalancing;

/// <summary>What localities get: their weight, less where fewer of them are well (Envoy's formula, worked out by hand).</summary>
public sealed class LocalityTests
{
    private const int Picks = 20_000;
    private readonly IdleWorker _idle = new();

    [Theory]
    [InlineData("1:hhhh 3:hhhh", "25 75")]
    [InlineData("1:h 1:hhhhhhhhh", "50 50")] // the weight of the locality counts, not how many there are
    [InlineData("1:hhhx 1:hhhh", "50 50")] // three of four are taken to carry all of it
    [InlineData("1:hxxx 1:hhhh", "26 74")] // 1.4 × 1/4 = 0.35 against 1
    [InlineData("1:xxxx 1:hhhh", "0 100")]
    [InlineData("0:hhhh 2:hhhh", "0 100")] // without a weight there is nothing
    [InlineData("0:hh 0:hhhhhh", "25 75")] // of none a weight: alike
    [InlineData("3:hh 2:hh 5:hh", "30 20 50")]
    public void Localities_GetTheirShare(string localities, string shares)
    {
        var members = Of(localities);
        var set = new EndpointSet(members, panicPercent: 0, byLocality: true);
        AssertAbout(shares, Shares(members, set, new LoadBalancer(LbPolicy.RoundRobin, 2)));
    }

    [Theory]
    [InlineData(LbPolicy.Random)]
    [InlineData(LbPolicy.LeastRequest)]
    [InlineData(LbPolicy.RingHash)]
    [InlineData(LbPolicy.Maglev)]
    public void EveryPolicy_GoesByThem(LbPolicy policy)
    {
        var members = Of("1:hhhh 3:hh");
        var balancer = new LoadBalancer(policy, 2);
        var set = new EndpointSet(members, balancer: balancer, byLocality: true);
        AssertAbout("25 75", Shares(members, set, balancer), off: policy == LbPolicy.RingHash ? 8 : 2.5); // a ring is uneven
    }

    [Fact]
    public void Panic_AndClustersWithoutIt_TellThemNotApart()
    {
        var members = Of("1:hxxx 9:hxxx");
        AssertAbout("50 50", Shares(members, new EndpointSet(members, byLocality: true), new LoadBalancer(LbPolicy.RoundRobin, 2)));
        members = Of("1:hhhh 9:hhhh");
        AssertAbout("50 50", Shares(members, new EndpointSet(members), new LoadBalancer(LbPolicy.RoundRobin, 2)));
    }

    private static List<EndpointMember> Of(string localities)
    {
        var members = new List<EndpointMember>();
        foreach (var (text, i) in localities.Split(' ').Select((t, i) => (t, i)))
        {
            var locality = new EndpointLocality($"//{i}",
                uint.Parse(text.Split(':')[0], System.Globalization.CultureInfo.InvariantCulture));
            foreach (char kind in text.Split(':')[1])
            {
                var endpoint = Endpoints.Of(1);
                if (kind == 'x') endpoint.Set(HealthFlags.FailedActiveHealthCheck);
                members.Add(new EndpointMember(endpoint, 1, EndpointHealthStatus.Unknown) { Locality = locality });
            }
        }
        return members;
    }

    // In percent, of each locality in its order.
    private double[] Shares(List<EndpointMember> members, EndpointSet set, LoadBalancer balancer)
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var places = members.ToDictionary(m => m.Endpoint, m => m.Locality!.Name);
        foreach (string place in places.Values) counts[place] = 0;
        for (int i = 0; i < Picks; i++) counts[places[balancer.Pick(set, _idle.Worker)!]]++;
        return [.. counts.Values.Select(c => c * 100.0 / Picks)];
    }

    // Chance is off by 0.35 in one of three runs: 2.5 is seven times that.
    private static void AssertAbout(string expected, double[] shares, double off = 2.5)
    {
        double[] wanted = [.. expected.Split(' ').Select(t => double.Parse(t, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(wanted.Length, shares.Length);
        for (int i = 0; i < wanted.Length; i++) Assert.InRange(shares[i], wanted[i] - off, wanted[i] + off);
    }
}
