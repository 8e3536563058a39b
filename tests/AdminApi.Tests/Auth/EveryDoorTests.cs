using System.Net;
using Managed.AdminApi.Hosting;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.StaticAssets;
using Microsoft.Extensions.DependencyInjection;

namespace Managed.AdminApi.Tests.Auth;

/// <summary>Every endpoint that the host knows, however it is spelt: nobody passes who is not known.</summary>
public sealed class EveryDoorTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private const string Foreign = "http://evil.example";
    private static readonly HttpStatusCode[] Refusals =
        [HttpStatusCode.BadRequest, HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden, HttpStatusCode.NotFound,
            HttpStatusCode.MethodNotAllowed];

    private TestNode Node => fixture.Node;

    [Fact]
    public void AnonymousEndpoints_AreTheListedOnes()
    {
        var open = Endpoints().Where(e => IsAnonymous(e) && e.Metadata.GetMetadata<StaticAssetDescriptor>() is null)
            .Select(e => "/" + e.RoutePattern.RawText!.TrimStart('/')).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(["/api/v1/auth/login", "/auth/login", "/auth/logout", "/ready", "/sign-in", "/swagger/v1/swagger.json",
            "/swagger/{**path}"], open);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData(null, Foreign)]
    [InlineData("cookie", Foreign)]
    [InlineData("forged", null)]
    public async Task ClosedEndpoint_IsRefusedInEverySpelling(string? cookie, string? origin)
    {
        var headers = new List<(string, string)>();
        if (origin is not null)
            headers.Add(("Origin", origin));
        if (cookie is not null)
            headers.Add(("Cookie", cookie == "cookie" ? await CookieAsync() : "managed_session=forged"));
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false });
        var seen = 0;
        foreach (var endpoint in Endpoints().Where(e => !IsAnonymous(e)))
            foreach (var verb in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods is { Count: > 0 } verbs ? verbs
                : ["GET", "POST"])
                foreach (var path in Spellings(PathOf(endpoint)))
                {
                    var address = new Uri(Node.Host.AdminUri.GetLeftPart(UriPartial.Authority) + path,
                        new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
                    using var request = new HttpRequestMessage(new(verb), address);
                    foreach (var (name, value) in headers)
                        request.Headers.TryAddWithoutValidation(name, value);
                    using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
                    Assert.True(Refusals.Contains(answer.StatusCode),
                        $"{verb} {path} ({endpoint.RoutePattern.RawText}): {(int)answer.StatusCode}");
                    seen++;
                }
        Assert.True(seen > 900, $"only {seen} calls: the endpoints were not found");
    }

    [Theory]
    [InlineData("POST", "/quitquitquit/")]
    [InlineData("GET", "/CONFIG_DUMP")]
    [InlineData("POST", "/drain_listeners/")]
    [InlineData("POST", "/Logging/?level=trace")]
    [InlineData("GET", "/Stats")]
    [InlineData("GET", "/stats/Prometheus/")]
    [InlineData("GET", "/Listeners")]
    [InlineData("GET", "/clusters/")]
    [InlineData("GET", "/_blazor")]
    [InlineData("POST", "/_BLAZOR/negotiate/?negotiateVersion=1")]
    [InlineData("POST", "/_blazor/disconnect")]
    [InlineData("GET", "/_blazor/initializers/")]
    [InlineData("GET", "/nothing")]
    public async Task WithoutToken_IsUnauthenticated(string verb, string path)
    {
        foreach (var origin in new[] { null, Foreign })
        {
            using var anonymous = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = Node.Host.AdminUri };
            using var request = new HttpRequestMessage(new(verb), path);
            if (origin is not null)
                request.Headers.TryAddWithoutValidation("Origin", origin);
            Assert.Equal(HttpStatusCode.Unauthorized, (await anonymous.SendAsync(request)).StatusCode);
        }
    }

    [Fact]
    public async Task SpellingsOfSharedPaths_AreTheSameWithToken()
    {
        foreach (var path in new[] { "/listeners", "/Listeners", "/LISTENERS/", "/listeners/" })
            Assert.StartsWith("edge::", (await Node.GetAsync(path)).Is(HttpStatusCode.OK).Body);
        (await Node.PostAsync("/stats")).IsProblem(HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED");
        (await Node.GetAsync("/LOGGING/")).IsProblem(HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED");
    }

    [Fact]
    public async Task PageInABrowser_LeadsToTheForm()
    {
        Node.Http.DefaultRequestHeaders.Authorization = null;
        try
        {
            var form = await Node.GetAsync("/History", ("Accept", "text/html"));
            Assert.Equal((HttpStatusCode.Redirect, "/sign-in?return=%2FHistory"), (form.Status, form.Headers.Location!.OriginalString));
            (await Node.GetAsync("/stats", ("Accept", "text/html"))).Is(HttpStatusCode.Unauthorized);
            (await Node.GetAsync("/sign-in", ("Accept", "text/html"))).Is(HttpStatusCode.OK);
        }
        finally
        {
            Node.Http.DefaultRequestHeaders.Authorization = new("Bearer", Node.Host.Token);
        }
    }

    private IEnumerable<RouteEndpoint> Endpoints()
        => EndpointsOf(Node.Host.Services).Concat(EndpointsOf(Node.Host.Services.GetRequiredService<DashboardHost>().Services));

    private static IEnumerable<RouteEndpoint> EndpointsOf(IServiceProvider services)
        => services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>();

    private static bool IsAnonymous(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null;

    /// <summary>The pattern with a value for each of its parameters.</summary>
    private static string PathOf(RouteEndpoint endpoint) => "/" + string.Join('/', endpoint.RoutePattern.PathSegments.Select(s =>
        string.Concat(s.Parts.Select(p => p is Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal ? literal.Content
            : p is Microsoft.AspNetCore.Routing.Patterns.RoutePatternSeparatorPart separator ? separator.Content : "1"))));

    private static IEnumerable<string> Spellings(string path)
    {
        var middle = path.IndexOf('/', 1) is > 0 and var slash ? slash : path.Length;
        return
        [
            path, path.ToUpperInvariant(), path + "/", "/" + path, path.Insert(middle, "/"), "/x/.." + path, "/x/%2e%2e" + path,
            "/%2e" + path, path + ";x", path + "?level=trace",
            path.Length > 1 ? $"/%{(int)path[1]:x2}{path[2..]}" : "/%2f", path + "%2f", path + "%00", "/ready/.." + path,
            "/_content/.." + path, path + "/.",
        ];
    }

    private async Task<string> CookieAsync()
    {
        var answer = (await Node.PostAsync("auth/login", $$"""{"token":"{{Node.Host.Token}}"}""")).Is(HttpStatusCode.OK);
        return answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }
}
