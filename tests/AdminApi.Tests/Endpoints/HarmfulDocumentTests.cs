using System.Net;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>Documents that are made to harm, at each door that takes one: refused with a problem, and the node goes on.</summary>
public sealed class HarmfulDocumentTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private const int Deep = 100_000;

    private TestNode Node => fixture.Node;

    public static TheoryData<string, string> Doors() => new()
    {
        { "PUT", "config" }, { "PATCH", "config" }, { "POST", "config/validate" }, { "POST", "config/diff" }, { "POST", "match" },
        { "POST", "filters/test" },
        { "PUT", "clusters/web" }, { "POST", "clusters" }, { "PATCH", "clusters/web" }, { "PUT", "listeners/edge" },
        { "PATCH", "listeners/edge" }, { "PUT", "clusters/order" },
        { "PATCH", "versions/1" }, { "POST", "versions/1/rollback" }, { "PUT", "listeners/edge/filter_chains/main/http_filters/router" },
    };

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task DeepAndWideBodies_AreRefused(string verb, string path)
    {
        string type = verb == "PATCH" ? "application/merge-patch+json" : "application/json";
        foreach (string body in (string[])
        [
            string.Concat(Enumerable.Repeat("{\"a\":", Deep)) + "1" + new string('}', Deep),
            new string('[', 16 << 20),
            "[" + new string('0', 1 << 20) + "]",
        ])
        {
            if (await SendAsync(verb, path, body, type) is not { } answer) continue;
            Assert.InRange((int)answer.Status, 400, 429);
            Assert.Equal("application/problem+json", answer.ContentHeaders.ContentType?.MediaType);
        }
        (await Node.GetAsync("config")).Is(HttpStatusCode.OK);
    }

    // Null: the node had answered and closed before the body was out, and the client looked at the answer too late.
    private async Task<Answer?> SendAsync(string verb, string path, string body, string type)
    {
        try
        {
            return await Node.SendAsync(verb, path, body, type, ("If-Match", "*"));
        }
        catch (HttpRequestException e) when (e.InnerException is IOException)
        {
            return null;
        }
    }

    [Fact]
    public async Task AMillionValues_AreRefused()
    {
        var values = "[" + string.Join(',', Enumerable.Repeat("0", DocumentLimits.MaxNodes + 1)) + "]";
        Assert.InRange((int)(await Node.PostAsync("config/validate", values)).Status, 400, 413);
    }

    [Fact]
    public async Task PatchOfCopies_IsRefused()
    {
        var bomb = "[" + string.Join(',', Enumerable.Repeat("""{"op":"copy","from":"","path":"/clusters/0/metadata"}""", 2500)) + "]";
        (await Node.SendAsync("PATCH", "config", bomb, "application/json-patch+json"))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
    }

    [Fact]
    public async Task PieceThatMakesTheDocumentTooDeep_IsRefusedWithItsPlace()
    {
        var config = string.Concat(Enumerable.Repeat("{\"a\":", 57)) + "1" + new string('}', 57);
        var refused = (await Node.PutAsync("listeners/deep",
            $$"""{"address":"127.0.0.1:0","filter_chains":[{"name":"main","filters":[{"name":"x","typed_config":{{config}}}]}]}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        var error = refused.Json.GetProperty("errors")[0];
        Assert.StartsWith("#/listeners/1/filter_chains/0/filters/0/typed_config/a/a", error.GetProperty("pointer").GetString(),
            StringComparison.Ordinal);
        Assert.Equal("document", error.GetProperty("scope").GetString());
    }

    [Fact]
    public async Task ManyErrors_AreCutOff()
    {
        var clusters = string.Join(',', Enumerable.Range(0, 3000).Select(i => $$"""{"name":"c{{i}}","nonsense":1}"""));
        var refused = (await Node.PostAsync("config/validate", $$"""{"clusters":[{{clusters}}]}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.InRange(refused.Json.GetProperty("errors").GetArrayLength(), 1000, 1001);
    }

    [Fact]
    public async Task HundredsOfTries_LeaveNothing()
    {
        await Node.PostAsync("config/validate", Try(-1));
        int names = Node.Host.Proxy.Stats.Names, machines = Node.Host.Proxy.GuestVms().Count;
        var etag = (await Node.GetAsync("config")).ETag!;
        for (int i = 0; i < 100; i++)
        {
            (await Node.PostAsync("config/validate", Try(i))).Is(HttpStatusCode.OK);
            (await Node.PutAsync("config?dry_run=true", Try(i), ("If-Match", etag))).Is(HttpStatusCode.OK);
            (await Node.PostAsync("config/validate", Try(i).Replace("STATIC", "NONE", StringComparison.Ordinal)))
                .Is(HttpStatusCode.UnprocessableEntity);
        }
        Assert.InRange(Node.Host.Proxy.Stats.Names, 1, names); // a version of another test may still have been going
        Assert.InRange(Node.Host.Proxy.GuestVms().Count, 0, machines);

        static string Try(int i) => $$"""
            {"clusters":[{"name":"try-{{i}}","type":"STATIC","endpoints":["127.0.0.1:9"]}],
             "listeners":[{"name":"try-{{i}}","address":"127.0.0.1:0","http_filters":[{"name":"lua","typed_config":{"inline_code":"-- {{i}}\nfunction envoy_on_request(h) end"} }],
              "routes":[{"match":{"prefix":"/"},"route":{"cluster":"try-{{i}}"} }]}]}
            """;
    }
}
