using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.LocalRateLimit;

public sealed class LocalRateLimitFilterTests
{
    private static string Filter(string more = "", int max = 3)
        => $"{{name: local_ratelimit, typed_config: {{stat_prefix: rl, token_bucket: {{max_tokens: {max}, tokens_per_fill: {max}"
            + $", fill_interval: 3600s}}{(more.Length > 0 ? ", " + more : "")}}}}}";

    private static async Task<string> StatusesAsync(LiveProxy proxy, int count, string path = "/")
    {
        var statuses = new int[count];
        for (int i = 0; i < count; i++) statuses[i] = Status(await proxy.GetAsync(path));
        return string.Join(' ', statuses);
    }

    private static int Status(string response) => int.Parse(response.AsSpan(9, 3), null);

    [Fact]
    public async Task RequestsOverTheLimit_AreRefusedAndCounted()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter());
        Assert.Equal("200 200 200 429 429", await StatusesAsync(proxy, 5));
        string refusal = await proxy.GetAsync();
        Assert.EndsWith("\r\n\r\nlocal_rate_limited", refusal);
        Assert.Equal((6, 3, 3, 3), (proxy.Stats.Value("rl.http_local_rate_limit.enabled"), proxy.Stats.Value("rl.http_local_rate_limit.ok"),
            proxy.Stats.Value("rl.http_local_rate_limit.rate_limited"), proxy.Stats.Value("rl.http_local_rate_limit.enforced")));
    }

    [Fact]
    public async Task OneBucket_ServesAllWorkers()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter(max: 20), workers: 4);
        var statuses = await Task.WhenAll(Enumerable.Range(0, 60).Select(async _ => Status(await proxy.GetAsync())));
        Assert.Equal(20, statuses.Count(s => s == 200));
        Assert.Equal(40, statuses.Count(s => s == 429));
    }

    [Fact]
    public async Task Tokens_OutliveAnUnrelatedChangeAndNotAChangedBucket()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter());
        Assert.Equal("200 200 200 429", await StatusesAsync(proxy, 4));
        await proxy.PublishAsync(Filter("status: {code: 503}"));
        Assert.Equal("503", await StatusesAsync(proxy, 1));
        await proxy.PublishAsync(Filter(max: 2));
        Assert.Equal("200 200 429", await StatusesAsync(proxy, 3));
    }

    [Fact]
    public async Task Headers_TellTheLimit()
    {
        await using var proxy = await LiveProxy.StartAsync(
            Filter("enable_x_ratelimit_headers: DRAFT_VERSION_03, response_headers_to_add: [{header: {key: x-why, value: "
                + "'%RESPONSE_FLAGS%'}}]", max: 1));
        string ok = await proxy.GetAsync();
        Assert.Contains("x-ratelimit-limit: 1\r\n", ok);
        Assert.Contains("x-ratelimit-remaining: 0\r\n", ok);
        Assert.Contains("x-ratelimit-reset: 3600\r\n", ok);
        Assert.DoesNotContain("x-why", ok);
        string refused = await proxy.GetAsync();
        Assert.Contains("x-ratelimit-remaining: 0\r\n", refused);
        Assert.Contains("x-why: RL\r\n", refused);
    }

    [Fact]
    public async Task UnenforcedLimit_MarksTheRequest()
    {
        await using var proxy = await LiveProxy.StartAsync(
            Filter("filter_enforced: {default_value: {numerator: 0}}, request_headers_to_add_when_not_enforced: [{header: {key: x, "
                + "value: over}}]", max: 1));
        Assert.EndsWith("[-]", await proxy.GetAsync());
        Assert.EndsWith("[over]", await proxy.GetAsync());
        Assert.Equal((1, 0), (proxy.Stats.Value("rl.http_local_rate_limit.rate_limited"),
            proxy.Stats.Value("rl.http_local_rate_limit.enforced")));
    }

    [Fact]
    public async Task DisabledShare_IsNotCounted()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter("filter_enabled: {default_value: {numerator: 0}}", max: 1));
        Assert.Equal("200 200 200", await StatusesAsync(proxy, 3));
        Assert.Equal(0, proxy.Stats.Value("rl.http_local_rate_limit.enabled"));
    }

    [Fact]
    public async Task Route_HasABucketOfItsOwn()
    {
        await using var proxy = await LiveProxy.StartAsync("{name: rl, typed_config: {\"@type\": local_ratelimit, stat_prefix: chain}}", """
            {name: one, match: {path: /one}, direct_response: {status: 200}, typed_per_filter_config: {rl: {stat_prefix: one, token_bucket: {max_tokens: 1, fill_interval: 3600s}}}},
            {name: two, match: {path: /two}, direct_response: {status: 200}, typed_per_filter_config: {rl: {stat_prefix: two, token_bucket: {max_tokens: 2, fill_interval: 3600s}}}},
            ECHO
            """.Replace("ECHO", LiveProxy.EchoRoute, StringComparison.Ordinal));
        Assert.Equal("200 429", await StatusesAsync(proxy, 2, "/one"));
        Assert.Equal("200 200 429", await StatusesAsync(proxy, 3, "/two"));
        Assert.Equal("200 200 200 200", await StatusesAsync(proxy, 4));
        Assert.Equal(1, proxy.Stats.Value("one.http_local_rate_limit.enforced"));
    }

    [Fact]
    public async Task Connection_HasABucketOfItsOwn()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter("local_rate_limit_per_downstream_connection: true", max: 2));
        for (int i = 0; i < 3; i++)
        {
            using var connection = await proxy.ConnectAsync();
            Assert.Equal(200, Status(await connection.SendAsync("GET", "/")));
            Assert.Equal(200, Status(await connection.SendAsync("GET", "/")));
            Assert.Equal(429, Status(await connection.SendAsync("GET", "/")));
        }
    }
}
