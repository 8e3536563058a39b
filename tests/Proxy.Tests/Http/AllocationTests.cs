using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>In steady state a request allocates nothing on its worker: what it needs was kept from earlier ones.</summary>
public sealed class AllocationTests
{
    public static TheoryData<string> Cases => [.. InMemoryPathCase.All.Select(c => c.Name)];

    [Theory, MemberData(nameof(Cases))]
    public async Task SteadyState_AllocatesNothing(string name)
    {
        await using var path = await InMemoryPath.StartAsync(InMemoryPathCase.All.Single(c => c.Name == name));
        await path.RunAsync(2_000);
        // Pools still grow and unoptimised code may box for some batches: one clean batch shows that no request must allocate.
        long least = long.MaxValue;
        for (int batch = 0; batch < 50 && least > 0; batch++) least = Math.Min(least, (await path.RunAsync(2_000)).AllocatedBytes);
        Assert.Equal(0, least);
    }

    [Fact]
    public async Task FirstRequests_FillThePools()
    {
        // Were the measure broken, a path that allocates would look clean as well.
        await using var path = await InMemoryPath.StartAsync(InMemoryPathCase.Plain);
        Assert.True((await path.RunAsync(InMemoryPath.Connections)).BytesPerRequest > 1000);
    }
}
