using System.Net;
using System.Text.Json;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>Names of any printable characters, percent-encoded in paths.</summary>
public sealed class NameTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Theory]
    [InlineData("a/b")]
    [InlineData("outbound|80||app.ns.svc.cluster.local")]
    [InlineData("0.0.0.0:10000 (http)")]
    [InlineData("50%")]
    [InlineData("%2F")]
    [InlineData("%252f/%")]
    [InlineData("größe 🙂 \"q\" <b> \\ ~1 ?x=1#y &amp;")]
    [InlineData("/")]
    [InlineData("a//b/")]
    [InlineData("order/..")]
    public async Task Cluster_IsFoundChangedAndDeletedByItsName(string name)
    {
        var path = "clusters/" + Uri.EscapeDataString(name);
        var made = (await Node.PutAsync(path, """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        Assert.EndsWith("/" + Uri.EscapeDataString(name), made.Headers.Location!.OriginalString);
        var read = (await Node.GetAsync(path)).Is(HttpStatusCode.OK);
        Assert.Equal(name, read.Json.GetProperty("name").GetString());
        (await Node.GetAsync(path, ("If-None-Match", read.ETag!))).Is(HttpStatusCode.NotModified);
        (await Node.SendAsync("PATCH", path, """{"lb_policy":"RANDOM"}""", "application/merge-patch+json")).Is(HttpStatusCode.OK);

        var route = "listeners/" + Uri.EscapeDataString("l " + name);
        var listener = JsonSerializer.Serialize(
            new { address = "127.0.0.1:0", routes = new[] { new { match = new { prefix = "/" }, route = new { cluster = name } } } });
        (await Node.PutAsync(route, listener)).Is(HttpStatusCode.Created);
        (await Node.PutAsync($"{route}/filter_chains/main/http_filters/{Uri.EscapeDataString(name)}",
            """{"typed_config":{"@type":"lua","inline_code":""}}""")).Is(HttpStatusCode.Created);
        Assert.Equal(name, (await Node.GetAsync($"{route}/filter_chains/main/http_filters/{Uri.EscapeDataString(name)}"))
            .Is(HttpStatusCode.OK).Json.GetProperty("name").GetString());
        (await Node.SendAsync("DELETE", path, "", "application/json")).IsProblem(HttpStatusCode.Conflict, "IN_USE");
        (await Node.SendAsync("DELETE", route, "", "application/json")).Is(HttpStatusCode.OK);
        (await Node.SendAsync("DELETE", path, "", "application/json")).Is(HttpStatusCode.OK);
        (await Node.GetAsync(path)).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task Create_AnswersWithThePathThatFinds()
    {
        var made = (await Node.PostAsync("clusters", """{"name":"neu/é","endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        Assert.Equal("/api/v1/clusters/neu%2F%C3%A9", made.Headers.Location!.OriginalString);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a\nb")]
    [InlineData("a\u0000b")]
    [InlineData("a\u200bb")]
    [InlineData("a\u2028b")]
    public async Task Name_ThatCannotBePrinted_IsRefused(string name) =>
        (await Node.PostAsync("config/validate",
            JsonSerializer.Serialize(new { clusters = new[] { new { name, endpoints = new[] { "127.0.0.1:9" } } } })))
                .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");

    [Fact]
    public async Task Name_Of257Characters_IsRefused()
    {
        static string Document(int length)
            => JsonSerializer.Serialize(
                new { clusters = new[] { new { name = new string('n', length), endpoints = new[] { "127.0.0.1:9" } } } });
        (await Node.PostAsync("config/validate", Document(256))).Is(HttpStatusCode.OK);
        (await Node.PostAsync("config/validate", Document(257))).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
    }

    [Fact]
    public async Task Validate_OfABootstrap_ListsWhatItBecomes()
    {
        const string File = """
            static_resources:
              listeners:
              - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
                filter_chains:
                - filters:
                  - name: h
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: p
                      tracing: null
                      http_filters: {name: envoy.filters.http.router}
                      route_config: {virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}]}
            admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
            """;
        var answer = (await Node.SendAsync("POST", "config/validate", File, "application/yaml")).Is(HttpStatusCode.OK).Json;
        Assert.True(answer.GetProperty("valid").GetBoolean());
        var warnings = answer.GetProperty("warnings").EnumerateArray().Select(w => w.GetProperty("detail").GetString()!).ToList();
        Assert.Contains(warnings, w => w.Contains("use_remote_address: false", StringComparison.Ordinal));
        Assert.Contains(warnings, w => w.StartsWith("'admin' is not used", StringComparison.Ordinal));
    }
}
