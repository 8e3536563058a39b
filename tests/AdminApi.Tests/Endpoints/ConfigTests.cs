using System.Net;

namespace Managed.AdminApi.Tests.Endpoints;

public sealed class ConfigTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task Get_AsYaml_IsTheSameDocumentWithTheSameEtag()
    {
        var json = (await Node.GetAsync("config")).Is(HttpStatusCode.OK);
        var yaml = (await Node.GetAsync("config", ("Accept", "application/yaml"))).Is(HttpStatusCode.OK);
        Assert.Equal("application/yaml", yaml.ContentHeaders.ContentType!.MediaType);
        Assert.Equal(json.ETag, yaml.ETag);
        var same = (await Node.SendAsync("PUT", "config", yaml.Body, "application/yaml", ("If-Match", json.ETag!))).Is(HttpStatusCode.OK);
        Assert.Equal("false", same.Changed);
    }

    [Fact]
    public async Task Get_WithItsEtag_IsNotModified()
    {
        var etag = (await Node.GetAsync("listeners/edge")).ETag!;
        var again = (await Node.GetAsync("listeners/edge", ("If-None-Match", etag))).Is(HttpStatusCode.NotModified);
        Assert.Empty(again.Body);
    }

    [Fact]
    public async Task Put_WithStaleEtag_IsRefused()
    {
        var before = await Node.GetAsync("config");
        await Node.PutAsync("clusters/config-moves", """{"endpoints":["127.0.0.1:9"]}""");
        (await Node.PutAsync("config", before.Body, ("If-Match", before.ETag!)))
            .IsProblem(HttpStatusCode.PreconditionFailed, "ETAG_MISMATCH");
    }

    [Fact]
    public async Task Patch_ByNames_ChangesManyResourcesInOneVersion()
    {
        var before = await Node.ActiveVersionAsync();
        var patched = (await Node.SendAsync("PATCH", "config",
            """[{"op":"add","path":"/clusters/spare/lb_policy","value":"RANDOM"},{"op":"add","path":"/clusters/"""
                + """-","value":{"name":"one-more","endpoints":["127.0.0.1:9"]}}]""", "application/json-patch+json")).Is(HttpStatusCode.OK);
        Assert.Equal(before + 1, patched.Version);
        Assert.Equal("RANDOM", (await Node.GetAsync("clusters/spare")).Json.GetProperty("lb_policy").GetString());
        (await Node.GetAsync("clusters/one-more")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Validate_StoresNothing()
    {
        var before = await Node.ActiveVersionAsync();
        var valid = (await Node.SendAsync("POST", "config/validate", TestNode.Document, "application/yaml")).Is(HttpStatusCode.OK);
        Assert.True(valid.Json.GetProperty("valid").GetBoolean());
        (await Node.PostAsync("config/validate", """{"static_resources":{"clusters":[{"name":"a","endpoints":["127.0.0.1:9"]}]}}"""))
            .Is(HttpStatusCode.OK);
        (await Node.PostAsync("config/validate", """{"listener":[]}""")).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Equal(before, await Node.ActiveVersionAsync());
    }

    [Fact]
    public async Task Diff_OfDocuments_MatchesItemsByName()
    {
        var diff = (await Node.PostAsync("config/diff",
            """{"from":{"clusters":[{"name":"a"},{"name":"b","lb_policy":"RANDOM"}]}"""
                + ""","to":{"clusters":[{"name":"b","lb_policy":"ROUND_ROBIN"}]}}""")).Is(HttpStatusCode.OK);
        var operations = diff.Json.GetProperty("operations").EnumerateArray()
            .Select(o => $"{o.GetProperty("op").GetString()} {o.GetProperty("where").GetString()}").ToList();
        Assert.Equal(["remove clusters[a]", "replace clusters[b].lb_policy"], operations);
        Assert.Equal(1, diff.Json.GetProperty("summary").GetProperty("removed").GetInt32());
    }

    [Fact]
    public async Task Export_ForEnvoy_IsLongUnderStaticResources()
    {
        var envoy = (await Node.GetAsync("config/export?format=envoy")).Is(HttpStatusCode.OK);
        Assert.StartsWith("static_resources:", envoy.Body);
        Assert.Contains("type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            envoy.Body);
    }

    [Fact]
    public async Task Version_Poll_AnswersWhenTheActiveVersionChanges()
    {
        var active = await Node.ActiveVersionAsync();
        var poll = Node.GetAsync($"config/version?index={active}&wait=20s");
        Assert.False(poll.IsCompleted);
        var made = await Node.PutAsync("clusters/polled", """{"endpoints":["127.0.0.1:9"]}""");
        var answer = (await poll).Is(HttpStatusCode.OK).Json;
        Assert.True(answer.GetProperty("changed").GetBoolean());
        Assert.True(answer.GetProperty("version").GetInt64() > active && answer.GetProperty("version").GetInt64() <= made.Version);
        var late = (await Node.GetAsync($"config/version?index={await Node.ActiveVersionAsync()}&wait=50ms")).Json;
        Assert.False(late.GetProperty("changed").GetBoolean());
    }

    [Theory]
    [InlineData("schema")]
    [InlineData("schema/listener")]
    [InlineData("schema/cluster")]
    [InlineData("schema/router")]
    [InlineData("schema/http_connection_manager")]
    public async Task Schema_IsThere(string path) => Assert.Contains("$schema", (await Node.GetAsync(path)).Is(HttpStatusCode.OK).Body);

    [Fact]
    public async Task List_Pages_UntilTheEnd()
    {
        var names = new List<string>();
        string? token = null;
        do
        {
            var page = (await Node.GetAsync($"clusters?page_size=1&page_token={token}")).Is(HttpStatusCode.OK).Json;
            names.AddRange(page.GetProperty("items").EnumerateArray().Select(i => i.GetProperty("name").GetString()!));
            token = page.GetProperty("next_page_token").GetString();
        }
        while (token is not null);
        Assert.Equal(names.Distinct(), names);
        Assert.Contains("web", names);
        Assert.Equal("spare", (await Node.GetAsync("clusters?q=spare")).Json.GetProperty("items")[0].GetProperty("name").GetString());
    }
}
