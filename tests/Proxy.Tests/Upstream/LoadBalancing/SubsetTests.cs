using Xunit;

namespace Managed.Proxy.Tests.Upstream.LoadBalancing;

/// <summary>Clusters divided by metadata, behind one listener: what a request asks for and which endpoints it may get.</summary>
public sealed class SubsetTests(SubsetFixture fixture) : IClassFixture<SubsetFixture>
{
    [Theory]
    // What the route asks for, by stage and version.
    [InlineData("any", "/prod-1", "", "a")]
    [InlineData("any", "/prod-2", "", "b")]
    [InlineData("any", "/dev-1", "", "c")]
    [InlineData("any", "/dev", "", "c d")]
    [InlineData("any", "/dev-9", "", "a b c d")] // there is none: anything
    [InlineData("any", "/version-1", "", "a b c d")] // no selector for it alone
    [InlineData("any", "/none", "", "a b c d")]
    [InlineData("no", "/prod-1", "", "a")]
    [InlineData("no", "/dev-9", "", "")]
    [InlineData("no", "/none", "", "")]
    [InlineData("default", "/dev-9", "", "a b")]
    [InlineData("default", "/none", "", "a b")]
    [InlineData("panic", "/dev-9", "", "a b c d")] // the default subset is empty
    [InlineData("keys", "/dev-9", "", "c d")] // by fewer keys
    [InlineData("keys", "/test-1", "", "")] // and then nothing
    [InlineData("own", "/dev-9", "", "a b c d")] // the selector's own way
    [InlineData("own", "/stage-x", "", "")]
    [InlineData("single", "/dev", "", "c")]
    [InlineData("list", "/zone-n", "", "a c")] // an element of a list
    [InlineData("list", "/zone-s", "", "a d")]
    [InlineData("nolist", "/zone-n", "", "c")]
    // What a filter leaves is over the route's.
    [InlineData("no", "/prod-1", "x-version: 2\r\n", "b")]
    [InlineData("no", "/dev", "x-version: 1\r\n", "c")]
    [InlineData("no", "/none", "x-version: 1\r\n", "")]
    // Kinds do not meet: 1 is not "1".
    [InlineData("no", "/number", "", "e")]
    // A weighted cluster's own.
    [InlineData("no", "/weighted", "", "b")]
    public async Task Request_GetsWhatItAsksFor(string cluster, string path, string headers, string endpoints)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        await using var client = await fixture.Proxy.ConnectAsync();
        for (int i = 0; i < 16; i++)
        {
            await client.GetAsync(path, headers: $"x-cluster: {cluster}\r\n{headers}");
            var response = await client.ReadAsync();
            if (response.Status == 200) found.Add(response.Text[..1]); else Assert.Equal(503, response.Status);
        }
        Assert.Equal(endpoints, string.Join(' ', found));
    }

    [Theory]
    [InlineData("one", "b")]
    [InlineData("several", "a")]
    [InlineData("nothing", null)]
    public async Task Connection_GetsWhatItsProxyAsksFor(string listener, string? endpoint)
    {
        for (int i = 0; i < 4; i++)
        {
            await using var client = await fixture.Proxy.ConnectAsync(listener);
            if (endpoint is null)
            {
                Assert.True(await client.EndsAsync());
                continue;
            }
            await client.GetAsync("/");
            Assert.Equal(endpoint, (await client.ReadAsync()).Text[..1]);
        }
    }

    [Fact]
    public async Task Choices_AreCounted()
    {
        await fixture.Proxy.GetAsync("/prod-1", headers: "x-cluster: counted\r\n");
        await fixture.Proxy.GetAsync("/dev-9", headers: "x-cluster: counted\r\n");
        await fixture.Proxy.GetAsync("/none", headers: "x-cluster: counted\r\n");
        Assert.Equal(1, fixture.Proxy.Stat("cluster.counted.lb_subsets_selected"));
        Assert.Equal(2, fixture.Proxy.Stat("cluster.counted.lb_subsets_fallback"));
    }

    [Theory]
    [InlineData("subset_selectors: [{keys: [a], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [b]}]", "must be some of the keys")]
    [InlineData("subset_selectors: [{keys: [a], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [a]}]", "must be some of the keys")]
    [InlineData("subset_selectors: [{keys: [a, b], fallback_policy: KEYS_SUBSET}]", "KEYS_SUBSET")]
    [InlineData("subset_selectors: [{keys: [a, b], fallback_keys_subset: [a]}]", "KEYS_SUBSET")]
    [InlineData("allow_redundant_keys: true", "'allow_redundant_keys' is not supported")]
    [InlineData("scale_locality_weight: true", "'scale_locality_weight' is not supported")]
    public void Mistake_IsSaid(string config, string message)
    {
        var built = fixture.Proxy.Build($$"""
            clusters: [{name: main, endpoints: ["127.0.0.1:1"], lb_subset_config: { {{config}} } }]
            """);
        Assert.Contains(built.Errors, e => e.Detail.Contains(message, StringComparison.Ordinal));
    }
}
