using System.Net;
using System.Text.Json;
using Managed.AdminApi.Telemetry;
using Managed.TestKit;
using Microsoft.Extensions.DependencyInjection;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>The traffic over time: its clock is the test's, ten seconds a step.</summary>
public sealed class TrafficTests : IAsyncLifetime
{
    private const string Document = """
        listeners:
        - name: edge
          address: 127.0.0.1:0
          routes:
          - {name: bad, match: {prefix: /bad}, direct_response: {status: 503}}
          - {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hi}}}
        """;

    private TestNode _node = null!;
    private int _asked;
    private DateTimeOffset _now = DateTimeOffset.UtcNow - TimeSpan.FromMinutes(5);

    private TrafficHistory History => _node.Host.Services.GetRequiredService<TrafficHistory>();

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(Document, "--stats-history", "2h");
        History.Pause();
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Traffic_IsKeptInStepsAndOverARestart()
    {
        Step();
        await AskAsync("/", 30);
        await AskAsync("/bad", 10);
        Step();
        Step();
        var classes = await ReadAsync("range=30m&by=class&of=listener:edge");
        Assert.Equal([3.0, 0.0], Tail(classes, "2xx"));
        Assert.Equal([1.0, 0.0], Tail(classes, "5xx"));
        Assert.Equal([3.0, 0.0], Tail(await ReadAsync("range=30m&by=class"), "2xx")); // all listeners together
        var latency = Tail(await ReadAsync("range=30m&by=latency"), "p99");
        Assert.True(latency is [not null, null], $"quantiles are of what was answered in the step, not {string.Join(", ", latency)}");
        Assert.Equal([4.0, 0.0], Tail(await ReadAsync("range=30m&by=listener&metric=requests"), "edge"));
        Assert.Contains("worker:0", classes.GetProperty("names").EnumerateArray().Select(n => n.GetString()));

        await _node.RestartAsync();
        History.Pause();
        Assert.Equal([3.0, 0.0], Tail(await ReadAsync("range=30m&by=class"), "2xx"));
        Step(); // counters that begin anew are no negative traffic
        Step();
        Assert.Equal([0.0], Tail(await ReadAsync("range=30m&by=class"), "2xx")[^1..]);
    }

