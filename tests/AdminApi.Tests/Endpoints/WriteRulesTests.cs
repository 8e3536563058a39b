using System.Net;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>The rules for every call of the admin API's contract, on clusters.</summary>
public sealed class WriteRulesTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task Put_NewPiece_MakesOneVersionAndAnswersWithItAndTheEtag()
    {
        var before = await Node.ActiveVersionAsync();
        var created = (await Node.PutAsync("clusters/put-new?comment=first", """{"endpoints":["127.0.0.1:9"]}"""))
            .Is(HttpStatusCode.Created);
        Assert.True(created.Version > before, "a refused version in between has a number as well");
        Assert.Equal("true", created.Changed);
        var read = (await Node.GetAsync("clusters/put-new")).Is(HttpStatusCode.OK);
        Assert.Equal(read.ETag, created.ETag);
        Assert.False(created.Headers.ETag!.IsWeak);
        var version = (await Node.GetAsync($"versions/{created.Version}")).Json;
        Assert.Equal("first", version.GetProperty("comment").GetString());
        Assert.Equal("api", version.GetProperty("source").GetString());
        Assert.Equal(before, version.GetProperty("base_version").GetInt64());
        Assert.Equal(1, version.GetProperty("summary").GetProperty("added").GetInt32());
    }

    [Fact]
    public async Task Put_SameContent_MakesNoVersion()
    {
        var first = await Node.PutAsync("clusters/put-same", """{"endpoints":["127.0.0.1:9"]}""");
        var second = (await Node.PutAsync("clusters/put-same", """{"name":"put-same","endpoints":["127.0.0.1:9"]}"""))
            .Is(HttpStatusCode.OK);
        Assert.Equal("false", second.Changed);
        Assert.Equal(first.Version, second.Version);
    }

    [Fact]
    public async Task Put_WithIfNoneMatchStar_CreatesOnly()
    {
        (await Node.PutAsync("clusters/create-only", """{"endpoints":["127.0.0.1:9"]}""", ("If-None-Match", "*")))
            .Is(HttpStatusCode.Created);
        (await Node.PutAsync("clusters/create-only", """{"endpoints":["127.0.0.1:10"]}""", ("If-None-Match", "*")))
            .IsProblem(HttpStatusCode.PreconditionFailed, "ETAG_MISMATCH");
    }

    [Fact]
    public async Task Put_WithStaleIfMatch_SaysWhoChangedIt()
    {
        var first = await Node.PutAsync("clusters/stale", """{"endpoints":["127.0.0.1:9"]}""");
        var second = await Node.PutAsync("clusters/stale", """{"endpoints":["127.0.0.1:10"]}""");
        await Node.PutAsync("clusters/stale-other", """{"endpoints":["127.0.0.1:10"]}""");
        var refused = (await Node.PutAsync("clusters/stale", """{"endpoints":["127.0.0.1:11"]}""", ("If-Match", first.ETag!)))
            .IsProblem(HttpStatusCode.PreconditionFailed, "ETAG_MISMATCH");
        Assert.Equal(second.ETag, refused.Json.GetProperty("current_etag").GetString());
        Assert.Equal(second.Version, refused.Json.GetProperty("changed_in").GetInt64());
        Assert.Equal("admin", refused.Json.GetProperty("changed_by").GetString());
        Assert.True(refused.Json.GetProperty("current_version").GetInt64() > second.Version);
        Assert.True(refused.Json.TryGetProperty("changed_at", out _));
    }

    [Fact]
    public async Task Put_WithIfMatchOfOnePiece_IsNotDisturbedByAnother()
    {
        var mine = await Node.PutAsync("clusters/mine", """{"endpoints":["127.0.0.1:9"]}""");
        await Node.PutAsync("clusters/theirs", """{"endpoints":["127.0.0.1:9"]}""");
        (await Node.PutAsync("clusters/mine", """{"endpoints":["127.0.0.1:10"]}""", ("If-Match", mine.ETag!))).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task DryRun_ChecksEverything_ButStoresNothing()
    {
        var before = await Node.ActiveVersionAsync();
        var dry = (await Node.PutAsync("clusters/dry?dry_run=true", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        Assert.Equal("add", dry.Json.GetProperty("diff")[0].GetProperty("op").GetString());
        Assert.Equal("dry", dry.Json.GetProperty("diff")[0].GetProperty("name").GetString());
        Assert.Contains("dry", dry.Json.GetProperty("impact").GetProperty("clusters_added").EnumerateArray().Select(e => e.GetString()));
        Assert.Equal(0, dry.Json.GetProperty("warnings").GetArrayLength());
        (await Node.PutAsync("clusters/dry?dry_run=true", """{"endpoint":[]}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        (await Node.GetAsync("clusters/dry")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        Assert.Equal(before, await Node.ActiveVersionAsync());
    }

    [Theory]
    [InlineData("?wait=0s", null)]
    [InlineData("", "respond-async")]
    public async Task Write_WithoutWaiting_AnswersAcceptedWithItsDeployment(string query, string? prefer)
    {
        var name = prefer is null ? "async-wait" : "async-prefer";
        var accepted = (await Node.PutAsync($"clusters/{name}{query}", """{"endpoints":["127.0.0.1:9"]}""",
            prefer is null ? [] : [("Prefer", prefer)])).Is(HttpStatusCode.Accepted);
        var location = accepted.Headers.Location!.ToString();
        Assert.StartsWith("/api/v1/deployments/", location);
        var deployment = await Node.SettledAsync(location);
        Assert.Equal("applied", deployment.GetProperty("state").GetString());
        Assert.Equal("applied", deployment.GetProperty("workers")[0].GetProperty("state").GetString());
        (await Node.GetAsync($"clusters/{name}")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Post_ExistingName_IsRefused()
    {
        (await Node.PostAsync("clusters", """{"name":"posted","endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        (await Node.PostAsync("clusters", """{"name":"posted","endpoints":["127.0.0.1:9"]}"""))
            .IsProblem(HttpStatusCode.Conflict, "ALREADY_EXISTS");
    }

    [Fact]
    public async Task Delete_OfSomethingUsed_NamesItsUsers()
    {
        var refused = (await Node.DeleteAsync("clusters/web")).IsProblem(HttpStatusCode.Conflict, "IN_USE");
        var reference = refused.Json.GetProperty("references")[0];
        Assert.Equal(("listener", "edge", "#/listeners/0/routes/0/route/cluster"),
            (reference.GetProperty("kind").GetString(), reference.GetProperty("name").GetString(),
                reference.GetProperty("pointer").GetString()));
    }

    [Fact]
    public async Task Delete_OfSomethingUnused_MakesAVersion()
    {
        var created = await Node.PutAsync("clusters/doomed", """{"endpoints":["127.0.0.1:9"]}""");
        var deleted = (await Node.DeleteAsync("clusters/doomed", ("If-Match", created.ETag!))).Is(HttpStatusCode.OK);
        Assert.Equal(created.Version + 1, deleted.Version);
        (await Node.DeleteAsync("clusters/doomed")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task Patch_Merge_ChangesOnePart()
    {
        await Node.PutAsync("clusters/merged", """{"endpoints":["127.0.0.1:9"],"connect_timeout":"1s"}""");
        var patched = (await Node.MergeAsync("clusters/merged", """{"lb_policy":"RANDOM","connect_timeout":null}""")).Is(HttpStatusCode.OK);
        Assert.Equal("RANDOM", patched.Json.GetProperty("lb_policy").GetString());
        Assert.False(patched.Json.TryGetProperty("connect_timeout", out _));
    }

    [Fact]
    public async Task Patch_Json_ChangesOnePart()
    {
        await Node.PutAsync("clusters/patched", """{"endpoints":["127.0.0.1:9"]}""");
        var patched = (await Node.SendAsync("PATCH", "clusters/patched",
            """[{"op":"test","path":"/name","value":"patched"},{"op":"add","path":"/endpoints/-","value":"127.0.0.1:10"}]""",
                "application/json-patch+json")).Is(HttpStatusCode.OK);
        Assert.Equal(2, patched.Json.GetProperty("endpoints").GetArrayLength());
        var failed = (await Node.SendAsync("PATCH", "clusters/patched", """[{"op":"remove","path":"/nothing"}]""",
            "application/json-patch+json")).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Equal("#/0/path", failed.Json.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Fact]
    public async Task Patch_ThatRenames_IsRefused() =>
        (await Node.MergeAsync("clusters/spare", """{"name":"other"}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");

    [Fact]
    public async Task Put_OfAnotherName_IsRefused() =>
        (await Node.PutAsync("clusters/left", """{"name":"right","endpoints":["127.0.0.1:9"]}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");

    [Fact]
    public async Task Write_WithMistypedParameter_IsRefused()
    {
        var before = await Node.ActiveVersionAsync();
        var refused = (await Node.PutAsync("clusters/typo?dryrun=true", """{"endpoints":["127.0.0.1:9"]}"""))
            .IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
        Assert.Equal("did you mean 'dry_run'?", refused.Json.GetProperty("hint").GetString());
        Assert.Equal(before, await Node.ActiveVersionAsync());
    }

    [Fact]
    public async Task Write_ThatCannotBind_IsRejectedAndChangesNothing()
    {
        using var taken = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var before = await Node.ActiveVersionAsync();
        var listener = $$$"""{"address":"{{{taken.LocalEndpoint}}}","routes":[{"match":{"prefix":"/"},"route":{"cluster":"web"}}]}""";
        var refused = (await Node.PutAsync("listeners/taken", listener)).IsProblem(HttpStatusCode.UnprocessableEntity, "APPLY_FAILED");
        Assert.Equal("#/address", refused.Json.GetProperty("errors")[0].GetProperty("pointer").GetString());
        Assert.Equal(before, await Node.ActiveVersionAsync());
        var rejected = (await Node.GetAsync("versions/latest")).Json;
        Assert.Equal(refused.Json.GetProperty("rejected_version").GetInt64(), rejected.GetProperty("version").GetInt64());
        Assert.Equal("rejected", rejected.GetProperty("state").GetString());
        Assert.Equal("failed",
            (await Node.GetAsync("deployments/" + refused.Json.GetProperty("deployment").GetString())).Json.GetProperty("state")
                .GetString());
    }
}
