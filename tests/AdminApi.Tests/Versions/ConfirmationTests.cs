using System.Net;

namespace Managed.AdminApi.Tests.Versions;

public sealed class ConfirmationTests
{
    private const string Cluster = """{"endpoints":["127.0.0.1:9"]}""";

    [Fact]
    public async Task Unconfirmed_RevertsByItself_AndLeavesWhatOthersChanged()
    {
        await using var node = await TestNode.StartAsync();
        var made = (await node.PutAsync("clusters/risky?confirm_within=1s", Cluster)).Is(HttpStatusCode.Created);
        var deployment = made.Headers.GetValues("Config-Deployment").Single();
        Assert.Equal("awaiting_confirmation", (await node.GetAsync($"deployments/{deployment}")).Json.GetProperty("state").GetString());
        await node.PutAsync("clusters/others", Cluster);
        var reverted = await node.SettledAsync($"deployments/{deployment}", not: "awaiting_confirmation");
        Assert.Equal("reverted", reverted.GetProperty("state").GetString());
        (await node.GetAsync("clusters/risky")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await node.GetAsync("clusters/others")).Is(HttpStatusCode.OK);
        var active = (await node.GetAsync("versions/active")).Json;
        Assert.Equal("auto_revert", active.GetProperty("source").GetString());
        Assert.Equal("reverted", (await node.GetAsync($"versions/{made.Version}")).Json.GetProperty("state").GetString());
    }

    [Fact]
    public async Task Confirmed_Stays()
    {
        await using var node = await TestNode.StartAsync();
        var made = await node.PutAsync("clusters/good?confirm_within=60s", Cluster);
        var path = "deployments/" + made.Headers.GetValues("Config-Deployment").Single();
        Assert.NotEqual(default, (await node.GetAsync(path)).Json.GetProperty("confirm_by").GetDateTimeOffset());
        Assert.Equal("applied", (await node.PostAsync(path + "/confirm")).Is(HttpStatusCode.OK).Json.GetProperty("state").GetString());
        (await node.PostAsync(path + "/confirm")).IsProblem(HttpStatusCode.Conflict, "NOT_AWAITING_CONFIRMATION");
        (await node.PostAsync(path + "/abort")).IsProblem(HttpStatusCode.Conflict, "NOT_AWAITING_CONFIRMATION");
        (await node.PostAsync("deployments/d-99999999/confirm")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task Aborted_RevertsAtOnce()
    {
        await using var node = await TestNode.StartAsync();
        var made = await node.PutAsync("clusters/bad?confirm_within=60s", Cluster);
        var path = "deployments/" + made.Headers.GetValues("Config-Deployment").Single();
        Assert.Equal("reverted", (await node.PostAsync(path + "/abort")).Is(HttpStatusCode.OK).Json.GetProperty("state").GetString());
        (await node.GetAsync("clusters/bad")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task Unconfirmed_RevertsAfterARestart()
    {
        await using var node = await TestNode.StartAsync();
        var made = await node.PutAsync("clusters/risky?confirm_within=1s", Cluster);
        await node.RestartAsync();
        var reverted = await node.SettledAsync("deployments/" + made.Headers.GetValues("Config-Deployment").Single(),
            not: "awaiting_confirmation");
        Assert.Equal("reverted", reverted.GetProperty("state").GetString());
        (await node.GetAsync("clusters/risky")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task Reverted_LeavesWhatOthersChangedInTheSameResource_AndSaysWhatItTakesBack()
    {
        await using var node = await TestNode.StartAsync();
        var made = (await node.MergeAsync("clusters/web?confirm_within=60s", """{"lb_policy":"RANDOM"}""")).Is(HttpStatusCode.OK);
        await node.MergeAsync("clusters/web", """{"connect_timeout":"3s"}""");
        (await node.PostAsync(PathOf(made) + "/abort")).Is(HttpStatusCode.OK);
        var now = (await node.GetAsync("clusters/web")).Body;
        Assert.DoesNotContain("RANDOM", now);
        Assert.Contains("\"3s\"", now);
        var active = (await node.GetAsync("versions/active")).Json;
        Assert.Equal(("auto_revert", made.Version), (active.GetProperty("source").GetString(), active.GetProperty("reverts").GetInt64()));
        Assert.Equal(System.Text.Json.JsonValueKind.Null, active.GetProperty("restores").ValueKind);
    }

    [Theory]
    [InlineData("rolled back")]
    [InlineData("undone")]
    [InlineData("replaced")]
    public async Task TrialWhoseChangeIsGone_EndsAtOnce(string how)
    {
        await using var node = await TestNode.StartAsync();
        var made = (await node.MergeAsync("clusters/web?confirm_within=60s", """{"lb_policy":"RANDOM"}""")).Is(HttpStatusCode.OK);
        await node.PutAsync("clusters/others", Cluster);
        Assert.Equal("awaiting_confirmation", (await node.GetAsync(PathOf(made))).Json.GetProperty("state").GetString());
        var ended = how switch
        {
            "rolled back" => await node.PostAsync("versions/1/rollback"),
            "undone" => await node.PostAsync($"versions/{made.Version}/revert"),
            _ => await node.MergeAsync("clusters/web", """{"lb_policy":"LEAST_REQUEST"}"""),
        };
        ended.Is(HttpStatusCode.OK);
        Assert.Equal("reverted", (await node.SettledAsync(PathOf(made))).GetProperty("state").GetString());
        Assert.Equal("reverted", (await node.GetAsync($"versions/{made.Version}")).Json.GetProperty("state").GetString());
        (await node.PostAsync(PathOf(made) + "/confirm")).IsProblem(HttpStatusCode.Conflict, "NOT_AWAITING_CONFIRMATION");
    }

    [Fact]
    public async Task TrialOnTopOfATrial_GoesBackToWhatWasBeforeBoth()
    {
        await using var node = await TestNode.StartAsync();
        await node.MergeAsync("clusters/web?confirm_within=60s", """{"lb_policy":"RANDOM"}""");
        var second = await node.MergeAsync("clusters/web?confirm_within=60s", """{"lb_policy":"LEAST_REQUEST"}""");
        (await node.PostAsync(PathOf(second) + "/abort")).Is(HttpStatusCode.OK);
        Assert.DoesNotContain("lb_policy", (await node.GetAsync("clusters/web")).Body);
    }

    private static string PathOf(Answer made) => "deployments/" + made.Headers.GetValues("Config-Deployment").Single();
}
