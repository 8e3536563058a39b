using System.Net;

namespace Managed.AdminApi.Tests.Endpoints;

public sealed class NativeNode : IAsyncLifetime
{
    internal TestNode Node { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Node = await TestNode.StartAsync("""
        listeners:
        - name: edge
          address: 127.0.0.1:0
          routes:
          - {name: all, match: {prefix: /}, direct_response: {status: 200}}
        """, "--allow-native");

    public ValueTask DisposeAsync() => Node.DisposeAsync();
}

/// <summary>Filters in C#: uploaded, described, put before the router, tried on the bench, kept by digest.</summary>
[Collection("Sandbox")] // one test looks for folders that are left behind
public sealed class NativeModuleTests(NativeNode fixture) : IClassFixture<NativeNode>
{
    private const string Type = "application/x-dotnet-assembly", Filters = "listeners/edge/filter_chains/main/http_filters";

    private TestNode Node => fixture.Node;

    private static byte[] Assembly() => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "plugins", "ExampleFilters.dll"));

    [Fact]
    public async Task FromUploadToAnswer_AndBackByDigest()
    {
        var stored = (await UploadAsync(Node, Assembly(), "?name=hello")).IsOneOf(HttpStatusCode.Created, HttpStatusCode.OK).Json;
        var digest = stored.GetProperty("digest").GetString();
        Assert.Equal(("dotnet", "1.0"), (stored.GetProperty("kind").GetString(), stored.GetProperty("abi").GetString()));
        Assert.Contains("HelloFilter.HelloPlugin", stored.GetProperty("exports").EnumerateArray().Select(e => e.GetString()));
        Assert.Equal(Type, (await Node.GetAsync($"modules/{digest}/content")).Is(HttpStatusCode.OK).ContentHeaders.ContentType?.MediaType);

        var filter = """{"name":"hello","typed_config":{"@type":"native","module":"hello","type":"HelloFilter.HelloPlugin","""
            + """ "configuration":{"greeting":"from a module"}}}""";
        var wrong = (await Node.SendAsync("POST", Filters + "?before=router", filter.Replace("greeting", "greetings"), "application/json"))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED").Json.GetProperty("errors");
        Assert.Contains(wrong.EnumerateArray(), e => e.GetProperty("pointer").GetString() == "#/typed_config/configuration/greetings");
        (await Node.SendAsync("POST", Filters + "?before=router", filter, "application/json")).Is(HttpStatusCode.Created);

        Assert.Equal("from a module", await HelloAsync());
        Assert.Contains(digest!, (await Node.GetAsync("config")).Body, StringComparison.Ordinal);
        Assert.Contains("\"native\"", (await Node.GetAsync(Filters)).Body, StringComparison.Ordinal);
        (await Node.DeleteAsync($"modules/{digest}")).IsProblem(HttpStatusCode.Conflict, "IN_USE");
        var vm = (await Node.GetAsync("vms?kind=native")).Is(HttpStatusCode.OK).Json.GetProperty("items")[0];
        Assert.Equal((digest, "active"), (vm.GetProperty("digest").GetString(), vm.GetProperty("state").GetString()));
    }

    [Fact]
    public async Task Schema_DescribesThePluginsConfiguration()
    {
        (await UploadAsync(Node, Assembly(), "?name=described")).IsOneOf(HttpStatusCode.Created, HttpStatusCode.OK);

        var schema = (await Node.GetAsync("schema/native:described:HelloFilter.HelloPlugin")).Is(HttpStatusCode.OK).Json;

        Assert.Equal("greeting", schema.GetProperty("required")[0].GetString());
        Assert.Equal(200, schema.GetProperty("properties").GetProperty("greeting").GetProperty("maxLength").GetInt32());
        Assert.Equal(["STAR", "HASH"], (await Node.GetAsync("schema/native:described:ExampleFilters.RedactPlugin")).Json
            .GetProperty("properties").GetProperty("mark").GetProperty("enum").EnumerateArray().Select(e => e.GetString()!));
        (await Node.GetAsync("schema/native:described:Nobody")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await Node.GetAsync("schema/native:nobody")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task Bench_RunsIt()
    {
        (await UploadAsync(Node, Assembly(), "?name=bench")).IsOneOf(HttpStatusCode.Created, HttpStatusCode.OK);

        var result = (await Node.PostAsync("filters/test", """
            {"filters": [{"name": "hello", "typed_config": {"@type": "native", "module": "bench", "type": "HelloFilter.HelloPlugin",
              "configuration": {"greeting": "tried"}}}],
             "request": {"method": "GET", "path": "/", "authority": "a.example"}, "upstream_response": {"status": 200, "body": "up"}}
            """)).Is(HttpStatusCode.OK).Json;

        Assert.Contains(result.GetProperty("trace").EnumerateArray(), s => s.GetProperty("filter").GetString() == "hello"
            && s.GetProperty("hook").GetString() == "OnResponseHeaders"
            && s.GetProperty("headers").EnumerateArray().Any(h => h.GetProperty("after").GetString() == "tried"));
    }

    [Theory]
    [InlineData("MZ and nothing behind it", "it is no .NET assembly")]
    [InlineData("", "it is no .NET assembly")]
    public async Task WhatIsNone_IsRefused(string content, string why)
        => Assert.Contains(why, (await UploadAsync(Node, System.Text.Encoding.ASCII.GetBytes(content)))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "COMPILE_FAILED").Body, StringComparison.Ordinal);

    [Fact]
    public async Task WithoutLeave_NothingIsTaken()
    {
        await using var node = await TestNode.StartAsync();

        (await UploadAsync(node, Assembly())).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await node.GetAsync("schema/native:hello")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        var refused = (await node.SendAsync("POST", Filters, """{"name":"n","typed_config":{"@type":"native","assembly":"hello"}}""",
            "application/json")).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Contains("--allow-native", refused.Body, StringComparison.Ordinal);
    }

    private static async Task<Answer> UploadAsync(TestNode node, byte[] assembly, string query = "")
    {
        using var content = new ByteArrayContent(assembly) { Headers = { ContentType = new(Type) } };
        using var response = await node.Http.PostAsync("/api/v1/modules" + query, content);
        return new(response.StatusCode, response.Headers, response.Content.Headers, await response.Content.ReadAsStringAsync());
    }

    private async Task<string> HelloAsync()
    {
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri($"http://{Node.Host.Proxy.Listeners()[0].BoundAddress}/"));
        return string.Join(',', answer.Headers.TryGetValues("x-hello", out var values) ? values : []);
    }
}
