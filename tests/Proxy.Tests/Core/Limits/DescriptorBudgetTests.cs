using Managed.Proxy.Core.Limits;
using Xunit;

namespace Managed.Proxy.Tests.Core.Limits;

public sealed class DescriptorBudgetTests
{
    [Theory]
    [InlineData(300, 199, 236, 32)]
    [InlineData(1024, 768, 896, 64)]
    [InlineData(65_536, 60_416, 64_512, 512)]
    [InlineData(int.MaxValue, int.MaxValue - 5120, int.MaxValue - 1024, 512)]
    public void EachHasItsBound(int limit, int downstream, int upstream, int admin)
    {
        var budget = new DescriptorBudget(limit);
        Assert.True(budget.LeavesRoomBeyondDownstream(downstream - 1));
        Assert.False(budget.LeavesRoomBeyondDownstream(downstream));
        Assert.True(budget.LeavesRoomBeyondUpstream(upstream - 1));
        Assert.False(budget.LeavesRoomBeyondUpstream(upstream));
        Assert.Equal(admin, budget.AdminConnections);
        Assert.True(budget.Reserve >= 2 * admin);
    }

    [Fact]
    public void Process_HasWhatTheSystemAllows()
    {
        var limits = File.ReadLines("/proc/self/limits").First(l => l.StartsWith("Max open files", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(limits[4], limits[3]); // the soft limit is the hard one
        Assert.Equal(limits[3], DescriptorBudget.Process.Limit.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Table_IsLargeBeforeItIsNeeded()
    {
        DescriptorBudget.Process.MakeTable();
        var size = File.ReadLines("/proc/self/status").First(l => l.StartsWith("FDSize:", StringComparison.Ordinal))["FDSize:".Length..];
        Assert.InRange(int.Parse(size, System.Globalization.CultureInfo.InvariantCulture),
            Math.Min(DescriptorBudget.Process.Limit, 65_536), int.MaxValue);
    }
}
