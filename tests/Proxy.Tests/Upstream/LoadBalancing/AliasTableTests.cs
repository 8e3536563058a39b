using Managed.Proxy.Upstream.LoadBalancing;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.LoadBalancing;

public sealed class AliasTableTests
{
    public static TheoryData<int[]> Weights =>
    [
        new[] { 1 }, new[] { 1, 1 }, new[] { 1, 2, 3 }, new[] { 128, 1 }, new[] { 1, 1, 1000 },
        Enumerable.Range(1, 997).Select(i => 1 + i * 7 % 128).ToArray(),
    ];

    /// <summary>Each place and bound once, evenly: what is drawn is in proportion to the weights, exactly but for rounding.</summary>
    [Theory]
    [MemberData(nameof(Weights))]
    public void Draws_AreInProportionToWeights(int[] weights)
    {
        long sum = weights.Sum(w => (long)w);
        var table = new AliasTable(weights, sum);
        const int steps = 1000;
        var drawn = new double[weights.Length];
        for (int place = 0; place < weights.Length; place++)
        {
            ulong upper = ((ulong)place << 32) / (ulong)weights.Length + 1 << 32;
            for (ulong i = 0; i < steps; i++) drawn[table.Draw(upper | i * (uint.MaxValue / steps))]++;
        }
        for (int i = 0; i < weights.Length; i++)
        {
            double share = drawn[i] / ((double)steps * weights.Length);
            Assert.Equal((double)weights[i] / sum, share, 0.002 * Math.Max(1, 50.0 * weights[i] / sum));
        }
    }

    [Fact]
    public void EndsOfTheRange_AreWithinIt()
    {
        var table = new AliasTable([3, 1, 4], 8);
        Assert.InRange(table.Draw(0), 0, 2);
        Assert.InRange(table.Draw(ulong.MaxValue), 0, 2);
    }
}
