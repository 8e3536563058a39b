using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.Proxy.Configuration.Parsing;
using Microsoft.AspNetCore.Http;

namespace Managed.AdminApi.Tests.Requests;

public sealed class MemoryBudgetTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void CallThatFindsNoRoom_IsRefused_AndGivesBackWhatItHad()
    {
        var budget = new MemoryBudget(100 * MiB);
        var (first, second) = (budget.For(new DefaultHttpContext()), budget.For(new DefaultHttpContext()));
        first.Take(60 * MiB);
        second.Take(20 * MiB);
        var refused = Assert.Throws<ApiException>(() => second.Take(20 * MiB));
        Assert.Equal(429, refused.Code.Status);
        Assert.Equal("2", refused.Headers["Retry-After"]);
        second.Dispose();
        Assert.Equal(60 * MiB, budget.Taken);
        first.Dispose();
        first.Dispose();
        Assert.Equal(0, budget.Taken);
    }

    [Fact]
    public void SmallCalls_HaveATenthOfTheirOwn()
    {
        var budget = new MemoryBudget(100 * MiB);
        budget.For(new DefaultHttpContext()).Take(90 * MiB);
        budget.For(new DefaultHttpContext()).Take(MiB);
        Assert.Throws<ApiException>(() => budget.For(new DefaultHttpContext()).Take(2 * MiB));
    }

    [Fact]
    public async Task WhatNeverFits_Is413_AndWhatDoesNotFitNow_WaitsForOthers()
    {
        var budget = new MemoryBudget(100 * MiB);
        var (first, second) = (budget.For(new DefaultHttpContext()), budget.For(new DefaultHttpContext()));
        var never = await Assert.ThrowsAsync<ApiException>(() => second.TakeAsync(91 * MiB, CancellationToken.None));
        Assert.Equal(413, never.Code.Status);
        await first.TakeAsync(80 * MiB, CancellationToken.None);
        var waiting = second.TakeAsync(50 * MiB, CancellationToken.None);
        Assert.False(waiting.IsCompleted);
        first.Dispose();
        await waiting;
        Assert.Equal(50 * MiB, budget.Taken);
    }

    [Fact]
    public void CostOfADocument_FollowsItsValues_NotItsTexts()
    {
        var list = MemoryBudget.CostOf("""{"a":[1,2,3],"b":[{},{}]}"""u8, ConfigFormat.Json);
        Assert.InRange(list, 8 * MemoryBudget.BytesPerValue, 14 * MemoryBudget.BytesPerValue);
        Assert.InRange(MemoryBudget.CostOf("""{"a":",,,[[[{{{\",,,,\",\\"}"""u8, ConfigFormat.Json), 1, 4 * MemoryBudget.BytesPerValue);
        Assert.InRange(MemoryBudget.CostOf("a:\n- 1\n- 2\n- {b: 1, c: 2}\n"u8, ConfigFormat.Yaml), 6 * MemoryBudget.BytesPerValue,
            16 * MemoryBudget.BytesPerValue);
    }
}
