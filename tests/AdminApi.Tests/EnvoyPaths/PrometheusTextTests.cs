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
    [InlineData("wasmcustom.reporter=.=source;.;source_app=.=a \"b\"\\;.;_istio_requests_total", "istio_requests_total{reporter=\"source\",source_app=\"a \\\"b\\\"\\\\\"}")]
    [InlineData("wasmcustom.a=.=1;.;a=.=2;.;x", "x{a=\"1\"}")]
    [InlineData("wasmcustom.__name__=.=up;.;x", "__name_____up___x{}")]
    [InlineData("wasmcustom.le=,;.x", "le____x{}")]
    [InlineData("cluster.web.upstream_rq_200", "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"web\"}")]
    public void Statistic_HasNameAndLabels(string stat, string series) =>
        Assert.Contains($"\n{series} 7\n", "\n" + PrometheusText.Of([new Stat(stat, StatKind.Counter, 7, null)]), StringComparison.Ordinal);

    [Fact]
    public void GuestsNamesThatComeToTheSame_StaySeriesOfTheirOwn()
    {
        var text = PrometheusText.Of([new Stat("wasmcustom.a.b", StatKind.Counter, 1, null), new Stat("wasmcustom.a-b", StatKind.Counter, 2, null), new Stat("wasmcustom.a_b", StatKind.Gauge, 3, null)]);
        Assert.Equal("# TYPE a_b counter\na_b{} 1\na_b{envoy_stat=\"wasmcustom.a-b\"} 2\n# TYPE a_b_gauge gauge\na_b_gauge{} 3\n", text);
    }
}
