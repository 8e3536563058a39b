using System.Net;
using Managed.Integration.Dashboard;
using Managed.TestKit;
using Microsoft.Playwright;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>A browser signs in through the filter oauth2, at an authorization server of the test's own.</summary>
public sealed class SignInTests
{
    [Fact]
    public async Task Browser_SignsInAndOut()
    {
        await using var issuer = RecordingUpstream.Start("issuer");
        await using var shop = RecordingUpstream.Start("shop");
        issuer.Answer = r => r.Method == "POST" ? RecordingUpstream.Ok("""{"access_token": "jo", "expires_in": 600}""") : Page(r.Target);
        shop.Answer = r => Html($"<h1>{WebUtility.HtmlEncode($"{r.Target} {r["authorization"]}")}</h1>");
        await using var proxy = await ProxyFixture.StartAsync($$$"""
            secrets:
            - {name: token, generic_secret: {secret: {inline_string: secret} } }
            - {name: hmac, generic_secret: {secret: {inline_string: 0123456789abcdef} } }
            clusters:
            - {name: shop, endpoints: ["{{{shop.Address}}}"]}
            - {name: login, endpoints: ["{{{issuer.Address}}}"]}
            listeners:
            - name: edge
              address: 127.0.0.1:0
              http_filters:
              - name: oauth2
                typed_config:
                  config:
                    token_endpoint: {uri: "http://login.test/token", cluster: login, timeout: 60s}
                    authorization_endpoint: "http://localhost:{{{issuer.Port}}}/authorize"
                    redirect_uri: "http://%REQ(:authority)%/callback"
                    redirect_path_matcher: {path: {exact: /callback} }
                    signout_path: {path: {exact: /signout} }
                    forward_bearer_token: true
                    credentials: {client_id: shop, token_secret: {name: token}, hmac_secret: {name: hmac} }
              routes: [{match: {prefix: /}, route: {cluster: shop}}]
            """);
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await BrowserUser.LaunchAsync(playwright);
        var page = await browser.NewPageAsync();
        page.SetDefaultTimeout(120_000);
        string home = $"http://localhost:{proxy.Port()}";

        await page.GotoAsync(home + "/cart?item=5");
        await page.GetByRole(AriaRole.Link).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading)).ToHaveTextAsync("/cart?item=5 Bearer jo");
        Assert.Equal(home + "/cart?item=5", page.Url);
        await page.GotoAsync(home + "/orders");
        await Assertions.Expect(page.GetByRole(AriaRole.Heading)).ToHaveTextAsync("/orders Bearer jo");
        Assert.Single(issuer.Requests, r => r.Method == "POST");

        await page.GotoAsync(home + "/signout");
        await Assertions.Expect(page.GetByRole(AriaRole.Link)).ToHaveTextAsync("Sign in"); // a stranger again
    }

    // Where the authorization server sends who has signed in.
    private static string Page(string target)
    {
        var query = target[(target.IndexOf('?', StringComparison.Ordinal) + 1)..].Split('&').Select(p => p.Split('=', 2))
            .ToDictionary(p => p[0], p => Uri.UnescapeDataString(p[^1]));
        return query.TryGetValue("redirect_uri", out var to)
            ? Html($"<a href=\"{WebUtility.HtmlEncode($"{to}?code=c&state={query["state"]}")}\">Sign in</a>") : Html("");
    }

    private static string Html(string body) => RecordingUpstream.Ok(body, "content-type: text/html\r\n");
}
