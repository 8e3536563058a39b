using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http;

public sealed class UpgradeFilterTests(UpgradeFilterTests.Edge edge) : IClassFixture<UpgradeFilterTests.Edge>
{
    private const string Asks = "Connection: upgrade\r\nUpgrade: websocket\r\n";

    private static string Adds(string header) => $"{{name: {header}, typed_config: {{'@type': type.googleapis.com/envoy.extensions."
        + $"filters.http.header_mutation.v3.HeaderMutation, mutations: {{response_mutations: "
        + $"[{{append: {{header: {{key: {header}, value: yes}}}}}}]}}}}}}";

    public sealed class Edge : IAsyncLifetime
    {
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            // A script gives requests an upgrade that they did not come with, or another route.
            string lua = "{name: lua, typed_config: {inline_code: \"function envoy_on_request(h) if h:headers():get('x-late') then "
                + "h:headers():replace('upgrade', 'websocket') end if h:headers():get('x-off') then h:headers():replace(':path', '/off') "
                + "h:clearRouteCache() end end\"}}";
            Upstream.Answer = r => r["upgrade"] is null ? null
                : $"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: {r["upgrade"]}\r\n\r\n";
            Proxy = await ProxyFixture.StartAsync($$"""
                clusters: [{name: up, endpoints: ["{{Upstream.Address}}"]}]
                listeners:
                - name: edge
                  address: 127.0.0.1:0
                  filter_chains:
                  - filters:
                    - name: http_connection_manager
                      typed_config:
                        stat_prefix: edge
                        upgrade_configs:
                        - {upgrade_type: websocket, filters: [{{Adds("x-upgrade")}}, {{lua}}, {name: router}]}
                        - {upgrade_type: other}
                        http_filters: [{{Adds("x-main")}}, {{lua}}, {name: router}]
                        route_config:
                          virtual_hosts:
                          - name: v
                            domains: ["*"]
                            routes:
                            - {match: {prefix: /off}, route: {cluster: up, upgrade_configs: [{upgrade_type: websocket, enabled: false}]} }
                            - match: {prefix: /without}
                              route: {cluster: up}
                              typed_per_filter_config: {x-upgrade: {disabled: true} }
                            - {match: {prefix: /}, route: {cluster: up} }
                """);
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("/", "", 200, "x-main")]
    [InlineData("/", Asks, 101, "x-upgrade")]
    [InlineData("/", "Connection: upgrade\r\nUpgrade: other, WebSocket\r\n", 101, "x-main")]
    [InlineData("/without", Asks, 101, "")]
    [InlineData("/off", Asks, 403, "x-main")] // it is switched off here
    [InlineData("/", Asks + "x-off: 1\r\n", 403, "x-upgrade")] // it passed the filters of an upgrade and is none any more
    public async Task Request_PassesTheFiltersOfItsUpgrade(string path, string fields, int status, string mark)
    {
        await using var client = await edge.Proxy.ConnectAsync();
        await client.GetAsync(path, headers: fields);
        var answer = await client.ReadAsync();
        Assert.Equal(status, answer.Status);
        Assert.Equal(mark, answer["x-main"] is not null ? "x-main" : answer["x-upgrade"] is not null ? "x-upgrade" : "");
    }

    [Fact]
    public async Task RequestWithABody_IsNoUpgrade()
    {
        await using var client = await edge.Proxy.ConnectAsync();
        await client.SendAsync($"POST / HTTP/1.1\r\nhost: h\r\n{Asks}content-length: 2\r\n\r\nab");
        var answer = await client.ReadAsync();
        Assert.Equal((200, "yes", null), (answer.Status, answer["x-main"], answer["x-upgrade"]));
    }

    [Fact]
    public void ChainWithoutRouter_IsRefused()
        => Assert.Contains(edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', filter_chains: [{filters: [{name: "
            + "http_connection_manager, typed_config: {stat_prefix: s, http_filters: [{name: router}], route_config: {virtual_hosts: []}, "
            + "upgrade_configs: [{upgrade_type: websocket, filters: [{name: cors}]}]}}]}]}]").Errors,
            e => e.Detail.Contains("the last HTTP filter must be the router", StringComparison.Ordinal));
}
