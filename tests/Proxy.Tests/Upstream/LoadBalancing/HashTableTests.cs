using System.Globalization;
using System.Net;
using System.Text;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.LoadBalancing;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.LoadBalancing;

public sealed class HashTableTests
{
    private const int Keys = 100_000;

    private readonly IdleWorker _idle = new();

    // Of the reference implementation.
    [Theory]
    [InlineData("", "ef46db3751d8e999")]
    [InlineData("a", "d24ec4f1a98c6e5b")]
    [InlineData("abc", "44bc2cf5ad770999")]
    [InlineData("Nobody inspects the spammish repetition", "fbcea83c8a378bf1")]
    public void Hash_IsXxh64(string text, string hash)
        => Assert.Equal(hash, XxHash.Of(Encoding.ASCII.GetBytes(text)).ToString("x16", CultureInfo.InvariantCulture));

    /// <summary>Of a ring nobody else moves; of a table of Maglev some others do.</summary>
    [Theory]
    [InlineData(LbPolicy.RingHash, 0)]
    [InlineData(LbPolicy.Maglev, 0.02)]
    public void RemovalOfOneOfAHundred_MovesItsKeys_AndHardlyAnyOther(LbPolicy policy, double others)
    {
        var config = new ClusterConfig { LbPolicy = policy, RingHashLbConfig = new() { MinimumRingSize = 100_000 } };
        var all = Members(100);
        EndpointMember[] left = [.. all[..42], .. all[43..]];
        var (before, after) = (new LoadBalancer(config).TableOf(all)!, new LoadBalancer(config).TableOf(left)!);
        int its = 0, moved = 0;
        for (int i = 0; i < Keys; i++)
        {
            ulong key = KeyOf(i);
            var owner = all[before.Find(key)].Endpoint;
            if (owner == all[42].Endpoint) its++;
            else if (owner != left[after.Find(key)].Endpoint) moved++;
        }
        Assert.InRange(its, Keys / 100 / 1.2, Keys / 100 * 1.2);
        Assert.InRange(moved, 0, others * Keys);
    }

    [Theory]
    [InlineData(LbPolicy.RingHash)]
    [InlineData(LbPolicy.Maglev)]
    public void Keys_AreSpreadByWeight_AndAlwaysTheSame(LbPolicy policy)
    {
        var config = new ClusterConfig { LbPolicy = policy, RingHashLbConfig = new() { MinimumRingSize = 10_000 } };
        var members = Members(4, 1, 2, 3, 4);
        var (table, again) = (new LoadBalancer(config).TableOf(members)!, new LoadBalancer(config).TableOf(members)!);
        var counts = new int[4];
        for (int i = 0; i < Keys; i++)
        {
            counts[table.Find(KeyOf(i))]++;
            Assert.Equal(table.Find(KeyOf(i)), again.Find(KeyOf(i)));
        }
        for (int i = 0; i < 4; i++) Assert.InRange(counts[i], Keys * (i + 1) / 10 * 0.9, Keys * (i + 1) / 10 * 1.1);
    }

    [Theory]
    [InlineData(1024, 8_388_608, 1024)]
    [InlineData(1025, 8_388_608, 2048)] // the next power of two for each
    [InlineData(1024, 100, 100)]
    public void Ring_HasItsSize(long least, long most, int size)
        => Assert.Equal(size, new RingTable(Members(4), [1, 1, 1, 1], least, most, byName: false).Size);

    [Fact]
    public void RequestWithoutAHash_GoesAnywhere_AndFurtherChoicesElsewhere()
    {
        var balancer = new LoadBalancer(new ClusterConfig { LbPolicy = LbPolicy.Maglev });
        var set = new EndpointSet(Members(8), balancer: balancer);
        Assert.Equal(8, Enumerable.Range(0, 500).Select(_ => balancer.Pick(set, _idle.Worker)).Distinct().Count());
        Assert.Single(Enumerable.Range(0, 50).Select(_ => balancer.Pick(set, _idle.Worker, 77)).Distinct());
        Assert.True(Enumerable.Range(0, 20).Select(i => balancer.Pick(set, _idle.Worker, 77, i)).Distinct().Count() > 4);
    }

    /// <summary>Three active requests at weight 1, four at weight 2: the second has fewer for its weight.</summary>
    [Theory]
    [InlineData(1, LeastRequestSelection.FullScan, 1)]
    [InlineData(3, LeastRequestSelection.FullScan, 0)] // 27 at 1 against 64 at 2
    [InlineData(1, LeastRequestSelection.Choices, 1)]
    public void LeastRequest_GoesByWeightAndBias(double bias, LeastRequestSelection selection, int chosen)
    {
        var members = Members(2, 1, 2);
        (members[0].Endpoint.ActiveRequests, members[1].Endpoint.ActiveRequests) = (3, 4);
        var balancer = new LoadBalancer(new ClusterConfig { LbPolicy = LbPolicy.LeastRequest, LeastRequestLbConfig = new()
            { ActiveRequestBias = new() { DefaultValue = bias }, SelectionMethod = selection } });
        var set = new EndpointSet(members);
        for (int i = 0; i < 50; i++) Assert.Same(members[chosen].Endpoint, balancer.Pick(set, _idle.Worker));
    }

    [Fact]
    public void LeastRequestWithoutBias_GoesByWeightAlone()
    {
        var members = Members(2, 1, 3);
        members[1].Endpoint.ActiveRequests = 1000;
        var balancer = new LoadBalancer(new ClusterConfig { LbPolicy = LbPolicy.LeastRequest,
            LeastRequestLbConfig = new() { ActiveRequestBias = new() { DefaultValue = 0 } } });
        var set = new EndpointSet(members);
        int second = Enumerable.Range(0, 10_000).Count(_ => balancer.Pick(set, _idle.Worker) == members[1].Endpoint);
        Assert.InRange(second, 7_000, 8_000);
    }

    private static EndpointMember[] Members(int count, params int[] weights) => [.. Enumerable.Range(0, count).Select(i =>
        new EndpointMember(Endpoints.At(new IPEndPoint(IPAddress.Parse($"10.0.0.{i + 1}"), 8080)),
            weights.Length > i ? weights[i] : 1, EndpointHealthStatus.Unknown))];

    private static ulong KeyOf(int i) => XxHash.Of(BitConverter.GetBytes(i));
}
