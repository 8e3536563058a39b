using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>A redirect that is made of a client's path names the host that it was sent to.</summary>
public sealed class RedirectTests
{
    private const string Redirects = """
        {match: {prefix: /cut}, redirect: {prefix_rewrite: /}}, {match: {prefix: /regex}, redirect: {regex_rewrite: {pattern: {regex: "^/regex"}, substitution: ""}}},
        {match: {path: /fixed}, redirect: {path_redirect: "//evil.example"}}, {match: {prefix: /}, redirect: {https_redirect: true}}
        """;

    [Theory]
    [InlineData("/%2fevil.example/a")]
    [InlineData("/%2Fevil.example/a")]
    [InlineData("/%5cevil.example/a")]
    [InlineData("/%2f%2fevil.example/a")]
    [InlineData("/%5c%2f%5cevil.example/a")]
    [InlineData("//%2fevil.example/a")]
    [InlineData(@"/\%2fevil.example/a")]
    public async Task UnescapedSlashes_RedirectHere(string target)
    {
        foreach (var others in new[] { "", "normalize_path: true,", "merge_slashes: true,", "normalize_path: true, merge_slashes: true," })
        {
            await using var up = RecordingUpstream.Start();
            await using var proxy = await ProxyFixture.StartAsync(
                Edge.Document(up, $"path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT, {others}"));
            var answer = await proxy.GetAsync(target);
            Assert.Equal((307, "/evil.example/a"), (answer.Status, answer["location"]));
        }
    }

    [Theory]
    [InlineData("GET //evil.example/a", "https://example.test//evil.example/a")]
    [InlineData(@"GET /\evil.example", @"https://example.test/\evil.example")]
    [InlineData("GET http://example.test//evil.example", "https://example.test//evil.example")]
    [InlineData("GET /cut/evil.example", "http://example.test//evil.example")]
    [InlineData("GET /cut.evil.example", "http://example.test/.evil.example")]
    [InlineData("GET /regex.evil.example", "http://example.test/.evil.example")]
    [InlineData("GET /regex@evil.example", "http://example.test/@evil.example")]
    [InlineData("GET /fixed", "http://example.test//evil.example")]
    public async Task RouteRedirects_StayOnTheHost(string line, string location)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, routes: Redirects.ReplaceLineEndings(" ")));
        await using var client = await proxy.ConnectAsync();
        Assert.Equal(location, (await client.AskAsync($"{line} HTTP/1.1\r\nHost: example.test\r\n\r\n"))["location"]);
    }

    [Fact]
    public async Task AnAsterisk_IsNoPartOfTheHost()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, host: "require_tls: ALL,"));
        await using var client = await proxy.ConnectAsync();
        Assert.Equal("https://example.test/", (await client.AskAsync("OPTIONS * HTTP/1.1\r\nHost: example.test\r\n\r\n"))["location"]);
    }

    [Theory]
    [InlineData("evil.example/x")]
    [InlineData("good.example@evil.example")]
    [InlineData("evil.example\\x")]
    [InlineData("evil.example?x")]
    [InlineData("evil.example#x")]
    public async Task AHostThatIsNone_IsRefused(string host)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, routes: Redirects.ReplaceLineEndings(" ")));
        Assert.Equal(400, (await proxy.GetAsync("/", host)).Status);
    }
}
