using System.Net;
using System.Text.Json;

namespace Managed.AdminApi.Tests.Versions;

public sealed class RevertTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private const string Cluster = """{"endpoints":["127.0.0.1:9"]}""";

    private TestNode Node => fixture.Node;

    [Fact]
    public async Task OtherResourcesThatChangedSince_Stay()
    {
        await Node.PutAsync("clusters/others", Cluster);
        var mine = (await Node.MergeAsync("listeners/edge", """{"stat_prefix":"mine"}""")).Is(HttpStatusCode.OK);
        var theirs = await Node.MergeAsync("clusters/others", """{"endpoints":["127.0.0.1:9","127.0.0.1:10"]}""");
        var undone = (await Node.PostAsync($"versions/{mine.Version}/revert", """{"comment":"not yet"}""")).Is(HttpStatusCode.OK);
        Assert.Equal(theirs.Version + 1, undone.Version);
        Assert.Equal((mine.Version, "revert", "not yet"),
            (undone.Json.GetProperty("reverts").GetInt64(), undone.Json.GetProperty("source").GetString(),
                undone.Json.GetProperty("comment").GetString()));
        Assert.Equal(JsonValueKind.Null, undone.Json.GetProperty("restores").ValueKind);
        Assert.DoesNotContain("stat_prefix", (await Node.GetAsync("listeners/edge")).Body);
        Assert.Contains("127.0.0.1:10", (await Node.GetAsync("clusters/others")).Body);
        var again = (await Node.PostAsync($"versions/{mine.Version}/revert")).Is(HttpStatusCode.OK);
        Assert.Equal(("false", undone.Version), (again.Changed, again.Version));
    }

    [Fact]
    public async Task SameResourceInAnotherPlace_Stays()
    {
        await Node.PutAsync("clusters/shared", Cluster);
        var mine = await Node.MergeAsync("clusters/shared", """{"lb_policy":"RANDOM"}""");
        await Node.MergeAsync("clusters/shared", """{"connect_timeout":"3s","endpoints":["127.0.0.1:9","127.0.0.1:10"]}""");
        (await Node.PostAsync($"versions/{mine.Version}/revert")).Is(HttpStatusCode.OK);
        var now = (await Node.GetAsync("clusters/shared")).Body;
        Assert.DoesNotContain("RANDOM", now);
        Assert.Contains("\"3s\"", now);
        Assert.Contains("127.0.0.1:10", now);
    }

    [Theory]
    [InlineData("keep", "LEAST_REQUEST")]
    [InlineData("revert", "RANDOM")]
    public async Task SamePlace_IsAConflictUntilItIsSaidWhatBecomesOfIt(string overlap, string expected)
    {
        var name = $"overlap-{overlap}";
        await Node.PutAsync($"clusters/{name}", """{"endpoints":["127.0.0.1:9"],"lb_policy":"RANDOM"}""");
        var mine = await Node.MergeAsync($"clusters/{name}", """{"lb_policy":"ROUND_ROBIN","connect_timeout":"3s"}""");
        var theirs = await Node.MergeAsync($"clusters/{name}", """{"lb_policy":"LEAST_REQUEST"}""");
        var path = $"versions/{mine.Version}/revert";
        var refused = (await Node.PostAsync(path)).IsProblem(HttpStatusCode.Conflict, "CONFLICT");
        var conflict = Assert.Single(refused.Json.GetProperty("conflicts").EnumerateArray());
        Assert.Equal(($"#/clusters/{name}/lb_policy", $"clusters[{name}].lb_policy", "cluster", name),
            (conflict.GetProperty("pointer").GetString(), conflict.GetProperty("where").GetString(),
                conflict.GetProperty("kind").GetString(), conflict.GetProperty("name").GetString()));
        Assert.Equal(("ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"),
            (conflict.GetProperty("base").GetString(), conflict.GetProperty("theirs").GetString(),
                conflict.GetProperty("yours").GetString()));
        Assert.Equal(theirs.Version, await Node.ActiveVersionAsync());

        var preview = (await Node.PostAsync($"{path}?overlap={overlap}&dry_run=true")).Is(HttpStatusCode.OK).Json;
        Assert.Contains("connect_timeout", preview.GetProperty("diff").GetRawText());
        (await Node.PostAsync($"{path}?overlap={overlap}")).Is(HttpStatusCode.OK);
        var now = (await Node.GetAsync($"clusters/{name}")).Json;
        Assert.Equal(expected, now.GetProperty("lb_policy").GetString());
        Assert.False(now.TryGetProperty("connect_timeout", out _));
    }

    [Fact]
    public async Task WhatOthersUseByNow_CannotBeTakenBack()
    {
        var mine = await Node.PutAsync("clusters/wanted", Cluster);
        await Node.PutAsync("listeners/user",
            """{"address":"127.0.0.1:0","routes":[{"match":{"prefix":"/"},"route":{"cluster":"wanted"}}]}""");
        var refused = (await Node.PostAsync($"versions/{mine.Version}/revert")).IsProblem(HttpStatusCode.Conflict, "ROLLBACK_BLOCKED");
        Assert.Contains("wanted", refused.Json.GetProperty("errors")[0].GetProperty("detail").GetString());
    }

    [Fact]
    public async Task WhatHasNothingBefore_OrIsNoVersion_IsRefused()
    {
        (await Node.PostAsync("versions/1/revert")).IsProblem(HttpStatusCode.Conflict, "ROLLBACK_BLOCKED");
        (await Node.PostAsync("versions/99999/revert")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        var made = await Node.PutAsync("clusters/any", Cluster);
        (await Node.PostAsync($"versions/{made.Version}/revert?overlap=both")).IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
        (await Node.PostAsync($"versions/{made.Version}/revert", null, ("If-Match", "\"other\"")))
            .IsProblem(HttpStatusCode.PreconditionFailed, "ETAG_MISMATCH");
    }
}
