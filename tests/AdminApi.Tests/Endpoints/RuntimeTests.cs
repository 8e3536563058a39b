using System.Net;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>Workers, endpoints, statistics, matching, and Envoy's own paths.</summary>
public sealed class RuntimeTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task Workers_ServeTheActiveVersion()
    {
        var worker = (await Node.GetAsync("workers")).Is(HttpStatusCode.OK).Json.GetProperty("items")[0];
        Assert.Equal(await Node.ActiveVersionAsync(), worker.GetProperty("version").GetInt64());
    }

    [Fact]
    public async Task Match_SaysWhereARequestGoes()
    {
        var match = (await Node.PostAsync("match",
            """{"listener":"edge","method":"GET","authority":"example.com","path":"/x","headers":{"x-a":"1"},"source_ip":"10.0.0.1"}"""))
                .Is(HttpStatusCode.OK).Json;
        Assert.Equal(("main", "all", "web"), (match.GetProperty("filter_chain").GetString(), match.GetProperty("route").GetString(),
            match.GetProperty("cluster").GetString()));
        (await Node.PostAsync("match", """{"listener":"egde"}""")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await Node.PostAsync("match", """{"listener":"edge","source_ip":"nowhere"}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
    }

    [Fact]
    public async Task Endpoint_CanBeWeighedAndDrained()
    {
        await Node.PutAsync("clusters/weighed", """{"endpoints":["127.0.0.1:9","127.0.0.1:10"]}""");
        var patched = (await Node.MergeAsync("clusters/weighed/endpoints/127.0.0.1:9", """{"weight":5,"drain":true}"""))
            .Is(HttpStatusCode.OK).Json;
        Assert.Equal(5, patched.GetProperty("weight").GetInt32());
        Assert.Equal(("draining", 5, true), (patched.GetProperty("health").GetString(), patched.GetProperty("weight_override").GetInt32(),
            patched.GetProperty("drain_override").GetBoolean()));
        var back = (await Node.MergeAsync("clusters/weighed/endpoints/127.0.0.1:9", """{"weight":null,"drain":null}"""))
            .Is(HttpStatusCode.OK).Json;
        Assert.Equal(("healthy", 1, false), (back.GetProperty("health").GetString(), back.GetProperty("weight").GetInt32(),
            back.GetProperty("drain_override").GetBoolean()));
        Assert.Equal(2, (await Node.GetAsync("clusters/weighed/endpoints")).Json.GetProperty("total_size").GetInt32());
        (await Node.MergeAsync("clusters/weighed/endpoints/127.0.0.1:11", """{"weight":5}"""))
            .IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await Node.MergeAsync("clusters/weighed/endpoints/127.0.0.1:9", """{"weight":0}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
    }

    [Fact]
    public async Task Drain_OfAListener_MakesNoVersion()
    {
        await Node.PutAsync("listeners/drained",
            """{"address":"127.0.0.1:0","routes":[{"match":{"prefix":"/"},"route":{"cluster":"web"}}]}""");
        var before = await Node.ActiveVersionAsync();
        (await Node.PostAsync("listeners/drained/drain")).Is(HttpStatusCode.OK);
        Assert.Equal(before, await Node.ActiveVersionAsync());
        (await Node.PostAsync("listeners/nothing/drain")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task Stats_CountRequests()
    {
        var listener = Node.Host.Proxy.Listeners().First(l => l.Name == "edge");
        using var client = new HttpClient();
        var answer = await client.GetAsync($"http://{listener.BoundAddress}/");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode); // nothing listens behind it
        var stats = (await Node.GetAsync("stats?filter=^http%5C.edge%5C.downstream_rq_total$"))
            .Is(HttpStatusCode.OK).Json.GetProperty("stats");
        Assert.True(stats[0].GetProperty("value").GetDouble() >= 1);
        Assert.Contains("http.edge.downstream_rq_total: ", (await Node.GetAsync("/stats?filter=edge&usedonly")).Body);
        var prometheus = (await Node.GetAsync("/stats/prometheus")).Is(HttpStatusCode.OK).Body;
        Assert.Contains("envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix=\"edge\"} ", prometheus);
        Assert.Contains("# TYPE envoy_http_downstream_rq_total counter\n", prometheus);
    }

    [Fact]
    public async Task StatsStream_SendsSamples()
    {
        using var stream = new SseReader(Node, "stats/stream?interval=250ms&filter=downstream_rq_total");
        var sample = await stream.NextAsync("stats");
        Assert.True(sample.Json.TryGetProperty("rps", out _));
        Assert.True(sample.Json.GetProperty("stats").GetArrayLength() >= 1);
    }

    [Fact]
    public async Task StatsHistory_HasThePast()
    {
        var history = (await Node.GetAsync("stats/history?names=nothing,http.*&range=15m")).Is(HttpStatusCode.OK).Json;
        Assert.Equal(10, history.GetProperty("step_seconds").GetInt32());
    }

    [Fact]
    public async Task EnvoyPaths_AnswerAsEnvoyDoes()
    {
        Assert.StartsWith("LIVE", (await Node.GetAsync("/ready")).Is(HttpStatusCode.OK).Body);
        Assert.Equal("LIVE", (await Node.GetAsync("/server_info")).Json.GetProperty("state").GetString());
        Assert.Contains("edge::127.0.0.1:", (await Node.GetAsync("/listeners")).Body);
        Assert.Contains("web::127.0.0.1:9::weight::1\n", (await Node.GetAsync("/clusters")).Body);
        Assert.Equal("edge", (await Node.GetAsync("/listeners?format=json")).Json.GetProperty("listener_statuses")[0].GetProperty("name")
            .GetString());
        Assert.Equal("web", (await Node.GetAsync("/clusters?format=json")).Json.GetProperty("cluster_statuses")[0].GetProperty("name")
            .GetString());
        Assert.Contains("type.googleapis.com/envoy.admin.v3.ListenersConfigDump", (await Node.GetAsync("/config_dump")).Body);
        Assert.Equal(0, (await Node.GetAsync("/certs")).Json.GetProperty("certificates").GetArrayLength());
        Assert.True(long.Parse((await Node.GetAsync("/memory")).Json.GetProperty("allocated").GetString()!) > 0);
        (await Node.GetAsync("/healthcheck/fail")).IsProblem(HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED");
        (await Node.PostAsync("/healthcheck/fail")).Is(HttpStatusCode.OK);
        Assert.Equal("DRAINING\n", (await Node.GetAsync("/ready")).Is(HttpStatusCode.ServiceUnavailable).Body);
        (await Node.PostAsync("/healthcheck/ok")).Is(HttpStatusCode.OK);
        (await Node.GetAsync("/ready")).Is(HttpStatusCode.OK);
        Assert.Contains("all: information", (await Node.PostAsync("/logging")).Body);
        (await Node.PostAsync("/logging?level=loud")).IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
    }

    [Fact]
    public async Task SharedPath_IsAPageForABrowser()
    {
        var page = await Node.GetAsync("/listeners", ("Accept", "text/html"));
        Assert.Equal(HttpStatusCode.Redirect, page.Status); // to sign in
    }

    [Fact]
    public async Task Swagger_DescribesEveryCallWithItsErrors()
    {
        var document = (await Node.GetAsync("/swagger/v1/swagger.json")).Is(HttpStatusCode.OK).Json;
        var calls = document.GetProperty("paths").EnumerateObject()
            .SelectMany(p => p.Value.EnumerateObject().Select(o => (Path: p.Name, Verb: o.Name, Call: o.Value))).ToList();
        Assert.True(calls.Count > 70, $"{calls.Count} calls");
        foreach (var (path, verb, call) in calls)
        {
            Assert.False(string.IsNullOrEmpty(call.GetProperty("summary").GetString()), $"{verb} {path}");
            Assert.Contains(call.GetProperty("responses").EnumerateObject(), r => r.Name.StartsWith('4')
                && r.Value.GetProperty("content").TryGetProperty("application/problem+json", out _));
        }
        (await Node.GetAsync("/swagger/index.html")).Is(HttpStatusCode.OK);
    }
}
