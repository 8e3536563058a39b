using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Discovery;
using Managed.Proxy.Upstream.Endpoints;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Discovery;

/// <summary>Names of clusters kept resolved, with a resolver of the test's own.</summary>
public sealed class DnsRefresherTests : IDisposable
{
    private readonly DnsRefresher _dns;
    private volatile IPAddress[] _answer = [IPAddress.Parse("192.0.2.1")];
    private volatile bool _fails;
    private int _asked;

    public DnsRefresherTests() => _dns = new DnsRefresher(new Resolver(_ =>
    {
        Interlocked.Increment(ref _asked);
        return _fails ? throw new SocketException((int)SocketError.HostNotFound) : _answer;
    }));

    public void Dispose() => _dns.Dispose();

    // Of the one name up.test, asked again every 10 ms.
    private static Cluster Named(DnsLookupFamily family = DnsLookupFamily.Auto, ClusterType type = ClusterType.StrictDns)
    {
        var config = new ClusterConfig { Name = "up", Type = type, DnsLookupFamily = family,
            DnsRefreshRate = TimeSpan.FromMilliseconds(10) };
        var cluster = new Cluster(config, new ClusterMembers(new ClusterState("up", 1)),
            [new EndpointTarget(null, "up.test", "up.test", 80, "up.test", 1, EndpointHealthStatus.Unknown)]);
        cluster.Members.Follow(cluster);
        return cluster;
    }

    private static string Texts(Cluster cluster) => string.Join(' ', cluster.Endpoints.All.Select(e => e.Text));

    [Fact]
    public async Task ANewAnswer_ReplacesTheEndpoints_AndAFailureKeepsThem()
    {
        var cluster = Named();
        _dns.Watch(cluster.Members);
        await Eventually.Async(() => Texts(cluster) == "192.0.2.1:80", "the first answer");
        _answer = [IPAddress.Parse("192.0.2.3"), IPAddress.Parse("192.0.2.2")];
        await Eventually.Async(() => Texts(cluster) == "192.0.2.2:80 192.0.2.3:80", "the second answer");
        _fails = true;
        int asked = Volatile.Read(ref _asked);
        await Eventually.Async(() => Volatile.Read(ref _asked) > asked + 3, "more questions");
        Assert.Equal("192.0.2.2:80 192.0.2.3:80", Texts(cluster));
    }

    [Fact]
    public async Task LogicalName_IsOneOfItsAddresses_AsLongAsItIsAnswered()
    {
        var cluster = Named(type: ClusterType.LogicalDns);
        _dns.Watch(cluster.Members);
        await Eventually.Async(() => Texts(cluster) == "192.0.2.1:80", "the first answer");
        var used = cluster.Endpoints.All[0];
        _answer = [.. Enumerable.Range(0, 9).Select(i => IPAddress.Parse($"192.0.2.{i}"))];
        int asked = Volatile.Read(ref _asked);
        await Eventually.Async(() => Volatile.Read(ref _asked) > asked + 3, "more questions");
        Assert.Same(used, Assert.Single(cluster.Endpoints.All));
        _answer = [IPAddress.Parse("192.0.2.7"), IPAddress.Parse("192.0.2.8")];
        await Eventually.Async(() => Texts(cluster) is "192.0.2.7:80" or "192.0.2.8:80", "one of the others");
    }

    [Fact]
    public async Task LogicalNames_AreRefusedWhereThereAreSeveral()
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        var result = await proxy.TryPublishAsync("clusters: [{name: two, type: LOGICAL_DNS, endpoints: ['a.test:1', 'b.test:1']}]");
        Assert.Contains("#/clusters/0/endpoints a LOGICAL_DNS cluster", Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsForgotten_IsNotAskedForAnyMore()
    {
        var (forgotten, other) = (Named(), Named());
        _dns.Watch(forgotten.Members);
        _dns.Watch(other.Members);
        await Eventually.Async(() => Texts(forgotten).Length > 0, "the first answer");
        _dns.Forget(forgotten.Members);
        int last = Volatile.Read(ref _asked);
        await Eventually.Async(() => Volatile.Read(ref _asked) > last + 3, "a question that was under way to be answered");
        string before = Texts(forgotten);
        _answer = [IPAddress.Parse("192.0.2.9")];
        await Eventually.Async(() => Texts(other) == "192.0.2.9:80", "the answer for the other");
        int asked = Volatile.Read(ref _asked);
        await Eventually.Async(() => Volatile.Read(ref _asked) > asked + 3, "more questions for the other");
        Assert.Equal(before, Texts(forgotten));
    }

    [Theory]
    [InlineData(DnsLookupFamily.Auto, "[2001:db8::1]:80")]
    [InlineData(DnsLookupFamily.V4Only, "192.0.2.1:80")]
    [InlineData(DnsLookupFamily.V6Only, "[2001:db8::1]:80")]
    [InlineData(DnsLookupFamily.V4Preferred, "192.0.2.1:80")]
    [InlineData(DnsLookupFamily.All, "192.0.2.1:80 [2001:db8::1]:80")]
    public async Task TheFamily_ChoosesAmongTheAnswers(DnsLookupFamily family, string expected)
    {
        _answer = [IPAddress.Parse("2001:db8::1"), IPAddress.Parse("192.0.2.1")];
        var cluster = Named(family);
        await _dns.ResolveAsync([cluster], TimeSpan.FromSeconds(Eventually.Limit), TestContext.Current.CancellationToken);
        Assert.Equal(expected, Texts(cluster));
    }

    [Fact]
    public async Task ANameThatHangs_LeavesTheLastGoodAnswer()
    {
        var first = Named();
        await _dns.ResolveAsync([first], TimeSpan.FromSeconds(Eventually.Limit), TestContext.Current.CancellationToken);
        using var release = new ManualResetEventSlim();
        using var slow = new DnsRefresher(new Resolver(_ => { release.Wait(TestContext.Current.CancellationToken); return _answer; }));
        var second = Named();
        await slow.ResolveAsync([second], TimeSpan.FromMilliseconds(1), TestContext.Current.CancellationToken);
        Assert.Equal("", Texts(second)); // there never was one
        release.Set();
        await Eventually.Async(() => Texts(second) == "192.0.2.1:80", "what comes later still counts");
    }
}
