using System.Diagnostics;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.LoadBalancing;

/// <summary>A pick makes nothing, and costs among 10,000 endpoints about what it does among ten.</summary>
public sealed class PickCostTests
{
    private const int Picks = 2_000;
    private readonly IdleWorker _idle = new();

    [Theory]
    [InlineData(LbPolicy.RoundRobin, "")]
    [InlineData(LbPolicy.RoundRobin, "localities")]
    [InlineData(LbPolicy.RoundRobin, "slow")]
    [InlineData(LbPolicy.RoundRobin, "subsets")]
    [InlineData(LbPolicy.LeastRequest, "")]
    [InlineData(LbPolicy.LeastRequest, "slow")]
    [InlineData(LbPolicy.Random, "")]
    [InlineData(LbPolicy.RingHash, "")]
    [InlineData(LbPolicy.RingHash, "bounded")]
    [InlineData(LbPolicy.Maglev, "")]
    [InlineData(LbPolicy.Maglev, "localities")]
    public void Pick_AllocatesNothing_AndHardlyGrowsWithTheCluster(LbPolicy policy, string with)
    {
        var (few, many) = (Cost(policy, with, 10), Cost(policy, with, 10_000));
        Assert.Equal((0, 0), (few.Bytes, many.Bytes));
        // A walk over all would cost a thousand times as much; caches that no longer hold it all cost some.
        Assert.True(many.Ticks < few.Ticks * 100 + Stopwatch.Frequency / 1000, $"{few.Ticks} and {many.Ticks} ticks");
    }

    private (long Bytes, long Ticks) Cost(LbPolicy policy, string with, int count)
    {
        var slow = with == "slow" ? new SlowStartConfig { SlowStartWindow = TimeSpan.FromHours(1) } : null;
        var config = new ClusterConfig
        {
            LbPolicy = policy, RoundRobinLbConfig = new() { SlowStartConfig = slow },
            LeastRequestLbConfig = new() { SlowStartConfig = slow },
            CommonLbConfig = new() { ConsistentHashingLbConfig = new() { HashBalanceFactor = with == "bounded" ? 125 : 0 } },
        };
        var state = new ClusterState("many", 1) { Requests = 10 };
        var balancer = new LoadBalancer(config, 1, state);
        long now = _idle.Worker.NowMicros;
        var members = Enumerable.Range(0, count).Select(i =>
        {
            var endpoint = Endpoints.Of(1);
            endpoint.SinceMicros = now - 900_000_000L * (i % 5);
            return new EndpointMember(endpoint, 1 + i % 3, EndpointHealthStatus.Unknown) { Locality = new($"//{i % 4}", 1 + (uint)i % 4) };
        }).ToList();
        var set = new EndpointSet(members, balancer: balancer, byLocality: with == "localities");
        var criteria = new SubsetCriteria();
        var table = with != "subsets" ? null : new SubsetTable(new LbSubsetConfig
            {
                FallbackPolicy = LbSubsetFallbackPolicy.AnyEndpoint,
                SubsetSelectors = [new() { Keys = ["stage"], FallbackPolicy = LbSubsetSelectorFallbackPolicy.NotDefined }],
            }, state, members, set, some => new EndpointSet(some, balancer: balancer));
        state.Count(ClusterStats.Nowhere);
        criteria.Set("stage", "sprod");
        criteria.Compose();
        var pick = new PickContext(null, false, 1) { Criteria = criteria };
        (long Bytes, long Ticks) best = (long.MaxValue, long.MaxValue);
        for (int round = 0; round < 10; round++)
        {
            long bytes = GC.GetAllocatedBytesForCurrentThread(), began = Stopwatch.GetTimestamp();
            for (int i = 0; i < Picks; i++)
            {
                if (table is null) balancer.Pick(set, _idle.Worker, _idle.Worker.NextRandom());
                else table.Pick(balancer, _idle.Worker, pick, 0, 0);
            }
            long took = Stopwatch.GetTimestamp() - began;
            best = (Math.Min(best.Bytes, GC.GetAllocatedBytesForCurrentThread() - bytes), Math.Min(best.Ticks, took));
        }
        return best;
    }
}
