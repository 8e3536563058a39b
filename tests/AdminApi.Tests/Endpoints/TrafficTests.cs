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
          - {match: {prefix: /bad}, direct_response: {status: 503}}
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
