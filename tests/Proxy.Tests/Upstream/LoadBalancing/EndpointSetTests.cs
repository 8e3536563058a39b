using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.LoadBalancing;

/// <summary>
/// Ten endpoints each: h healthy, d degraded, x failed its health check, o ejected, u said to be unhealthy, p not checked yet,
/// - drained.
/// </summary>
public sealed class EndpointSetTests
{
    [Theory]
    [InlineData("hhhhhhhhhh", 50, 10, 0, false)]
    [InlineData("hhhhhhhhxo", 50, 8, 0, false)]
    [InlineData("hhhhhxxxxx", 50, 5, 0, false)]
    [InlineData("hhhhxxxxxx", 50, 10, 0, true)]
    [InlineData("hhhhxxxxxx", 40, 4, 0, false)]
    [InlineData("hxxxxxxxxx", 0, 1, 0, false)]
    [InlineData("xxxxxxxxxx", 0, 0, 0, false)]
    [InlineData("xxxxxxxxxx", 50, 10, 0, true)]
    [InlineData("uuuuuuuuuu", 50, 10, 0, true)]
    [InlineData("hhhhxxxxx-", 50, 9, 0, true)]
    [InlineData("hhhhhhhhxx", 90, 8, 0, false)] // eight of ten are taken to carry all of the load
    [InlineData("dddddddddd", 50, 0, 100, false)]
    [InlineData("hhhhhhhddd", 50, 7, 2, false)] // 98 of what is there against 42, together no more than 100
    [InlineData("hhhhhddxxx", 50, 5, 28, false)] // 70 against 28
    [InlineData("hhddxxxxxx", 50, 10, 0, true)]
    [InlineData("hhddxxxxxx", 30, 2, 50, false)]
    [InlineData("hhhhhppppp", 50, 5, 0, false)]
    [InlineData("pppppppppp", 50, 10, 0, false)] // of none anything is known
    public void Requests_GoToThoseThatAreWell(string endpoints, double panicPercent, int chosen, int degradedPercent, bool panic)
    {
        var set = new EndpointSet([.. endpoints.Select(Of)], panicPercent);
        Assert.Equal((chosen, degradedPercent, panic), (set.Main.Members.Length, set.LoadOf(0).Degraded, set.IsPanic));
    }

    /// <summary>Of each priority, the load that it gets (Envoy: priority levels; its own tables).</summary>
    [Theory]
    [InlineData("hhhh|hhhh", "100 0")]
    [InlineData("hhhx|hhhh", "100 0")]
    [InlineData("hhxx|hhhh", "70 30")]
    [InlineData("hxxx|hhhh", "35 65")]
    [InlineData("xxxx|hhhh", "0 100")]
    [InlineData("xxxx|hxxx|hhhh", "0 35 65")]
    [InlineData("hxxx|hxxx", "50 50")] // 35 and 35: both below half, panic by their numbers
    [InlineData("xxxx|xxxx", "50 50")]
    [InlineData("xxxx|xx", "67 33")]
    [InlineData("hxxx|hhxx", "35 65")] // 35 and 70, which is enough
    public void Priorities_GetWhatThoseBeforeCannotCarry(string levels, string loads)
    {
        var members = levels.Split('|').SelectMany((level, p) => level.Select(c => Of(c) with { Priority = p })).ToList();
        var set = new EndpointSet(members);
        Assert.Equal(loads, string.Join(' ', Enumerable.Range(0, set.Priorities).Select(p => set.LoadOf(p).Healthy)));
    }

    [Fact]
    public void PrioritiesThatWereTried_AreLeftOut_UntilAllWere()
    {
        List<EndpointMember> members = [.. "hh".Select(Of), .. "hh".Select(c => Of(c) with { Priority = 1 })];
        var set = new EndpointSet(members);
        Assert.Equal(0, set.PriorityOf(set.Choose(() => 99).Members[0]));
        Assert.Equal(1, set.PriorityOf(set.Choose(() => 0, tried: 1).Members[0]));
        Assert.Equal(0, set.PriorityOf(set.Choose(() => 0, tried: 3).Members[0]));
    }

    [Fact]
    public void EndpointsNotCheckedYet_DoNotCountWhereTheyAreIgnored()
    {
        EndpointMember[] members = [.. "hhxppppppp".Select(Of)];
        Assert.True(new EndpointSet(members).IsPanic);
        Assert.False(new EndpointSet(members, ignoresNew: true).IsPanic);
    }

    private static EndpointMember Of(char kind)
    {
        var endpoint = Endpoints.Of(1);
        if (kind == 'x') endpoint.Set(HealthFlags.FailedActiveHealthCheck);
        if (kind == 'o') endpoint.Set(HealthFlags.FailedOutlierCheck);
        if (kind == 'p') endpoint.Set(HealthFlags.PendingActiveHealthCheck);
        if (kind == 'd') endpoint.Set(HealthFlags.DegradedActiveHealthCheck);
        endpoint.DrainOverride = kind == '-';
        return new EndpointMember(endpoint, 1, kind == 'u' ? EndpointHealthStatus.Unhealthy : EndpointHealthStatus.Unknown);
    }
}