    [Fact]
    public async Task LongRanges_AreCoarse()
    {
        for (var i = 0; i < 13; i++)
            Step();
        Assert.Equal(10, (await ReadAsync("range=1h")).GetProperty("step_seconds").GetInt32());
        var coarse = await ReadAsync("range=2h");
        Assert.Equal(10, coarse.GetProperty("step_seconds").GetInt32()); // 720 points are 2 h
        Assert.Equal(7200, coarse.GetProperty("kept_seconds").GetInt64());
        (await _node.GetAsync("stats/traffic?range=3h")).IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
        (await _node.GetAsync("stats/traffic?metric=p42")).IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
        (await _node.GetAsync("stats/traffic?by=colour")).IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
        (await _node.GetAsync("stats/traffic?of=worker:0")).Is(HttpStatusCode.OK);
        (await _node.GetAsync("stats/traffic?of=listener:edge")).Is(HttpStatusCode.OK); // nothing came yet
        foreach (var nobody in new[] { "unknown", "listener:edgy", "cluster:", "worker:7", "route:edge", "worker", "http.edge." })
            (await _node.GetAsync("stats/traffic?of=" + nobody)).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        await AskAsync("/", 1);
        Step();
        Step();
        var near = await _node.GetAsync("stats/traffic?of=listener:edgy");
        Assert.Equal("did you mean 'listener:edge'?", near.Json.GetProperty("hint").GetString());
        Assert.Contains("worker:0", near.Json.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task Routes_HaveTheirOwn_AndKeepItWhenTheyAreEdited()
    {
        var table = (await _node.GetAsync("stats/routes")).Is(HttpStatusCode.OK).Json.GetProperty("items")[0];
        Assert.Equal((0, JsonValueKind.Null), (table.GetProperty("requests").GetInt64(), table.GetProperty("p99_ms").ValueKind));
        var (configuration, host) = (table.GetProperty("route_configuration").GetString(), table.GetProperty("virtual_host").GetString());
        Step();
        await AskAsync("/bad", 20);
        await AskAsync("/", 10);
        Step();
        var routes = await ReadAsync("range=30m&by=route&metric=requests");
        Assert.Equal([$"{configuration}/{host}/bad", $"{configuration}/{host}/route-1"],
            routes.GetProperty("series").EnumerateArray().Select(s => s.GetProperty("name").GetString()!));
        Assert.Equal([2.0], Tail(routes, $"{configuration}/{host}/bad"));
        Assert.Equal([2.0], Tail(await ReadAsync($"range=30m&by=class&of=route:{configuration}/{host}/bad"), "5xx"));
        Assert.NotNull(Tail(await ReadAsync($"range=30m&by=latency&of=route:{configuration}/{host}/bad"), "p99")[0]);

        var document = (await _node.GetAsync("config")).Is(HttpStatusCode.OK);
        (await _node.SendAsync("PUT", "config", document.Body.Replace("503", "500"), "application/json",
            ("If-Match", document.Headers.ETag!.ToString()))).Is(HttpStatusCode.OK);
        await AskAsync("/bad", 1);
        var items = (await _node.GetAsync($"stats/routes?route_configuration={configuration}&page_size=1")).Json;
        Assert.Equal((2, 1), (items.GetProperty("total_size").GetInt64(), items.GetProperty("items").GetArrayLength()));
        Assert.Equal((21, 21, 0), (Count("requests"), Count("responses_5xx"), Count("responses_2xx")));
        var next = await _node.GetAsync($"stats/routes?route_configuration={configuration}&page_size=1&page_token="
            + items.GetProperty("next_page_token").GetString());
        Assert.Equal(10, next.Json.GetProperty("items")[0].GetProperty("responses_2xx").GetInt64());
        Assert.Empty((await _node.GetAsync("stats/routes?q=nothing")).Json.GetProperty("items").EnumerateArray());

        long Count(string name) => items.GetProperty("items")[0].GetProperty(name).GetInt64();
    }

    [Fact]
    public async Task DamagedFile_IsNotRead()
    {
        var file = Path.Combine(_node.Folder, "data", "traffic-history");
        await _node.RestartAsync(() => File.WriteAllBytes(file, [.. "MTH1"u8, 255, 255, 255, 255, 255, 255, 255, 127, 255, 255, 255, 127]));
        Assert.Empty((await ReadAsync("range=30m")).GetProperty("times").EnumerateArray());
    }

    private void Step() => History.Sample(_now += TimeSpan.FromSeconds(10));

    private async Task AskAsync(string path, int times)
    {
        using var http = new HttpClient();
        for (var i = 0; i < times; i++)
            using (await http.GetAsync($"http://{_node.Host.Proxy.Listeners().Single().BoundAddress}{path}")) { }
        _asked += times;
        await Eventually.TrueAsync(() => Task.FromResult(_node.Host.Proxy.Stats.Read()
            .Single(s => s.Name == "http.edge.downstream_rq_time").Value == _asked), "the requests to be counted");
    }

    private async Task<JsonElement> ReadAsync(string query) => (await _node.GetAsync("stats/traffic?" + query)).Is(HttpStatusCode.OK).Json;

    private static double?[] Tail(JsonElement answer, string name)
    {
        var values = answer.GetProperty("series").EnumerateArray().Single(s => s.GetProperty("name").GetString() == name)
            .GetProperty("values").EnumerateArray()
            .Select(v => v.ValueKind == JsonValueKind.Null ? null : (double?)v.GetDouble()).ToArray();
        return values.Length <= 2 ? values : values[^2..];
    }
}
