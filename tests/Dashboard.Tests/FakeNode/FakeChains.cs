using System.Text.Json.Nodes;

namespace Managed.Dashboard.Tests.FakeNode;

/// <summary>The chains of any listener, the time of their filters, and a schema for all kinds.</summary>
internal static class FakeChains
{
    public static void Map(RouteGroupBuilder api)
    {
        api.MapGet("/listeners/{name}/filter_chains", () => FakeConfiguration.Page([Object("""
            {"name":"main","transport_socket":{"name":"envoy.transport_sockets.tls"},"filters":[
              {"name":"http_connection_manager","typed_config":{"stat_prefix":"edge","route_config":{"name":"edge","virtual_hosts":[
                {"name":"all","domains":["*"],"routes":[{"match":{"prefix":"/"},"route":{"cluster":"web"}}]}]}}}]}
            """)]));
        api.MapGet("/listeners/{name}/filter_chains/main/http_filters", () => FakeConfiguration.Page([
            Object("""{"name":"header_mutation"}"""), Object("""{"name":"lua","disabled":true}"""), Object("""{"name":"router"}""")]));
        api.MapGet("/listeners/{name}/filter_chains/main/filter_times", () => FakeConfiguration.Page([Object("""
            {"name":"header_mutation","disabled":false,"request":{"count":90,"mean":3.1,"p50":2.9,"p90":4.2,"p99":9.5},
             "response":{"count":90,"mean":0.4,"p50":0.3,"p90":0.6,"p99":1.1}}
            """)]));
        api.MapGet("/listeners/{name}/filter_chains/main/http_filters/{filter}",
            (string filter) => FakeConfiguration.Json(new() { ["name"] = filter }));
        api.MapGet("/schema/{kind}", () => FakeConfiguration.Json(Object("""
            {"type":"object","required":["name"],"properties":{"name":{"type":"string","description":"Names it."},
              "address":{"anyOf":[{"type":"string"},{"type":"object"}]},"routes":{"type":"array"},"weight":{"type":"integer","default":1},
              "kind":{"enum":["ONE","TWO"]},"limits":{"$ref":"#/$defs/L","description":"Most of each."}},
             "$defs":{"L":{"type":"object","properties":{"most":{"type":"integer"}}}}}
            """)));
        api.MapGet("/schema", () => FakeConfiguration.Json(Object("""
            {"kinds":[{"kind":"lua","type":"http_filter","summary":"Runs a Lua script."},{"kind":"cors","type":"http_filter","summary":null}]}
            """)));
    }

    private static JsonObject Object(string json) => (JsonObject)JsonNode.Parse(json)!;
}
