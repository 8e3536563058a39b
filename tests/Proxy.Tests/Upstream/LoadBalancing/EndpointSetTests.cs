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
    [InlineData("hhhhhddxxx", 50, 5, 29, false)] // 70 against 28
    [InlineData("hhddxxxxxx", 50, 10, 0, true)]
    [InlineData("hhddxxxxxx", 30, 2, 50, false)]
    [InlineData("hhhhhppppp", 50, 5, 0, false)]
    [InlineData("pppppppppp", 50, 10, 0, false)] // of none anything is known
    public void Requests_GoToThoseThatAreWell(string endpoints, double panicPercent, int chosen, int degradedPercent, bool panic)
    {
        var set = new EndpointSet([.. endpoints.Select(Of)], panicPercent);
        Assert.Equal((chosen, degradedPercent, panic), (set.Main.Members.Length, set.DegradedPercent, set.IsPanic));
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
