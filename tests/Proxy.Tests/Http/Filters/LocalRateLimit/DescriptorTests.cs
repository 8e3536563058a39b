using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.LocalRateLimit;

/// <summary>Buckets of the local rate limit for requests of a kind.</summary>
public sealed class DescriptorTests
{
    private const string Hour = "tokens_per_fill: 1, fill_interval: 3600s";
    private const string Limits = "rate_limits: [{actions: [{request_headers: {header_name: x-tenant, descriptor_key: tenant}}]}, "
        + "{stage: 1, actions: [{generic_key: {descriptor_value: late}}]}]";

    private static string Filter(string more, int max = 1000)
        => $"{{name: local_ratelimit, typed_config: {{stat_prefix: rl, token_bucket: {{max_tokens: {max}, {Hour}}}, descriptors: ["
            + $"{{entries: [{{key: tenant, value: small}}], token_bucket: {{max_tokens: 1, {Hour}}}}}, "
            + $"{{entries: [{{key: tenant, value: big}}], token_bucket: {{max_tokens: 3, {Hour}}}}}, "
            + $"{{entries: [{{key: generic_key, value: late}}], token_bucket: {{max_tokens: 2, {Hour}}}}}]{more}}}}},";

    private static async Task<string> AskAsync(ProxyFixture proxy, string tenants, string path = "/")
    {
        var statuses = new List<int>();
        foreach (string tenant in tenants.Split(' '))
            statuses.Add((await proxy.GetAsync(path, headers: $"x-tenant: {tenant}\r\n")).Status);
        return string.Join(' ', statuses);
    }

    [Theory]
    [InlineData("", 1000, "small small big big big big other other", "200 429 200 200 200 429 200 200")]
    [InlineData("", 2, "other big small", "200 200 429")]
    [InlineData(", always_consume_default_token_bucket: false", 1, "big big small other other", "200 200 200 200 429")]
    [InlineData(", stage: 1", 1000, "small big other", "200 200 429")]
    [InlineData(", rate_limits: [{actions: [{generic_key: {descriptor_key: tenant, descriptor_value: small}}]}]", 1000, "a b", "200 429")]
    public async Task Descriptor_HasABucketOfItsOwn(string more, int max, string tenants, string statuses)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, filters: Filter(more, max),
            routes: $"{{match: {{prefix: /}}, route: {{cluster: up, {Limits}}}}}"));
        Assert.Equal(statuses, await AskAsync(proxy, tenants));
    }

    [Fact]
    public async Task VirtualHost_CountsWhereTheRouteHasNone()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up,
            filters: Filter(", enable_x_ratelimit_headers: DRAFT_VERSION_03"),
            host: Limits + ",", routes: "{match: {prefix: /own}, route: {cluster: up, rate_limits: [{actions: [{generic_key: "
                + "{descriptor_value: none}}]}]}}, {match: {prefix: /}, route: {cluster: up}}"));
        Assert.Equal("200 200", await AskAsync(proxy, "small small", "/own"));
        var answer = await proxy.GetAsync(headers: "x-tenant: small\r\n");
        Assert.Equal((200, "1", "0"), (answer.Status, answer["x-ratelimit-limit"], answer["x-ratelimit-remaining"]));
        Assert.Equal("429", await AskAsync(proxy, "small"));
        Assert.Equal((4, 1), (proxy.Stat("rl.http_local_rate_limit.enabled"), proxy.Stat("rl.http_local_rate_limit.rate_limited")));
    }

    [Theory]
    [InlineData(", local_rate_limit_per_downstream_connection: true", "descriptors have buckets")]
    [InlineData(", local_cluster_rate_limit: {}", "'local_cluster_rate_limit' is not supported")]
    [InlineData(", max_dynamic_descriptors: 5", "'max_dynamic_descriptors' is not supported")]
    public async Task WhatIsNotServed_IsRefused(string more, string error)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build(Edge.Document("127.0.0.1:1", filters: Filter(more))).Errors,
            e => e.Detail.Contains(error, StringComparison.Ordinal));
        Assert.Contains(proxy.Build(Edge.Document("127.0.0.1:1", filters: Filter("").Replace("value: big", "value: ''",
            StringComparison.Ordinal))).Errors, e => e.Pointer.EndsWith("/value", StringComparison.Ordinal));
    }
}
