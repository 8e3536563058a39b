using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.LoadBalancing;

public sealed class SlowStartTests
{
    private readonly IdleWorker _idle = new();

    private static SlowStartConfig Config(double aggression, double least) => new()
    {
        SlowStartWindow = TimeSpan.FromSeconds(100), Aggression = new() { DefaultValue = aggression },
        MinWeightPercent = new() { Value = least },
    };

    /// <summary>Envoy: the part of the window that is over to the power of 1/aggression, the least percentage at least.</summary>
    [Theory]
    [InlineData(1, 10, 50, 0.5)]
    [InlineData(1, 10, 5, 0.1)]
    [InlineData(1, 0, 5, 0.05)]
    [InlineData(1, 10, 99, 0.99)]
    [InlineData(1, 10, 100, 1)]
    [InlineData(1, 10, 1000, 1)]
    [InlineData(2, 10, 25, 0.5)]
    [InlineData(0.5, 10, 50, 0.25)]
    [InlineData(0, 10, 50, 0.5)] // none that could be: 1
    public void Share_GrowsWithTime(double aggression, double least, int seconds, double share)
    {
        var endpoint = Endpoints.Of(1);
        endpoint.SinceMicros = 1_000_000_000;
        Assert.Equal(share, new SlowStart(Config(aggression, least)).ShareOf(endpoint, 1_000_000_000 + seconds * 1_000_000L), 6);
    }

    [Theory]
    [InlineData(LbPolicy.RoundRobin)]
    [InlineData(LbPolicy.LeastRequest)]
    public void NewEndpoint_GetsItsShareOfTheRequests(LbPolicy policy)
    {
        var config = new ClusterConfig
        {
            LbPolicy = policy, RoundRobinLbConfig = new() { SlowStartConfig = Config(1, 10) },
            LeastRequestLbConfig = new() { SlowStartConfig = Config(1, 10), ActiveRequestBias = new() { DefaultValue = 0 } },
        };
        var balancer = new LoadBalancer(config);
        var (old, fresh) = (Endpoints.Of(1), Endpoints.Of(1));
        old.SinceMicros = _idle.Worker.NowMicros - 1_000_000_000;
        fresh.SinceMicros = _idle.Worker.NowMicros - 25_000_000;
        var set = new EndpointSet([.. new[] { old, fresh }.Select(e => new EndpointMember(e, 1, EndpointHealthStatus.Unknown))],
            balancer: balancer);
        int chosen = 0;
        for (int i = 0; i < 20_000; i++)
            if (balancer.Pick(set, _idle.Worker) == fresh) chosen++;
        // A quarter against one: a fifth. The round takes what is passed over for a turn of its own, which is the same.
        Assert.InRange(chosen / 20_000.0, 0.17, 0.23);
    }

    [Fact]
    public void EndpointsThatAreAllNew_ShareAlike()
    {
        var balancer = new LoadBalancer(new ClusterConfig { RoundRobinLbConfig = new() { SlowStartConfig = Config(1, 10) } });
        Endpoint[] all = [Endpoints.Of(1), Endpoints.Of(1), Endpoints.Of(1)];
        foreach (var endpoint in all) endpoint.SinceMicros = _idle.Worker.NowMicros;
        var set = new EndpointSet([.. all.Select(e => new EndpointMember(e, 1, EndpointHealthStatus.Unknown))], balancer: balancer);
        var counts = new int[3];
        for (int i = 0; i < 6000; i++) counts[Array.IndexOf(all, balancer.Pick(set, _idle.Worker))]++;
        Assert.All(counts, c => Assert.InRange(c, 1600, 2400));
    }

    [Theory]
    [InlineData(LbPolicy.RingHash, 100)]
    [InlineData(LbPolicy.RingHash, 125)]
    [InlineData(LbPolicy.Maglev, 150)]
    public void BoundedLoads_AreKept_WhateverTheKeys(LbPolicy policy, int factor)
    {
        var state = new ClusterState("bounded", 1);
        var balancer = new LoadBalancer(new ClusterConfig
        {
            LbPolicy = policy, CommonLbConfig = new() { ConsistentHashingLbConfig = new() { HashBalanceFactor = factor } },
        }, 1, state);
        int[] weights = [1, 1, 2, 4];
        var set = new EndpointSet([.. weights.Select(w => new EndpointMember(Endpoints.Of(w), w, EndpointHealthStatus.Unknown))],
            balancer: balancer);
        Endpoint? first = null;
        int kept = 0;
        for (int i = 1; i <= 400; i++)
        {
            state.Requests++;
            var chosen = balancer.Pick(set, _idle.Worker, hash: i % 10 == 0 ? (ulong)i : 7)!; // nearly all the same key
            first ??= chosen;
            if (chosen == first) kept++;
            chosen.ActiveRequests++;
            for (int e = 0; e < weights.Length; e++)
                Assert.InRange(set.All[e].ActiveRequests, 0, Math.Max(1, Math.Ceiling(i * factor / 100.0 * weights[e] / 8)));
        }
        Assert.InRange(kept, 400 * factor / 100 / 8 - 5, 400); // as much of it stays as may
        // With nothing to do a key is always at home.
        foreach (var endpoint in set.All) endpoint.ActiveRequests = 0;
        for (int i = 0; i < 10; i++) Assert.Same(first, balancer.Pick(set, _idle.Worker, hash: 7));
    }
}
