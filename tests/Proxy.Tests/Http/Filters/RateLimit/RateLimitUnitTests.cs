using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.RateLimit;
using Managed.Proxy.Http.Headers;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.RateLimit;

/// <summary>RateLimitResponse.RateLimit.Unit by its numbers (envoy/service/ratelimit/v3/rls.proto), as seconds.</summary>
public sealed class RateLimitUnitTests
{
    [Theory]
    [InlineData(1, 1)] // SECOND
    [InlineData(2, 60)] // MINUTE
    [InlineData(3, 3600)] // HOUR
    [InlineData(4, 86_400)] // DAY
    [InlineData(5, 2_592_000)] // MONTH
    [InlineData(6, 31_536_000)] // YEAR
    [InlineData(7, 604_800)] // WEEK
    public void Unit_IsItsSeconds(byte unit, int seconds)
    {
        var headers = new HeaderMap();
        // statuses {current_limit {requests_per_unit: 9, unit}, limit_remaining: 3}
        RateLimitMessages.WriteLimits([0x12, 8, 0x12, 4, 8, 9, 0x10, unit, 0x18, 3], headers, new ByteWriter(64));
        Assert.True(headers.TryGet("x-ratelimit-limit"u8, out var limit));
        Assert.Equal($"9, 9;w={seconds}", Encoding.ASCII.GetString(limit));
    }
}
