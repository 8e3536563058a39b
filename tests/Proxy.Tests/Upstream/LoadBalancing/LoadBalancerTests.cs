using CsCheck;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.LoadBalancing;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.LoadBalancing;

public sealed class LoadBalancerTests
{
    private readonly IdleWorker _idle = new();

    [Fact]
    public void RoundRobin_OverAFullTurn_IsExactByWeight_AndSmoothWithinIt() => Gen.Int.Sample(seed =>
    {
        var random = new Random(seed);
        var weights = Enumerable.Range(0, random.Next(2, 9)).Select(_ => random.Next(1, 21)).ToArray();
        var set = new EndpointSet([.. weights.Select(w => Endpoints.Of(w))]);
        var balancer = new LoadBalancer(LbPolicy.RoundRobin, 2);
        int turn = set.Main.Schedule?.Length ?? weights.Length, total = set.Main.EqualWeights ? weights.Length : weights.Sum();
        var counts = new int[weights.Length];
        int start = random.Next(turn); // wherever the round begins
        for (int i = 0; i < start; i++) balancer.Pick(set, _idle.Worker);
        for (int i = 1; i <= turn; i++)
        {
            counts[Array.IndexOf(set.All, balancer.Pick(set, _idle.Worker))]++;
            for (int e = 0; e < counts.Length; e++)
            {
                double due = (double)i * (set.Main.EqualWeights ? 1 : weights[e]) / total;
                Assert.InRange(counts[e] - due, -weights.Length, weights.Length);
            }
        }
        for (int e = 0; e < counts.Length; e++) Assert.Equal((double)turn * (set.Main.EqualWeights ? 1 : weights[e]) / total, counts[e], 6);
    }, iter: 200, threads: 1);

    [Theory]
    [InlineData(LbPolicy.RoundRobin)]
    [InlineData(LbPolicy.Random)]
    [InlineData(LbPolicy.LeastRequest)]
    public void EveryHealthyEndpoint_IsChosen_AndNoOther(LbPolicy policy) => Gen.Int.Sample(seed =>
    {
        var random = new Random(seed);
        var all = Enumerable.Range(0, random.Next(1, 8)).Select(_ => Endpoints.Of(random.Next(1, 5))).ToList();
        foreach (var endpoint in all)
        {
            endpoint.DrainOverride = random.Next(4) == 0;
            if (random.Next(4) == 0) endpoint.ConfiguredHealth = EndpointHealthStatus.Unhealthy;
        }
        var set = new EndpointSet(all, panicPercent: 0);
        var balancer = new LoadBalancer(policy, 2);
        var chosen = Enumerable.Range(0, 600).Select(_ => balancer.Pick(set, _idle.Worker)).ToHashSet();
        Assert.Equal(all.Where(e => e.IsHealthy).ToHashSet(), chosen.OfType<Managed.Proxy.Upstream.Endpoints.Endpoint>().ToHashSet());
        Assert.Equal(all.TrueForAll(e => !e.IsHealthy), chosen.Contains(null));
    }, iter: 100, threads: 1);

    [Fact]
    public void LeastRequest_OfTwo_IsTheOneWithFewer()
    {
        var (busy, free) = (Endpoints.Of(1), Endpoints.Of(1));
        busy.ActiveRequests = 3;
        var set = new EndpointSet([busy, free]);
        var balancer = new LoadBalancer(LbPolicy.LeastRequest, 2);
        for (int i = 0; i < 200; i++) Assert.Same(free, balancer.Pick(set, _idle.Worker));
    }

    [Fact]
    public void LeastRequest_WithManyChoices_LevelsTheLoad()
    {
        var all = Enumerable.Range(0, 6).Select(_ => Endpoints.Of(1)).ToList();
        var set = new EndpointSet(all);
        var balancer = new LoadBalancer(LbPolicy.LeastRequest, 64);
        for (int i = 0; i < 600; i++) balancer.Pick(set, _idle.Worker)!.ActiveRequests++;
        Assert.All(all, e => Assert.InRange(e.ActiveRequests, 95, 105));
    }

    [Fact]
    public void ByChance_FollowsTheWeights()
    {
        var all = new[] { Endpoints.Of(1), Endpoints.Of(3), Endpoints.Of(6) };
        var set = new EndpointSet(all);
        var counts = new int[3];
        for (int i = 0; i < 100_000; i++) counts[set.Main.ByWeight(_idle.Worker.NextRandom())]++;
        // Ten standard deviations.
        Assert.InRange(counts[0], 9_000, 11_000);
        Assert.InRange(counts[1], 28_500, 31_500);
        Assert.InRange(counts[2], 58_400, 61_600);
    }
}
