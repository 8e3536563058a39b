using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.Rbac;

public sealed class RbacNetworkFilterTests
{
    private static string Document(string config, string terminal = "{name: echo}", string listener = "") => $$"""
        listeners:
        - {name: edge, address: "127.0.0.1:0", {{listener}} filter_chains: [{name: main, filters: [
            {name: rbac, typed_config: {stat_prefix: raw, {{config}} } }, {{terminal}}]}]}
        """;

    private static string Rules(string principal, string action = "ALLOW", string permission = "any: true")
        => $"rules: {{action: {action}, policies: {{p: {{permissions: [{{{permission}}}], principals: [{{{principal}}}]}}}}}}";

    private const string Here = "direct_remote_ip: {address_prefix: 127.0.0.0, prefix_len: 8}";

    [Theory]
    [InlineData(Here, "ALLOW", true)]
    [InlineData(Here, "DENY", false)]
    [InlineData("remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}", "ALLOW", false)]
    [InlineData("not_id: {source_ip: {address_prefix: 127.0.0.1, prefix_len: 32}}", "DENY", true)]
    [InlineData("authenticated: {}", "ALLOW", false)]
    public async Task Connection_IsServedOrClosed(string principal, string action, bool served)
    {
        await using var proxy = await ProxyFixture.StartAsync(Document(Rules(principal, action)));
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("hello");
        if (served)
        {
            Assert.Equal("hello", await client.ReadTextAsync(5));
            await client.SendAsync("again");
            Assert.Equal("again", await client.ReadTextAsync(5));
        }
        else Assert.Empty(await client.ReadToEndAsync());
        Assert.Equal(served ? (1, 0) : (0, 1), (proxy.Stat("raw.rbac.allowed"), proxy.Stat("raw.rbac.denied")));
    }

    [Fact]
    public async Task ContinuousEnforcement_JudgesEachPiece()
    {
        await using var proxy = await ProxyFixture.StartAsync(Document(Rules(Here)
            + ", enforcement_type: CONTINUOUS, shadow_rules_stat_prefix: next, shadow_rules: {policies: {}}"));
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("one");
        Assert.Equal("one", await client.ReadTextAsync(3));
        long first = proxy.Stat("raw.rbac.allowed");
        await client.SendAsync("two");
        Assert.Equal("two", await client.ReadTextAsync(3));
        Assert.True(proxy.Stat("raw.rbac.allowed") > first);
        Assert.Equal(proxy.Stat("raw.rbac.allowed"), proxy.Stat("raw.rbac.next.shadow_denied"));
    }

    [Fact]
    public async Task ServiceThatSpeaksFirst_TellsNobodyWhoIsNotLetIn()
    {
        await using var proxy = await ProxyFixture.StartAsync(Document(Rules(Here, "DENY"),
            "{name: direct_response, typed_config: {response: {inline_string: secret}}}"));
        await using var client = await proxy.ConnectAsync();
        Assert.Empty(await client.ReadToEndAsync());
        Assert.Equal(1, proxy.Stat("raw.rbac.denied"));
    }

    [Theory]
    [InlineData("3600s", false)]
    [InlineData("0.05s", true)]
    public async Task DeniedConnection_StaysSilentForItsDelay(string delay, bool ends)
    {
        await using var proxy = await ProxyFixture.StartAsync(Document(Rules(Here, "DENY") + ", delay_deny: " + delay));
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("hello");
        await Eventually.Async(() => proxy.Stat("raw.rbac.denied") == 1, "it is judged");
        if (!ends)
        {
            await client.SendAsync("more");
            await proxy.PassAsync(100);
            Assert.False(client.Socket.Poll(0, System.Net.Sockets.SelectMode.SelectRead));
        }
        else Assert.Empty(await client.ReadToEndAsync());
        Assert.Equal(1, proxy.Stat("raw.rbac.denied"));
    }

    [Theory]
    [InlineData("header: {name: x}", "header")]
    [InlineData("url_path: {path: {exact: /}}", "url_path")]
    [InlineData("sourced_metadata: {metadata_source: ROUTE, metadata_matcher: {filter: a, path: [{key: b}], value: {null_match: {}}}}",
        "ROUTE")]
    public async Task WhatAConnectionHasNot_IsRefused(string permission, string named)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build(Document(Rules(Here, permission: permission))).Errors,
            e => e.Detail.Contains($"'{named}' is not supported", StringComparison.Ordinal));
    }
}
