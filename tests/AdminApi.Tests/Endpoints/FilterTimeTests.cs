using System.Net;

namespace Managed.AdminApi.Tests.Endpoints;

public sealed class FilterTimeTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task Times_AreInStatsPrometheusAndTheFiltersView()
    {
        (await Node.SendAsync("POST", "listeners/edge/filter_chains/main/http_filters?before=router",
            """{"name":"my.script","typed_config":{"@type":"lua","inline_code":"function envoy_on_request(h) h:headers() end"}}"""))
            .Is(HttpStatusCode.Created);
        using var http = new HttpClient();
        using (await http.GetAsync(new Uri($"http://{Node.Host.Proxy.Listeners().Single(l => l.Name == "edge").BoundAddress}/")))
        {
        }
        await Managed.TestKit.Eventually.TrueAsync(async () =>
            (await Node.GetAsync("listeners/edge/filter_chains/main/filter_times")).Is(HttpStatusCode.OK).Json.GetProperty("items")[0]
                .GetProperty("request").GetProperty("count").GetInt64() == 1);

        var filter = (await Node.GetAsync("listeners/edge/filter_chains/main/filter_times")).Json.GetProperty("items")[0];
        Assert.Equal("my.script", filter.GetProperty("name").GetString());
        Assert.True(filter.GetProperty("request").GetProperty("p99").GetDouble() > 0);
        Assert.Equal(1, filter.GetProperty("workers")[0].GetProperty("request").GetProperty("count").GetInt64());
        var stats = (await Node.GetAsync("stats?filter=filter.my.script")).Is(HttpStatusCode.OK).Json.GetProperty("histograms");
        Assert.Contains(stats.EnumerateArray(), h => h.GetProperty("name").GetString() == "http.edge.filter.my.script.request_time_us"
            && h.GetProperty("count").GetInt64() == 1);
        var text = await Node.Http.GetStringAsync(new Uri("/stats/prometheus", UriKind.Relative));
        Assert.Contains("envoy_http_filter_request_time_us_count{managed_filter_name=\"my.script\","
            + "envoy_http_conn_manager_prefix=\"edge\"} 1", text, StringComparison.Ordinal);
        (await Node.GetAsync("listeners/edge/filter_chains/nobody/filter_times")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await Node.GetAsync("listeners/nobody/filter_chains/main/filter_times")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task Errors_AreThoseThatTheFilterEndsItself_InTheDefaultChainToo()
    {
        (await Node.PutAsync("listeners/refusing", """
            {"name":"refusing","address":"127.0.0.1:0","default_filter_chain":{"filters":[{"name":"hcm",
             "typed_config":{"@type":"http_connection_manager",
             "stat_prefix":"refusing","route_config":{"name":"r","virtual_hosts":[{"name":"all","domains":["*"],"routes":[
              {"match":{"prefix":"/"},"direct_response":{"status":404}}]}]},
             "http_filters":[{"name":"first","typed_config":{"@type":"lua","inline_code":"function envoy_on_request(h) h:headers() end"}},
              {"name":"second","typed_config":{"@type":"lua","inline_code":
               "function envoy_on_request(h) if h:headers():get(':path') == '/no' then h:respond({[':status'] = '403'}, 'no') end end"}},
              {"name":"router"}]}}]}}
            """)).Is(HttpStatusCode.Created);
        const string Chain = "listeners/refusing/filter_chains/default";
        using var http = new HttpClient();
        var address = Node.Host.Proxy.Listeners().Single(l => l.Name == "refusing").BoundAddress;
        foreach (var path in new[] { "no", "", "no" })
            using (await http.GetAsync(new Uri($"http://{address}/{path}"))) { }
        await Managed.TestKit.Eventually.TrueAsync(async () => (await Node.GetAsync(Chain + "/filter_times")).Is(HttpStatusCode.OK).Json
            .GetProperty("items").EnumerateArray().Select(f => f.GetProperty("errors").GetInt64()).SequenceEqual([0, 2]),
            "two errors at the second");
        Assert.Equal(["first", "second", "router"], (await Node.GetAsync(Chain + "/http_filters")).Json.GetProperty("items")
            .EnumerateArray().Select(f => f.GetProperty("name").GetString()));
        (await Node.MergeAsync(Chain + "/http_filters/second", """{"disabled":true}""")).Is(HttpStatusCode.OK);
        using var answer = await http.GetAsync(new Uri($"http://{address}/no"));
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        (await Node.GetAsync("listeners/refusing/filter_chains/other/http_filters")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }
}
