using System.Globalization;
using System.Net;
using System.Text.Json;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.EnvoyPaths;

/// <summary>Envoy's /clusters, as text and JSON, of endpoints in each state that there is.</summary>
public sealed class ClustersTextTests : IAsyncLifetime
{
    private readonly RecordingUpstream _well = RecordingUpstream.Start(), _bad = RecordingUpstream.Start(),
        _degraded = RecordingUpstream.Start(), _leaves = RecordingUpstream.Start(), _slow = RecordingUpstream.Start();
    private TestNode _node = null!;

    public async ValueTask InitializeAsync()
    {
        _bad.Answer = _ => "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n";
        _degraded.Answer = _ => RecordingUpstream.Ok("", "x-envoy-degraded: true\r\n");
        _leaves.Answer = _ => "HTTP/1.1 503 No\r\nx-envoy-immediate-health-check-fail: true\r\ncontent-length: 0\r\n\r\n";
        _slow.Answer = _ => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"; // and no more
        static string At(RecordingUpstream up, string rest = "")
            => $"{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {up.Port}}}}}}}{rest}}}";
        static string Literal(int port, string rest)
            => $"{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}, "
                + $"health_check_config: {{disable_active_health_check: true}}}}, {rest}}}";
        _node = await TestNode.StartAsync($$$"""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              routes:
              - {name: all, match: {prefix: /}, route: {cluster: outliers}}
            clusters:
            - name: all
              health_checks:
              - {timeout: 0.2s, interval: 0.02s, no_traffic_interval: 0.02s, unhealthy_threshold: 1, healthy_threshold: 1,
                 http_health_check: {path: /h}}
              load_assignment:
                cluster_name: all
                endpoints:
                - locality: {region: eu, zone: eu-1, sub_zone: b}
                  lb_endpoints:
                  - {{{At(_well, ", load_balancing_weight: 7, metadata: {filter_metadata: {envoy.lb: {canary: true}}}")}}}
                  - {{{At(_bad)}}}
                  - {{{At(_degraded)}}}
                  - {{{At(_leaves)}}}
                  - {{{At(_slow)}}}
                - priority: 1
                  lb_endpoints:
                  - {{{Literal(1, "health_status: UNHEALTHY")}}}
                  - {{{Literal(2, "health_status: DRAINING")}}}
                  - {{{Literal(3, "health_status: DEGRADED")}}}
                  - {{{Literal(4, "health_status: TIMEOUT")}}}
                  - {{{Literal(5, "health_status: HEALTHY")}}}
            - name: waits
              health_checks:
              - {timeout: 600s, interval: 600s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: {path: /h}}
              endpoints: ["{{{_slow.Address}}}"]
            - name: outliers
              outlier_detection: {consecutive_5xx: 2, base_ejection_time: 3600s, max_ejection_percent: 100, interval: 0.05s,
                success_rate_minimum_hosts: 1, success_rate_request_volume: 1, enforcing_success_rate: 0}
              endpoints: ["{{{_bad.Address}}}"]
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        foreach (var up in (RecordingUpstream[])[_well, _bad, _degraded, _leaves, _slow]) await up.DisposeAsync();
    }

    [Fact]
    public async Task EachFlagAndValue_IsThereAsEnvoyWritesIt()
    {
        (string Place, string Flags)[] expected =
        [
            (_well.Address, "healthy"), (_bad.Address, "/failed_active_hc"), (_degraded.Address, "/degraded_active_hc"),
            (_leaves.Address, "/failed_active_hc/excluded_via_immediate_hc_fail"),
            (_slow.Address, "/failed_active_hc/active_hc_timeout"), ("127.0.0.1:1", "/failed_eds_health"),
            ("127.0.0.1:2", "/eds_status_draining"), ("127.0.0.1:3", "/degraded_eds_health"), ("127.0.0.1:4", "/failed_eds_health"),
            ("127.0.0.1:5", "healthy"),
        ];
        string text = "";
        await Eventually.TrueAsync(async () =>
        {
            text = (await _node.GetAsync("/clusters")).Is(HttpStatusCode.OK).Body;
            return expected.All(e => text.Contains($"all::{e.Place}::health_flags::{e.Flags}\n", StringComparison.Ordinal));
        }, "every endpoint has its flags");
        Assert.Contains($"waits::{_slow.Address}::health_flags::/pending_active_hc\n", text, StringComparison.Ordinal);
        // Envoy's names and order of the lines of a host.
        string[] names = [.. text.Split('\n').Where(l => l.StartsWith($"all::{_well.Address}::", StringComparison.Ordinal))
            .Select(l => l.Split("::")[2])];
        Assert.Equal(["cx_active", "cx_connect_fail", "cx_total", "rq_active", "rq_error", "rq_success", "rq_timeout", "rq_total",
            "hostname", "health_flags", "weight", "region", "zone", "sub_zone", "canary", "priority", "success_rate",
            "local_origin_success_rate"], names);
        foreach (string line in (string[])["weight::7", "region::eu", "zone::eu-1", "sub_zone::b", "canary::true", "priority::0",
            "success_rate::-1", "local_origin_success_rate::-1"])
            Assert.Contains($"all::{_well.Address}::{line}\n", text, StringComparison.Ordinal);
        foreach (string line in (string[])["region::", "priority::1", "canary::false", "weight::1"])
            Assert.Contains($"all::127.0.0.1:1::{line}\n", text, StringComparison.Ordinal);
        Assert.Contains("outliers::outlier::success_rate_average::", text, StringComparison.Ordinal);
        Assert.DoesNotContain("all::outlier::", text, StringComparison.Ordinal);
        Assert.Contains("all::default_priority::max_retries::3\nall::added_via_api::true\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_HasTheFieldsOfItsMessage()
    {
        JsonElement hosts = default;
        await Eventually.TrueAsync(async () =>
        {
            hosts = Cluster((await _node.GetAsync("/clusters?format=json")).Is(HttpStatusCode.OK).Json, "all").GetProperty("host_statuses");
            return !hosts.EnumerateArray().Any(h => h.GetProperty("health_status").TryGetProperty("pending_active_hc", out _));
        }, "every endpoint was checked");
        Assert.Equal(
        [
            "eds_health_status=HEALTHY", "failed_active_health_check=True eds_health_status=HEALTHY",
            "failed_active_degraded_check=True eds_health_status=HEALTHY",
            "failed_active_health_check=True excluded_via_immediate_hc_fail=True eds_health_status=HEALTHY",
            "failed_active_health_check=True active_hc_timeout=True eds_health_status=HEALTHY", "eds_health_status=UNHEALTHY",
            "eds_health_status=DRAINING", "eds_health_status=DEGRADED", "eds_health_status=UNHEALTHY", "eds_health_status=HEALTHY",
        ], hosts.EnumerateArray().Select(h => string.Join(' ', h.GetProperty("health_status").EnumerateObject()
            .Select(p => $"{p.Name}={p.Value}"))));
        var first = hosts[0];
        var place = first.GetProperty("locality");
        Assert.Equal(("eu", "eu-1", "b", 0, 7), (place.GetProperty("region").GetString(), place.GetProperty("zone").GetString(),
            place.GetProperty("sub_zone").GetString(),
            first.GetProperty("priority").GetInt32(), first.GetProperty("weight").GetInt32()));
        Assert.Equal(JsonValueKind.Null, first.GetProperty("success_rate").ValueKind);
        Assert.Equal((1, _well.Port), (hosts[5].GetProperty("priority").GetInt32(),
            first.GetProperty("address").GetProperty("socket_address").GetProperty("port_value").GetInt32()));
        Assert.Equal("400", ((int)(await _node.GetAsync("/clusters?format=yaml")).Status).ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task EjectedOnes_SayTheirRate()
    {
        using var client = new HttpClient();
        string edge = (await _node.GetAsync("/listeners")).Body.Split("::")[1].Trim();
        string text = "";
        await Eventually.TrueAsync(async () =>
        {
            using var answer = await client.GetAsync($"http://{edge}/");
            text = (await _node.GetAsync("/clusters")).Body;
            return text.Contains($"outliers::{_bad.Address}::health_flags::/failed_outlier_check\n", StringComparison.Ordinal);
        }, "the endpoint is ejected");
        var host = Cluster((await _node.GetAsync("/clusters?format=json")).Json, "outliers").GetProperty("host_statuses")[0];
        Assert.True(host.GetProperty("health_status").GetProperty("failed_outlier_check").GetBoolean());
    }

    private static JsonElement Cluster(JsonElement all, string name)
        => all.GetProperty("cluster_statuses").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);
}
