using System.Net;

namespace Managed.AdminApi.Tests.Auth;

public sealed class AccessTests
{
    [Fact]
    public async Task Token_IsNeededForEverythingButReady()
    {
        await using var node = await TestNode.StartAsync();
        using var anonymous = new HttpClient { BaseAddress = node.Host.AdminUri };
        foreach (var path in new[] { "/api/v1/config", "/api/v1/nothing", "/stats", "/config_dump", "/server_info", "/listeners",
            "/clusters", "/stats/prometheus" })
            Assert.Equal(HttpStatusCode.Unauthorized, (await anonymous.GetAsync(path)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await anonymous.GetAsync("/ready")).StatusCode);
        anonymous.DefaultRequestHeaders.Authorization = new("Bearer", "wrong");
        var refused = await anonymous.GetAsync("/api/v1/config");
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal("Bearer", refused.Headers.WwwAuthenticate.Single().Scheme);
    }

    [Fact]
    public async Task TokenFile_IsForItsOwnerOnly()
    {
        await using var node = await TestNode.StartAsync();
        var file = Path.Combine(node.Folder, "data", "admin-token");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(node.Host.Token, File.ReadAllText(file).Trim());
        var token = node.Host.Token;
        await node.RestartAsync();
        Assert.Equal(token, node.Host.Token);
        await node.RestartAsync(() => File.Delete(file));
        Assert.NotEqual(token, node.Host.Token);
    }

    [Fact]
    public async Task SignInLink_WorksOnce()
    {
        await using var node = await TestNode.StartAsync();
        var first = await node.GetAsync(new Uri(node.Host.SignInLink).PathAndQuery);
        Assert.Equal(("/", HttpStatusCode.Redirect), (first.Headers.Location?.ToString(), first.Status));
        var cookie = first.Headers.GetValues("Set-Cookie").Single();
        Assert.Contains("httponly", cookie);
        Assert.Contains("samesite=strict", cookie);
        (await node.GetAsync(new Uri(node.Host.SignInLink).PathAndQuery)).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHENTICATED");
    }

    [Fact]
    public async Task Cookie_WorksFromItsOwnOriginOnly()
    {
        await using var node = await TestNode.StartAsync();
        var cookie = await SignInAsync(node);
        var origin = node.Host.AdminUri.GetLeftPart(UriPartial.Authority);
        node.Http.DefaultRequestHeaders.Authorization = null;
        Assert.Equal("admin", (await node.GetAsync("auth/me", ("Cookie", cookie), ("Sec-Fetch-Site", "same-origin")))
            .Is(HttpStatusCode.OK).Json.GetProperty("name").GetString());
        (await node.PutAsync("clusters/c", """{"endpoints":["127.0.0.1:9"]}""", ("Cookie", cookie), ("Origin", origin)))
            .Is(HttpStatusCode.Created);
        Assert.Equal("dashboard",
            (await node.GetAsync("versions/active", ("Cookie", cookie), ("Origin", origin))).Json.GetProperty("source").GetString());
        (await node.GetAsync("config", ("Cookie", cookie))).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await node.GetAsync("config", ("Cookie", cookie), ("Sec-Fetch-Site", "cross-site")))
            .IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await node.DeleteAsync("clusters/c", ("Cookie", cookie), ("Origin", "http://evil.example")))
            .IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
        await node.RestartAsync();
        node.Http.DefaultRequestHeaders.Authorization = null;
        (await node.GetAsync("auth/me", ("Cookie", cookie), ("Sec-Fetch-Site", "same-origin"))).Is(HttpStatusCode.OK);
        (await node.PostAsync("auth/logout", null, ("Cookie", cookie), ("Sec-Fetch-Site", "same-origin"))).Is(HttpStatusCode.NoContent);
        (await node.GetAsync("auth/me", ("Cookie", cookie), ("Sec-Fetch-Site", "same-origin")))
            .IsProblem(HttpStatusCode.Unauthorized, "UNAUTHENTICATED");
    }

    [Fact]
    public async Task FailedSignIns_AreLimited()
    {
        await using var node = await TestNode.StartAsync();
        for (var i = 0; i < 5; i++)
            (await node.PostAsync("auth/login", """{"token":"guess"}""")).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHENTICATED");
        var limited = (await node.PostAsync("auth/login", """{"token":"guess"}"""))
            .IsProblem(HttpStatusCode.TooManyRequests, "RATE_LIMITED");
        Assert.InRange(limited.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 300);
        (await node.GetAsync("auth/me")).Is(HttpStatusCode.OK); // a valid token is not held back
    }

    [Fact]
    public async Task ForeignHost_IsRefused()
    {
        await using var node = await TestNode.StartAsync();
        foreach (var path in new[] { "/api/v1/config", "/ready", "/" })
            (await node.GetAsync(path, ("Host", "evil.example"))).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await node.GetAsync("/ready", ("Host", $"localhost:{node.Host.AdminUri.Port}"))).Is(HttpStatusCode.OK);
    }

    private static async Task<string> SignInAsync(TestNode node)
    {
        var answer = (await node.PostAsync("auth/login", $$"""{"token":"{{node.Host.Token}}"}""")).Is(HttpStatusCode.OK);
        return answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }
}
