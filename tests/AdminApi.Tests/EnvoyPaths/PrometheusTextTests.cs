using Managed.AdminApi.EnvoyPaths;
using Managed.Proxy.Core.Telemetry;

namespace Managed.AdminApi.Tests.EnvoyPaths;

public sealed class PrometheusTextTests
{
    [Theory]
    [InlineData("wasm.my-filter.calls", "envoy_wasm_calls{envoy_wasm_name=\"my-filter\"}")]
    [InlineData("wasm.envoy.traps", "envoy_wasm_traps{envoy_wasm_name=\"envoy\"}")]
    [InlineData("wasm.auth.callback.proxy_on_tick", "envoy_wasm_callback_proxy_on_tick{envoy_wasm_name=\"auth\"}")]
    [InlineData("wasm.remote_load_fetch_successes", "envoy_wasm_remote_load_fetch_successes{}")]
    [InlineData("wasm.envoy.wasm.runtime.wasmtime.active", "envoy_wasm_envoy_wasm_runtime_wasmtime_active{}")]
    [InlineData("wasmcustom.requests_rq_200", "requests_rq_200{}")]
    [InlineData("wasmcustom.http.calls total", "http_calls_total{}")]
    [InlineData("wasmcustom.2xx", "_2xx{}")]
    [InlineData("wasmcustom.ümläut", "_ml_ut{}")]
    [InlineData("wasmcustom.reporter=.=source;.;source_app=.=a \"b\"\\;.;_istio_requests_total",
        "istio_requests_total{reporter=\"source\",source_app=\"a \\\"b\\\"\\\\\"}")]
    [InlineData("wasmcustom.a=.=1;.;a=.=2;.;x", "x{a=\"1\"}")]
    [InlineData("wasmcustom.__name__=.=up;.;x", "__name_____up___x{}")]
    [InlineData("wasmcustom.le=,;.x", "le____x{}")]
    [InlineData("cluster.web.upstream_rq_2xx", "envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"2\",envoy_cluster_name=\"web\"}")]
    [InlineData("cluster.web.upstream_rq_1xx", "envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"1\",envoy_cluster_name=\"web\"}")]
    [InlineData("cluster.web.upstream_rq_503", "envoy_cluster_upstream_rq{envoy_response_code=\"503\",envoy_cluster_name=\"web\"}")]
    [InlineData("cluster.web.upstream_rq_completed", "envoy_cluster_upstream_rq_completed{envoy_cluster_name=\"web\"}")]
    [InlineData("cluster.web.external.upstream_rq_5xx",
        "envoy_cluster_external_upstream_rq_xx{envoy_response_code_class=\"5\",envoy_cluster_name=\"web\"}")]
    [InlineData("cluster.api.example.com.upstream_cx_total", "envoy_cluster_upstream_cx_total{envoy_cluster_name=\"api.example.com\"}")]
    [InlineData("cluster.web.circuit_breakers.default.rq_open",
        "envoy_cluster_circuit_breakers_default_rq_open{envoy_cluster_name=\"web\"}")]
    [InlineData("http.edge.downstream_rq_5xx",
        "envoy_http_downstream_rq_xx{envoy_response_code_class=\"5\",envoy_http_conn_manager_prefix=\"edge\"}")]
    [InlineData("http.edge.downstream_rq_total", "envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix=\"edge\"}")]
    [InlineData("http.edge.fault.aborts_injected", "envoy_http_fault_aborts_injected{envoy_http_conn_manager_prefix=\"edge\"}")]
    [InlineData("http.edge.lua.errors", "envoy_http_lua_errors{envoy_http_conn_manager_prefix=\"edge\"}")]
    [InlineData("http.edge.lua.checks.errors", "envoy_http_lua_checks_errors{envoy_http_conn_manager_prefix=\"edge\"}")]
    [InlineData("listener.127.0.0.1_8080.downstream_cx_total",
        "envoy_listener_downstream_cx_total{envoy_listener_address=\"127.0.0.1_8080\"}")]
    [InlineData("listener.[__1]_8080.downstream_cx_total", "envoy_listener_downstream_cx_total{envoy_listener_address=\"[__1]_8080\"}")]
    [InlineData("listener.127.0.0.1_8080.http.edge.downstream_rq_2xx",
        "envoy_listener_http_downstream_rq_xx{envoy_response_code_class=\"2\",envoy_http_conn_manager_prefix=\"edge\","
            + "envoy_listener_address=\"127.0.0.1_8080\"}")]
    [InlineData("listener_manager.worker_3.dispatcher.loop_duration_us",
        "envoy_listener_manager_dispatcher_loop_duration_us{envoy_worker_id=\"3\"}")]
    [InlineData("tcp.db.downstream_cx_total", "envoy_tcp_downstream_cx_total{envoy_tcp_prefix=\"db\"}")]
    [InlineData("login.http_local_rate_limit.rate_limited",
        "envoy_http_local_rate_limit_rate_limited{envoy_local_http_ratelimit_prefix=\"login\"}")]
    [InlineData("cluster.web.upstream_rq_200", "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"web\"}")]
    public void Statistic_HasNameAndLabels(string stat, string series) =>
        Assert.Contains($"\n{series} 7\n", "\n" + PrometheusText.Of([new Stat(stat, StatKind.Counter, 7, null)]), StringComparison.Ordinal);

    [Fact]
    public void GuestsNamesThatComeToTheSame_StaySeriesOfTheirOwn()
    {
        var text = PrometheusText.Of([new Stat("wasmcustom.a.b", StatKind.Counter, 1, null),
            new Stat("wasmcustom.a-b", StatKind.Counter, 2, null), new Stat("wasmcustom.a_b", StatKind.Gauge, 3, null)]);
        Assert.Equal("# TYPE a_b counter\na_b{} 1\na_b{envoy_stat=\"wasmcustom.a-b\"} 2\n# TYPE a_b_gauge gauge\na_b_gauge{} 3\n", text);
    }
}
