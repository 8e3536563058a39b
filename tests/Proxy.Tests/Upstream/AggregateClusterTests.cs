using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream;

/// <summary>Clusters in a row: which of them a request gets, and where a further attempt goes.</summary>
public sealed class AggregateClusterTests : IAsyncLifetime
{
    private readonly RecordingUpstream _first = RecordingUpstream.Start("first"), _second = RecordingUpstream.Start("second");
    private ProxyFixture _proxy = null!;

    public async ValueTask InitializeAsync() => _proxy = await ProxyFixture.StartAsync($$"""
        listeners:
        - name: edge
          address: "127.0.0.1:0"
          filter_chains:
          - filters:
            - name: http_connection_manager
              typed_config:
                stat_prefix: edge
                http_filters: [{name: router}]
                route_config:
                  virtual_hosts:
                  - name: main
                    domains: ["*"]
                    response_headers_to_add: [{header: {key: x-cluster, value: "%UPSTREAM_CLUSTER%"} }]
                    retry_policy:
                      retry_on: connect-failure
                      retry_back_off: {base_interval: 0.001s}
                      retry_priority:
                        name: envoy.retry_priorities.previous_priorities
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig
                          update_frequency: 1
                    routes: [{match: {prefix: /}, route: {cluster_header: x-to} }]
        - name: tcp
          address: "127.0.0.1:0"
          filter_chains: [{filters: [{name: tcp_proxy, typed_config: {stat_prefix: t, cluster: fallback} }] }]
        clusters:
        - {name: good, endpoints: ["{{_first.Address}}"]}
        - {name: other, endpoints: ["{{_second.Address}}"]}
        - {name: bad, endpoints: [{address: "{{_first.Address}}", health_status: UNHEALTHY}], common_lb_config: {healthy_panic_threshold: {value: 0} } }
        - name: half
          endpoints: ["{{_first.Address}}", {address: "127.0.0.1:1", health_status: UNHEALTHY}]
          common_lb_config: {healthy_panic_threshold: {value: 0} }
        - {name: dead, endpoints: ["127.0.0.1:1"]}
        - {name: full, endpoints: ["{{_second.Address}}"], circuit_breakers: {thresholds: [{max_requests: 0}]} }
        {{Aggregate("primary", "good, other")}}
        {{Aggregate("fallback", "bad, other")}}
        {{Aggregate("shared", "half, other")}}
        {{Aggregate("none", "bad")}}
        {{Aggregate("again", "dead, other")}}
        {{Aggregate("crowded", "dead, full")}}
        """);

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _first.DisposeAsync();
        await _second.DisposeAsync();
    }

    private static string Aggregate(string name, string clusters)
        => $"- {{name: {name}, lb_policy: CLUSTER_PROVIDED, cluster_type: {{name: envoy.clusters.aggregate, typed_config: {{'@type': "
            + $"type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig, clusters: [{clusters}]}} }} }}";

    [Theory]
    [InlineData("primary", 200, "first")]
    [InlineData("fallback", 200, "second")]
    [InlineData("none", 503, "")]
    [InlineData("again", 200, "second")] // the second attempt leaves out what was tried
    [InlineData("crowded", 503, "")]
    public async Task Request_GoesToTheFirstThatCanCarryIt(string to, int status, string answered)
    {
        var response = await _proxy.GetAsync(headers: $"x-to: {to}\r\n");
        Assert.Equal((status, to), (response.Status, response["x-cluster"]));
        if (answered.Length > 0) Assert.StartsWith(answered, response.Text, StringComparison.Ordinal);
        if (to == "again") Assert.Equal(1, _proxy.Stat("cluster.other.upstream_rq_total"));
        if (to == "crowded") Assert.Equal(1, _proxy.Stat("cluster.full.upstream_rq_pending_overflow"));
        foreach (string cluster in (string[])["good", "other", "bad", "dead", "full"])
            await Eventually.Async(() => _proxy.Stat($"cluster.{cluster}.upstream_rq_active") == 0, "nothing is left of it");
    }

    [Fact]
    public async Task LaterCluster_GetsWhatTheOneBeforeCannotCarry()
    {
        int first = 0;
        await using var client = await _proxy.ConnectAsync();
        for (int i = 0; i < 400; i++)
        {
            await client.GetAsync(headers: "x-to: shared\r\n");
            if ((await client.ReadAsync()).Text.StartsWith("first", StringComparison.Ordinal)) first++;
        }
        Assert.InRange(first, 220, 340); // 70 of 100, seven deviations
    }

    [Fact]
    public async Task Connection_GoesThereToo()
    {
        await using var client = await _proxy.ConnectAsync("tcp");
        await client.GetAsync("/tcp");
        Assert.Equal("second /tcp", (await client.ReadAsync()).Text);
    }

    [Theory]
    [InlineData("clusters: [nobody]", "cluster 'nobody' does not exist")]
    [InlineData("clusters: [one, one]", "is named twice")]
    [InlineData("clusters: [sum]", "is an aggregate itself")]
    [InlineData("clusters: []", "clusters")]
    public void Mistake_IsSaid(string config, string message)
    {
        var built = _proxy.Build($$"""
            clusters:
            - {name: one, endpoints: ["127.0.0.1:1"]}
            - {name: sum, lb_policy: CLUSTER_PROVIDED, cluster_type: {name: envoy.clusters.aggregate, typed_config:
                {"@type": type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig, {{config}} } } }
            """);
        Assert.Contains(built.Errors, e => $"{e.Pointer} {e.Detail}".Contains(message, StringComparison.Ordinal));
    }

    [Fact]
    public void KindThatIsNone_IsSaid()
    {
        var built = _proxy.Build("clusters: [{name: x, cluster_type: {name: envoy.clusters.redis}, lb_policy: CLUSTER_PROVIDED}]");
        Assert.Contains(built.Errors, e => e.Detail.Contains("there is no kind of cluster 'redis' here", StringComparison.Ordinal));
    }
}
