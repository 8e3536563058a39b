using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Health;

/// <summary>What becomes of the connections to an endpoint that is no longer well.</summary>
public sealed class HealthFailureTests : IAsyncLifetime
{
    private readonly RecordingUpstream _up = RecordingUpstream.Start();
    private readonly RecordingUpstream _checks = RecordingUpstream.Start("checks");
    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _unwell;
    private ProxyFixture _proxy = null!;

    public async ValueTask InitializeAsync()
    {
        _checks.Answer = _ => _unwell ? "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n" : null;
        _up.OnHead = (request, _) => request.Target == "/busy" ? _gate.Task : Task.CompletedTask;
        string checks = $$"""
            health_checks: [{timeout: 30s, interval: 0.02s, no_traffic_interval: 0.02s, unhealthy_threshold: 1, healthy_threshold: 1,
                alt_port: {{_checks.Port}}, http_health_check: {path: /} }]
            """;
        static string Tcp(string name) => $$"""
            - name: {{name}}
              address: "127.0.0.1:0"
              filter_chains:
              - filters:
                - name: tcp_proxy
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                    stat_prefix: {{name}}
                    cluster: {{name}}
            """;
        _proxy = await ProxyFixture.StartAsync($$"""
            clusters:
            - name: cut
              endpoints: ["{{_up.Address}}"]
              close_connections_on_host_health_failure: true
              {{checks}}
            - name: kept
              endpoints: ["{{_up.Address}}"]
              {{checks}}
            listeners:
            - {name: edge, address: "127.0.0.1:0", routes: [{match: {prefix: /}, route: {cluster: kept} }]}
            {{Tcp("cut")}}
            {{Tcp("kept")}}
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _up.DisposeAsync();
        await _checks.DisposeAsync();
    }

    private long Checks(string cluster) => _proxy.Stat($"cluster.{cluster}.health_check.success");

    [Fact]
    public async Task IdleConnectionsClose_BusyOnesWhenTheyAreDone_TunnelsWhereTheClusterSaysSo()
    {
        await Eventually.Async(() => Checks("cut") > 0 && Checks("kept") > 0, "both are well");
        await using var cut = await _proxy.ConnectAsync("cut");
        await using var kept = await _proxy.ConnectAsync("kept");
        foreach (var tunnel in (RawClient[])[cut, kept])
        {
            await tunnel.GetAsync("/tunnel");
            Assert.Equal(200, (await tunnel.ReadAsync()).Status);
        }
        var busy = _proxy.GetAsync("/busy");
        await Eventually.Async(() => _proxy.Stat("cluster.kept.upstream_rq_active") == 1, "one is under way");
        await _proxy.GetAsync("/idle");
        Assert.Equal(4, _up.Open);

        _unwell = true;
        await Eventually.Async(() => _up.Open == 2, "the idle connection and the tunnel of the one cluster are closed");
        Assert.True(await cut.EndsAsync());
        await kept.GetAsync("/tunnel");
        Assert.Equal(200, (await kept.ReadAsync()).Status);
        _gate.SetResult();
        Assert.Equal(200, (await busy).Status);
        await Eventually.Async(() => _up.Open == 1, "the busy one goes with its request");
    }
}
