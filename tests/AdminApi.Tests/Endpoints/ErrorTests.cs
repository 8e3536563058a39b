using System.Net;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>Every failure is a problem document of its kind.</summary>
public sealed class ErrorTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task InvalidDocument_ReportsAllErrorsWithTheirPlaces()
    {
        const string body = """
            name: bad
            adress: 127.0.0.1:0
            routes:
            - {match: {prefix: /}, route: {cluster: wbe}}
            """;
        var refused = (await Node.SendAsync("PUT", "listeners/bad", body, "application/yaml"))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        var errors = refused.Json.GetProperty("errors").EnumerateArray().ToList();
        var field = errors.Single(e => e.GetProperty("code").GetString() == "UNKNOWN_FIELD");
        Assert.Equal(("#/adress", 2), (field.GetProperty("pointer").GetString(), field.GetProperty("line").GetInt32()));
        Assert.Equal("did you mean 'address'?", field.GetProperty("hint").GetString());
        Assert.True(field.GetProperty("column").GetInt32() >= 1);
        var reference = errors.Single(e => e.GetProperty("code").GetString() == "UNKNOWN_REFERENCE");
        Assert.Equal(("#/routes/0/route/cluster", 4),
            (reference.GetProperty("pointer").GetString(), reference.GetProperty("line").GetInt32()));
        Assert.Equal("did you mean 'web'?", reference.GetProperty("hint").GetString());
        Assert.True(refused.Json.TryGetProperty("config_version", out _));
    }

    [Fact]
    public async Task ErrorOutsideOfTheFragment_PointsIntoTheDocument()
    {
        var refused = (await Node.SendAsync("PATCH", "config", """[{"op":"remove","path":"/clusters/web"}]""",
            "application/json-patch+json")).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        var error = refused.Json.GetProperty("errors")[0];
        Assert.Equal(("#/listeners/0/routes/0/route/cluster", "document"),
            (error.GetProperty("pointer").GetString(), error.GetProperty("scope").GetString()));
        Assert.False(error.TryGetProperty("line", out _));
    }

    [Theory]
    [InlineData("{\"a\":\n  }", "application/json", 2)]
    [InlineData("a: 1\nb: ]", "application/yaml", 2)]
    public async Task MalformedBody_SaysWhere(string body, string type, int line)
    {
        var refused = (await Node.SendAsync("PUT", "clusters/x", body, type)).IsProblem(HttpStatusCode.BadRequest, "MALFORMED_BODY");
        Assert.Equal(line, refused.Json.GetProperty("line").GetInt32());
        Assert.True(refused.Json.GetProperty("column").GetInt32() >= 1);
    }

    [Fact]
    public async Task UnknownName_OffersNearOnes()
    {
        var missing = (await Node.GetAsync("clusters/wbe")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        Assert.Equal("web", missing.Json.GetProperty("near")[0].GetString());
    }

    [Theory]
    [InlineData("DELETE", "config", "GET, PATCH, PUT")]
    [InlineData("PUT", "clusters", "GET, POST")]
    [InlineData("POST", "versions/1", "GET, PATCH")]
    [InlineData("GET", "match", "POST")]
    public async Task WrongVerb_SaysWhichAreAllowed(string verb, string path, string allow)
    {
        var refused = (await Node.SendAsync(verb, path)).IsProblem(HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED");
        Assert.Equal(allow, string.Join(", ", refused.ContentHeaders.Allow.Order()));
    }

    [Theory]
    [InlineData("drafts")]
    [InlineData("tokens")]
    [InlineData("audit")]
    [InlineData("tap")]
    [InlineData("config/import")]
    [InlineData("no/such/thing")]
    public async Task WhatIsNotThere_IsNotFound(string path)
    {
        (await Node.GetAsync(path)).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await Node.PostAsync(path, "{}")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Theory]
    [InlineData("PUT", "clusters/x", "text/plain")]
    [InlineData("PUT", "clusters/x", "application/x-www-form-urlencoded")]
    [InlineData("PATCH", "clusters/web", "application/json")]
    [InlineData("POST", "modules", "application/json")]
    public async Task WrongMediaType_IsRefused(string verb, string path, string type) =>
        (await Node.SendAsync(verb, path, "{}", type)).IsProblem(HttpStatusCode.UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE");

    [Fact]
    public async Task TooLargeBody_IsRefused()
    {
        var body = "{\"name\":\"" + new string('x', 17 << 20) + "\"}";
        (await Node.PutAsync("clusters/large", body)).IsProblem(HttpStatusCode.RequestEntityTooLarge, "TOO_LARGE");
    }

    [Theory]
    [InlineData("versions?page_size=0")]
    [InlineData("versions?page_token=nonsense")]
    [InlineData("clusters?page_size=many")]
    [InlineData("config?expanded=perhaps")]
    [InlineData("stats?filter=%28")]
    public async Task BadParameter_IsRefused(string path)
        => (await Node.GetAsync(path)).IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");

    [Fact]
    public async Task PutConfig_WithoutIfMatch_IsRefused() =>
        (await Node.PutAsync("config", "{}")).IsProblem(HttpStatusCode.PreconditionRequired, "PRECONDITION_REQUIRED");
}
