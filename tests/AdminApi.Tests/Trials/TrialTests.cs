using System.Net;
using System.Text.Json;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Trials;

/// <summary>Trials with conditions, through a listener that really answers.</summary>
public sealed class TrialTests : IAsyncLifetime
{
    private const string Document = """
        listeners:
        - name: edge
          address: 127.0.0.1:0
          route_config_name: web
        route_configurations:
        - name: web
          virtual_hosts:
          - name: all
            domains: ["*"]
            routes:
            - {name: all, match: {prefix: /}, direct_response: {status: 200}}
        clusters:
        - {name: spare, endpoints: [127.0.0.1:9]}
        """;

    private const string Route = "route_configurations/web/virtual_hosts/all/routes/all";
    private const string Failing = """{"name":"all","match":{"prefix":"/"},"direct_response":{"status":503}}""";
    private readonly HttpClient _http = new();
    private TestNode _node = null!;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync(Document);

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return _node.DisposeAsync();
    }

    [Fact]
    public async Task ConditionThatHolds_TakesBackItsOwnChangeOnly_AlsoAfterARestart()
    {
        var made = (await _node.PutAsync(Route + "?confirm_within=1h&revert_if=5xx>2%25,p99>60s", Failing)).Is(HttpStatusCode.OK);
        var path = "deployments/" + made.Headers.GetValues("Config-Deployment").Single();
        (await _node.PutAsync("clusters/others", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        await _node.RestartAsync();
        var waiting = (await _node.GetAsync(path)).Json;
        Assert.Equal("5xx>2%,p99>60000ms", waiting.GetProperty("revert_if").GetString());
        Assert.Equal([("5xx>2%", JsonValueKind.Null), ("p99>60000ms", JsonValueKind.Null)], waiting.GetProperty("conditions")
            .EnumerateArray().Select(c => (c.GetProperty("condition").GetString()!, c.GetProperty("now").ValueKind)));

        JsonElement ended = default;
        await Eventually.TrueAsync(async () =>
        {
            for (var i = 0; i < 10; i++)
                using (await _http.GetAsync($"http://{_node.Host.Proxy.Listeners().Single().BoundAddress}/")) { }
            return (ended = (await _node.GetAsync(path)).Json).GetProperty("state").GetString() == "reverted";
        }, "the condition to hold");
        var active = (await _node.GetAsync("versions/active")).Json;
        Assert.Equal(("auto_revert", made.Version), (active.GetProperty("source").GetString(), active.GetProperty("reverts").GetInt64()));
        Assert.Matches(@"^d-\d+ was taken back by its condition: 5xx was 100 % of \d+ requests at listener 'edge', over 2 %; "
            + "before it there were too few to say$", active.GetProperty("comment").GetString());
        Assert.Equal(JsonValueKind.Null, ended.GetProperty("conditions").ValueKind);
        Assert.Contains("200", (await _node.GetAsync(Route)).Body);
        (await _node.GetAsync("clusters/others")).Is(HttpStatusCode.OK);
        var last = (await _node.GetAsync("deployments?page_size=1")).Json.GetProperty("items")[0];
        Assert.Equal("applied", last.GetProperty("state").GetString()); // what takes back is no trial itself
    }

    [Theory]
    [InlineData("revert_if=5xx>2%25", "is a part of a trial", "confirm_within=60s")]
    [InlineData("confirm_within=60s&revert_if=p99>1s,5x>2%25", "'5x' is not one of 4xx, 5xx, p50, p95, p99, at character 8",
        "did you mean")]
    [InlineData("confirm_within=60s&revert_if=", "a condition is missing, at character 1", "write it like 5xx>2%")]
    public async Task WrongConditions_AreRefused_ADryRunToo(string query, string says, string hint)
    {
        foreach (var dry in new[] { "false", "true" })
        {
            var refused = await _node.PutAsync($"{Route}?dry_run={dry}&{query}", Failing);
            refused.IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
            Assert.Contains(says, refused.Json.GetProperty("detail").GetString());
            Assert.Contains(hint, refused.Json.GetProperty("hint").GetString());
        }
        Assert.Equal(1, await _node.ActiveVersionAsync());
    }

    private const string Trial = "?confirm_within=1h&revert_if=5xx>2%", Cluster = """{"endpoints":["127.0.0.1:9"]}""";

    [Fact]
    public async Task ElevenTrialsWithConditions_AreTooMany()
    {
        for (var i = 0; i < 10; i++)
            (await _node.PutAsync($"clusters/c{i}{Trial}", Cluster)).Is(HttpStatusCode.Created);
        (await _node.PutAsync("clusters/more" + Trial, Cluster))
            .IsProblem(HttpStatusCode.TooManyRequests, "RATE_LIMITED");
        var id = (await _node.GetAsync("deployments?q=awaiting_confirmation")).Json.GetProperty("items")[0].GetProperty("id").GetString();
        (await _node.PostAsync($"deployments/{id}/confirm")).Is(HttpStatusCode.OK);
        (await _node.PutAsync("clusters/more" + Trial, Cluster)).Is(HttpStatusCode.Created);
    }
}
