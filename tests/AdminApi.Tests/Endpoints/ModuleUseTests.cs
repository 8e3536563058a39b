using System.Net;
using System.Text.Json;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>A stored script in use: named in a configuration, kept by digest, exact after a roll-back and without the database.</summary>
public sealed class ModuleUseTests
{
    [Fact]
    public async Task NamedModule_RunsAndTheVersionKeepsItsDigest()
    {
        await using var node = await TestNode.StartAsync(Answering);
        var first = await UploadAsync(node, "one");
        var added = await node.PostAsync("listeners/edge/filter_chains/main/http_filters?before=router",
            """{"name":"stamp","typed_config":{"@type":"lua","module":"stamp"}}""");
        added.Is(HttpStatusCode.Created);
        Assert.Equal("one", await StampAsync(node));
        Assert.Contains(first, (await node.GetAsync("config")).Body);
        var version = added.Version;
        Assert.Equal(first, (await node.GetAsync($"versions/{version}")).Json.GetProperty("modules")[0].GetString());

        // The name moves on: nothing that runs changes; naming it again is what brings the new code.
        var second = await UploadAsync(node, "two");
        Assert.Equal("one", await StampAsync(node));
        (await node.PutAsync("listeners/edge/filter_chains/main/http_filters/stamp",
            """{"name":"stamp","typed_config":{"@type":"lua","module":"stamp"}}""")).Is(HttpStatusCode.OK);
        Assert.Equal("two", await StampAsync(node));
        Assert.Contains(second, (await node.GetAsync("config")).Body);

        // A roll-back is to the code of then.
        (await node.PostAsync($"versions/{version}/rollback", "{}")).Is(HttpStatusCode.OK);
        Assert.Equal("one", await StampAsync(node));
        (await node.DeleteAsync($"modules/{first}")).IsProblem(HttpStatusCode.Conflict, "IN_USE");

        // And the module is there when the database is not.
        await node.RestartAsync(() => File.WriteAllText(node.DatabaseFile, "this is no database at all, however long one looks at it"));
        Assert.Equal("one", await StampAsync(node));
    }

    [Fact]
    public async Task SameNameAgain_IsNoChange()
    {
        await using var node = await TestNode.StartAsync(Answering);
        await UploadAsync(node, "one");
        const string filter = """{"name":"stamp","typed_config":{"@type":"lua","default_source_code":{"module":"stamp"}}}""";
        (await node.PostAsync("listeners/edge/filter_chains/main/http_filters", filter)).Is(HttpStatusCode.Created);
        var again = (await node.PutAsync("listeners/edge/filter_chains/main/http_filters/stamp", filter)).Is(HttpStatusCode.OK);
        Assert.Equal("false", again.Changed);
    }

    [Fact]
    public async Task UnknownModule_IsAnErrorWithANearName()
    {
        await using var node = await TestNode.StartAsync(Answering);
        await UploadAsync(node, "one");
        var refused = (await node.PostAsync("listeners/edge/filter_chains/main/http_filters",
            """{"name":"stamp","typed_config":{"@type":"lua","module":"stmp"}}"""))
                .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        var error = refused.Json.GetProperty("errors")[0];
        Assert.Equal("#/typed_config/module", error.GetProperty("pointer").GetString());
        Assert.Equal("UNKNOWN_REFERENCE", error.GetProperty("code").GetString());
        Assert.Equal("did you mean 'stamp'?", error.GetProperty("hint").GetString());
    }

    [Fact]
    public async Task ScriptThatDoesNotCompile_IsRefusedWithItsLine()
    {
        await using var node = await TestNode.StartAsync(Answering);
        var refused = (await node.SendAsync("POST", "modules?name=bad", "local x = 1\nlocal y = = 2\n", "text/x-lua"))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "COMPILE_FAILED");
        Assert.Equal(2, refused.Json.GetProperty("errors")[0].GetProperty("line").GetInt32());
        Assert.Contains("unexpected symbol", refused.Json.GetProperty("errors")[0].GetProperty("detail").GetString(),
            StringComparison.Ordinal);
        (await node.GetAsync("modules/by-name/bad")).Is(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task FreeDataNamedModule_StaysWhatItIs()
    {
        await using var node = await TestNode.StartAsync(Answering);
        await UploadAsync(node, "one");
        (await node.SendAsync("PATCH", "listeners/edge",
            """{"routes":[{"name":"all","match":{"prefix":"/"},"metadata":{"filter_metadata":{"lua":{"module":"stamp"}}}"""
                + ""","direct_response":{"status":200}}]}""", "application/merge-patch+json")).Is(HttpStatusCode.OK);
        Assert.Contains("\"module\": \"stamp\"", JsonSerializer.Serialize((await node.GetAsync("listeners/edge")).Json, Indented),
            StringComparison.Ordinal);
    }

    private const string Answering = """
        listeners:
        - name: edge
          address: 127.0.0.1:0
          routes:
          - {name: all, match: {prefix: /}, direct_response: {status: 200}}
        """;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static async Task<string> UploadAsync(TestNode node, string stamp) =>
        (await node.SendAsync("POST", "modules?name=stamp", $"function envoy_on_response(h) h:headers():replace('x-stamp', '{stamp}') end",
            "text/x-lua")).Is(HttpStatusCode.Created).Json.GetProperty("digest").GetString()!;

    private static async Task<string> StampAsync(TestNode node)
    {
        var address = node.Host.Proxy.Listeners().Single(l => l.Name == "edge").BoundAddress;
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri($"http://{address}/"));
        return answer.Headers.GetValues("x-stamp").Single();
    }
}
