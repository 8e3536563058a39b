using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.SetFilterState;

public sealed class SetFilterStateFilterTests
{
    private const string Show = "response_headers_to_add: [{header: {key: x-s, value: '[%FILTER_STATE(s:PLAIN)%]'}}]";

    private static string Set(string key, string text, string more = "")
        => $"{{object_key: {key}, format_string: {{text_format_source: {{inline_string: '{text}'}}, omit_empty_values: true}}{more}}}";

    [Fact]
    public async Task Levels_AreSetInTheirOrder()
    {
        await using var proxy = await LiveProxy.StartAsync($$$$$$"""
            {name: set_filter_state, typed_config: {on_request_headers: [{{{{{{Set("s", "chain %REQ(X-A)%")}}}}}}]}}
            """, $$$$$$"""
            {match: {prefix: /empty}, direct_response: {status: 200}, {{{{{{Show}}}}}}, typed_per_filter_config: {set_filter_state: {on_request_headers: [{{{{{{Set("s", "%REQ(X-NONE)%", ", skip_if_empty: true")}}}}}}]}}},
            {match: {prefix: /own}, direct_response: {status: 200}, {{{{{{Show}}}}}}, typed_per_filter_config: {set_filter_state: {on_request_headers: [{{{{{{Set("s", "own")}}}}}}]}}},
            {match: {prefix: /}, direct_response: {status: 200}, {{{{{{Show}}}}}} }
            """);
        Assert.Contains("x-s: [chain 1]\r\n", await proxy.GetAsync("/", "x-a: 1"));
        Assert.Contains("x-s: [chain 1]\r\n", await proxy.GetAsync("/empty", "x-a: 1"));
        Assert.Contains("x-s: [own]\r\n", await proxy.GetAsync("/own", "x-a: 1"));
    }

    [Fact]
    public async Task ReadOnlyObject_IsChangedByNobody()
    {
        await using var proxy = await LiveProxy.StartAsync($$$$$$"""
            {name: set_filter_state, typed_config: {on_request_headers: [{{{{{{Set("s", "first", ", read_only: true")}}}}}}, {{{{{{Set("s", "second")}}}}}}]}},
            {name: lua, typed_config: {inline_code: "function envoy_on_request(h) local ok, why = pcall(function() h:streamInfo():filterState():set('s', 'lua') end) h:headers():add('x', tostring(ok)) end"}}
            """, LiveProxy.EchoRoute[..^1] + ", " + Show + "}");
        string answer = await proxy.GetAsync();
        Assert.Contains("x-s: [first]\r\n", answer);
        Assert.EndsWith("[false]", answer);
    }

    [Fact]
    public async Task ConnectionsObjects_AreThereForEachRequest()
    {
        await using var proxy = await ProxyFixture.StartAsync($$$$$$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              filter_chains:
              - name: main
                filters:
                - {name: set_filter_state, typed_config: {on_new_connection: [{{{{{{Set("s", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", ", read_only: true")}}}}}}, {{{{{{Set("t", "t")}}}}}}]}}
                - name: http_connection_manager
                  typed_config:
                    stat_prefix: edge
                    http_filters: [{name: set_filter_state, typed_config: {on_request_headers: [{{{{{{Set("s", "no")}}}}}}, {{{{{{Set("t", "%FILTER_STATE(t:PLAIN)%%REQ(X-A)%")}}}}}}]}}, {name: router}]
                    route_config: {name: r, virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}, response_headers_to_add: [{header: {key: x-s, value: "%FILTER_STATE(s:PLAIN)% %FILTER_STATE(t:PLAIN)%"}}]}]}]}
            """);
        await using var client = await proxy.ConnectAsync();
        for (int i = 0; i < 2; i++)
        {
            await client.GetAsync(headers: "x-a: 1\r\n");
            Assert.Equal("127.0.0.1 t1", (await client.ReadAsync())["x-s"]);
        }
    }

    [Theory]
    [InlineData("{object_key: envoy.tcp_proxy.cluster, format_string: {text_format: a}}", "'envoy.tcp_proxy.cluster' is not supported")]
    [InlineData("{object_key: a, factory_key: envoy.other, format_string: {text_format: a}}", "'envoy.other' is not supported")]
    [InlineData("{object_key: a, shared_with_upstream: ONCE, format_string: {text_format: a}}", "ONCE")]
    [InlineData("{object_key: a}", "'format_string' is missing")]
    public async Task WhatIsNotServed_IsRefused(string value, string error)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build("listeners: [{name: edge, address: '127.0.0.1:0', routes: [], http_filters: "
            + $"[{{name: set_filter_state, typed_config: {{on_request_headers: [{value}]}}}}]}}]").Errors,
            e => e.Detail.Contains(error, StringComparison.Ordinal));
    }
}
