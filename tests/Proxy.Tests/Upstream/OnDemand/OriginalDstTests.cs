using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.OnDemand;

/// <summary>Clusters of type ORIGINAL_DST: a request goes where its connection was going, or where a header says.</summary>
public sealed class OriginalDstTests : IAsyncLifetime
{
    private readonly RecordingUpstream _up = RecordingUpstream.Start("up");
    private ProxyFixture _proxy = null!;

    public async ValueTask InitializeAsync() => _proxy = await ProxyFixture.StartAsync($$"""
        listeners:
        - name: edge
          address: "127.0.0.1:0"
          listener_filters: [{name: proxy_protocol, typed_config: {allow_requests_without_proxy_protocol: true} }]
          filter_chains:
          - filters:
            - name: http_connection_manager
              typed_config:
                stat_prefix: edge
                internal_address_config: {cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}, {address_prefix: 127.0.0.0, prefix_len: 8} ] }
                http_filters: [{name: router}]
                route_config:
                  virtual_hosts:
                  - name: main
                    domains: ["*"]
                    routes:
                    - {match: {prefix: /header}, route: {cluster: header} }
                    - {match: {prefix: /named}, route: {cluster: named} }
                    - {match: {prefix: /port}, route: {cluster: port} }
                    - {match: {prefix: /}, route: {cluster: plain} }
        - name: tcp
          address: "127.0.0.1:0"
          listener_filters: [{name: proxy_protocol}]
          filter_chains: [{filters: [{name: tcp_proxy, typed_config: {stat_prefix: t, cluster: plain} }] }]
        clusters:
        - {name: plain, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, cleanup_interval: 3s}
        - {name: header, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, original_dst_lb_config: {use_http_header: true} }
        - {name: named, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, original_dst_lb_config: {use_http_header: true, http_header_name: X-To} }
        - {name: port, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, original_dst_lb_config: {upstream_port_override: {{_up.Port}} } }
        """);

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _up.DisposeAsync();
    }

    [Theory]
    [InlineData("/", "127.0.0.1:PORT", "", 200)]
    [InlineData("/", "", "", 503)] // it came to the proxy itself
    [InlineData("/", "", "x-envoy-original-dst-host: 127.0.0.1:PORT\r\n", 503)] // who says so is not asked
    [InlineData("/header", "", "x-envoy-original-dst-host: 127.0.0.1:PORT\r\n", 200)]
    [InlineData("/header", "127.0.0.1:1", "x-envoy-original-dst-host: 127.0.0.1:PORT\r\n", 200)]
    [InlineData("/header", "127.0.0.1:PORT", "x-envoy-original-dst-host: up.test:80\r\n", 200)] // no address: as without
    [InlineData("/header", "", "x-envoy-original-dst-host: 127.0.0.1\r\n", 503)]
    [InlineData("/header", "", "x-envoy-original-dst-host: 127.0.0.1:0\r\n", 503)]
    [InlineData("/header", "", "", 503)]
    [InlineData("/named", "", "x-to: 127.0.0.1:PORT\r\n", 200)]
    [InlineData("/port", "127.0.0.1:1", "", 200)]
    public async Task Request_GoesWhereItWasGoing(string path, string restored, string headers, int status)
    {
        string With(string text) => text.Replace("PORT", $"{_up.Port}", StringComparison.Ordinal);
        await using var client = await _proxy.ConnectAsync();
        if (restored.Length > 0)
        {
            string[] to = With(restored).Split(':');
            await client.SendAsync($"PROXY TCP4 10.0.0.1 {to[0]} 1234 {to[1]}\r\n");
        }
        await client.GetAsync(path, headers: With(headers));
        Assert.Equal(status, (await client.ReadAsync()).Status);
    }

    [Fact]
    public async Task Connection_GoesWhereItWasGoing_AndTheEndpointIsForgotten()
    {
        await using var client = await _proxy.ConnectAsync("tcp");
        await client.SendAsync($"PROXY TCP4 10.0.0.1 127.0.0.1 1234 {_up.Port}\r\nGET /tcp HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Equal("up /tcp", (await client.ReadAsync()).Text);
        await Eventually.Async(() => _proxy.Observed("cluster.plain.membership_total") == 1, "shown");
        await Eventually.Async(() => _proxy.Observed("cluster.plain.membership_total") == 0, "forgotten");
    }

    [Theory]
    [InlineData("lb_policy: ROUND_ROBIN", "CLUSTER_PROVIDED")]
    [InlineData("load_assignment: {endpoints: []}", "no list of endpoints")]
    [InlineData("original_dst_lb_config: {metadata_key: {}}", "'metadata_key' is not supported")]
    [InlineData("original_dst_lb_config: {http_header_name: 'a b'}", "is not a header name")]
    public void Mistake_IsSaid(string config, string message)
    {
        var built = _proxy.Build($"clusters: [{{name: x, type: ORIGINAL_DST, {config}}}]");
        Assert.Contains(built.Errors, e => e.Detail.Contains(message, StringComparison.Ordinal));
        built = _proxy.Build("clusters: [{name: x, lb_policy: CLUSTER_PROVIDED}, {name: y, original_dst_lb_config: {}}]");
        Assert.Equal(2, built.Errors.Count);
    }
}
