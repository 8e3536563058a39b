using System.Net;
using Managed.AdminApi.Auth;
using Managed.AdminApi.Problems;

namespace Managed.AdminApi.Tests.Auth;

public sealed class FailureLimitTests
{
    private static readonly IPAddress Here = IPAddress.Parse("192.0.2.1");
    private readonly SetTime _time = new();

    [Fact]
    public void Failures_AreLimitedUntilTheOldestIsAWindowAgo()
    {
        var limit = new FailureLimit(_time, new(_time), "tokens", 3, TimeSpan.FromMinutes(1));
        for (var i = 0; i < 3; i++)
            limit.Failed(Here);
        _time.Now += TimeSpan.FromSeconds(59.5);
        Assert.Equal("1", Refusal(limit, Here)!.Headers["Retry-After"]);
        Assert.Null(Refusal(limit, IPAddress.Parse("192.0.2.2")));
        _time.Now += TimeSpan.FromSeconds(0.5);
        Assert.Null(Refusal(limit, Here));
    }

    [Fact]
    public void AddressesOfOneMachine_CountAsOne()
    {
        var limit = new FailureLimit(_time, new(_time), "tokens", 1, TimeSpan.FromMinutes(1));
        limit.Failed(IPAddress.Parse("2001:db8::1"));
        Assert.NotNull(Refusal(limit, IPAddress.Parse("2001:db8::ffff:2")));
        Assert.Null(Refusal(limit, IPAddress.Parse("2001:db8:0:1::1")));
        limit.Failed(Here);
        Assert.NotNull(Refusal(limit, Here.MapToIPv6()));
    }

    [Fact]
    public void ManyAddresses_TakeNoMoreMemory()
    {
        var limit = new FailureLimit(_time, new(_time), "tokens", 1, TimeSpan.FromMinutes(1));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (uint i = 0; i < 50_000; i++)
            limit.Failed(new(i));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100 << 20); // nothing quadratic
        Assert.Null(Refusal(limit, new(1))); // was forgotten
    }

    [Fact]
    public async Task WrongTokens_AreSlowedAndTheRightOneIsNot()
    {
        await using var node = await TestNode.StartAsync();
        using var other = new HttpClient { BaseAddress = node.Host.AdminUri };
        other.DefaultRequestHeaders.Authorization = new("Bearer", "wrong");
        for (var i = 0; i < 10; i++)
            Assert.Equal(HttpStatusCode.Unauthorized, (await other.GetAsync(i % 2 == 0 ? "/api/v1/config" : "/Stats/")).StatusCode);
        var refused = await other.GetAsync("/api/v1/config");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        other.DefaultRequestHeaders.Authorization = new("Basic", "d3Jvbmc=");
        Assert.Equal(HttpStatusCode.TooManyRequests, (await other.GetAsync("/config_dump")).StatusCode);
        (await node.GetAsync("config")).Is(HttpStatusCode.OK);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await other.GetAsync("/stats")).StatusCode); // a right one forgives no wrong ones
    }

    [Fact]
    public async Task SignInWithTheRightToken_WorksAfterWrongOnes()
    {
        await using var node = await TestNode.StartAsync();
        for (var i = 0; i < 8; i++)
            await node.PostAsync("auth/login", """{"token":"guess"}""");
        (await node.PostAsync("auth/login", $$"""{"token":"{{node.Host.Token}}"}""")).Is(HttpStatusCode.OK);
    }

    private static ApiException? Refusal(FailureLimit limit, IPAddress address)
    {
        try
        {
            limit.Failed(address);
            return null;
        }
        catch (ApiException e) when (e.Code == ProblemCode.RateLimited)
        {
            return e;
        }
    }
}
