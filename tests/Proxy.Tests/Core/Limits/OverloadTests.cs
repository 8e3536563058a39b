using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Xunit;

namespace Managed.Proxy.Tests.Core.Limits;

public sealed class OverloadTests
{
    [Theory]
    [InlineData(0.89, false, false, false)]
    [InlineData(0.90, true, false, false)]
    [InlineData(0.92, true, true, false)]
    [InlineData(0.95, true, true, true)]
    public void EachStep_HasItsThreshold(double pressure, bool ends, bool refuses, bool closed)
    {
        var overload = new Overload(null, 10, new StatsRegistry(), () => { });

        overload.Injected = pressure;

        Assert.Equal((ends, refuses, closed), (overload.EndsConnections, overload.RefusesRequests, overload.RefusesConnections));
        Assert.Equal(refuses, overload.Budget.IsSpent);
        overload.Injected = 0.5;
        Assert.False(overload.EndsConnections || overload.RefusesRequests || overload.RefusesConnections || overload.Budget.IsSpent);
    }

    [Theory]
    [InlineData(512L << 20, 1_048_576, 32_768)]
    [InlineData(16L << 30, 20_000, 17_500)]
    [InlineData(16L << 30, 300, 236)]
    [InlineData(1, 1, 16)]
    public void ConnectionsByDefault_AreWhatMemoryAndDescriptorsBear(long memory, long descriptors, int most)
        => Assert.Equal(most, Overload.DefaultConnections(memory, descriptors));

    [Fact]
    public void NearTheLimitOfConnections_WhatOnlyWaitsIsPressed()
    {
        var overload = new Overload(null, 10, new StatsRegistry(), () => { });
        for (int i = 0; i < 8; i++) Assert.True(overload.Connections.TryEnter(10));
        Assert.False(overload.IsPressed);

        Assert.True(overload.Connections.TryEnter(10));

        Assert.True(overload.IsPressed);
        Assert.True(overload.Connections.TryEnter(10));
        Assert.False(overload.Connections.TryEnter(10));
        Assert.Equal(10, overload.Connections.Open);
    }
}
