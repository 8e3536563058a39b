using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.OAuth2;

public sealed class OAuth2Tests(OAuth2Tests.Edge edge) : IClassFixture<OAuth2Tests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        public RecordingUpstream Issuer { get; } = RecordingUpstream.Start("issuer");
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            string Config(string more = "", string credentials = "", string token = "20s") => "config: {token_endpoint: {uri: "
                + $"'https://login.test/token?x=1', cluster: login, timeout: {token}}}, "
                + "authorization_endpoint: 'https://login.test/auth?tenant=1', "
                + "redirect_uri: 'https://%REQ(:authority)%/callback', redirect_path_matcher: {path: {exact: /callback}}, "
                + "signout_path: {path: {exact: /signout}}, credentials: {client_id: 'my shop', token_secret: {name: token}, "
                + $"hmac_secret: {{name: hmac}}{credentials}}}{more}}}";
            string Listener(string name, string config, string routes = "{match: {prefix: /}, route: {cluster: up}}")
                => $"- {{name: {name}, address: '127.0.0.1:0', http_filters: [{{name: oauth2, typed_config: {{{config}}}}}], "
                    + $"routes: [{routes}]}}\n";
            Proxy = await ProxyFixture.StartAsync($$$"""
                secrets:
                - {name: token, generic_secret: {secret: {inline_string: "s&cret"} } }
                - {name: hmac, generic_secret: {secret: {inline_string: 0123456789abcdef0123456789abcdef} } }
                clusters:
                - {name: up, endpoints: ["{{{Upstream.Address}}}"]}
                - {name: login, endpoints: ["{{{Issuer.Address}}}"]}
                listeners:
                {{{Listener("edge", Config(", forward_bearer_token: true, auth_scopes: [openid, email], resources: ['https://a.test/x'], "
                    + "pass_through_matcher: [{name: authorization, string_match: {prefix: Bearer}}], "
                    + "deny_redirect_matcher: [{name: x-script}], end_session_endpoint: 'https://login.test/out', "
                    + "cookie_configs: {oauth_nonce_cookie_config: {same_site: LAX}, "
                    + "bearer_token_cookie_config: {path: /a, partitioned: true}}"),
                    "{match: {prefix: /open}, route: {cluster: up}, typed_per_filter_config: {oauth2: {}}}, "
                    + "{match: {prefix: /}, route: {cluster: up}}")}}}
                {{{Listener("plain", Config(", disable_token_encryption: true, auth_type: BASIC_AUTH, preserve_authorization_header: true, "
                    + "use_refresh_token: false, stat_prefix: plain, disable_id_token_set_cookie: true, default_expires_in: 77s", 
                    ", cookie_domain: test, cookie_names: {bearer_token: Mine}"))}}}
                {{{Listener("slow", Config(token: "0.05s"))}}}
                {{{Listener("off", "", "{match: {prefix: /on}, route: {cluster: up}, typed_per_filter_config: {oauth2: {"
                    + Config() + "}}}, {match: {prefix: /}, route: {cluster: up}}")}}}
                """);
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Issuer.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    private const string Tokens = """{"access_token": "acc", "id_token": "idt", "refresh_token": "ref", "expires_in": 100}""";

    private long Stat(string name, string listener = "edge") => edge.Proxy.Stat($"http.{listener}.{name}");

    private Browser Open(string listener = "edge", string tokens = Tokens)
    {
        edge.Issuer.Clear();
        edge.Issuer.Answer = _ => RecordingUpstream.Ok(tokens);
        edge.Upstream.Clear();
        return new Browser(edge.Proxy, listener);
    }

    // As a browser does it: to the authorization server, where somebody signs in, and back.
    private static async Task<RawResponse> SignInAsync(Browser browser, string path = "/a?b=c&d")
    {
        var sent = await browser.GetAsync(path);
        Assert.Equal(302, sent.Status);
        return await browser.GetAsync($"/callback?code=c%2Fd&state={Browser.Parameter(sent, "state")}");
    }

    [Fact]
    public async Task Stranger_IsSentToTheAuthorizationServer()
    {
        var browser = Open();
        long before = Stat("oauth_unauthorized_rq");
        var answer = await browser.GetAsync("/a");
        Assert.Equal((302, before + 1), (answer.Status, Stat("oauth_unauthorized_rq")));
        Assert.StartsWith("https://login.test/auth?tenant=1&client_id=my%20shop&response_type=code&scope=openid%20email"
            + "&resource=https%3A%2F%2Fa.test%2Fx&redirect_uri=https%3A%2F%2Fshop.test%2Fcallback&state=",
            answer["location"], StringComparison.Ordinal);
        Assert.Equal("S256", Browser.Parameter(answer, "code_challenge_method"));
        string nonce = answer.Headers.Single(h => h.Value.StartsWith("OauthNonce=", StringComparison.Ordinal)).Value;
        Assert.EndsWith(";Max-Age=600;path=/;secure;HttpOnly;SameSite=Lax", nonce, StringComparison.Ordinal);
        Assert.Empty(edge.Upstream.Requests);
    }

    [Fact]
    public async Task SignIn_MakesASessionThatTheUpstreamSees()
    {
        var browser = Open();
        var sent = await browser.GetAsync("/a?b=c&d");
        var back = await browser.GetAsync($"/callback?code=c%2Fd&state={Browser.Parameter(sent, "state")}");
        Assert.Equal((302, "http://shop.test/a?b=c&d"), (back.Status, back["location"]));
        var asked = Assert.Single(edge.Issuer.Requests);
        Assert.Equal(("POST", "/token?x=1", "login.test", "application/x-www-form-urlencoded"), (asked.Method, asked.Target, asked["host"],
            asked["content-type"]));
        var form = asked.Text.Split('&').Select(f => f.Split('=', 2)).ToDictionary(f => f[0], f => Uri.UnescapeDataString(f[1]));
        Assert.Equal(("authorization_code", "c/d", "https://shop.test/callback", "my shop", "s&cret"), (form["grant_type"], form["code"],
            form["redirect_uri"], form["client_id"], form["client_secret"]));
        Assert.Equal(Browser.Parameter(sent, "code_challenge"),
            Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"]))));
        Assert.Equal((100, 100, 604800), (Browser.MaxAge(back, "OauthHMAC"), Browser.MaxAge(back, "IdToken"),
            Browser.MaxAge(back, "RefreshToken")));
        Assert.Contains(back.Headers, h => h.Value.StartsWith("BearerToken=", StringComparison.Ordinal)
            && h.Value.EndsWith(";path=/a;secure;HttpOnly;Partitioned", StringComparison.Ordinal));
        Assert.DoesNotContain(browser.Cookies.Values, v => v is "acc" or "idt" or "ref"); // encrypted

        browser.Cookies["mine"] = "1";
        var answer = await browser.GetAsync("/a", "authorization: Basic forged\r\n");
        Assert.Equal(200, answer.Status);
        var seen = edge.Upstream.Requests.Last();
        Assert.Equal(("Bearer acc", "mine=1; BearerToken=acc; IdToken=idt"), (seen["authorization"], seen["cookie"]));
    }

    [Fact]
    public async Task SignedInAgain_GoesWhereItWanted()
    {
        var browser = Open();
        var first = await browser.GetAsync("/first");
        var second = await browser.GetAsync("/second");
        Assert.DoesNotContain(second.Headers, h => h.Value.StartsWith("OauthNonce=", StringComparison.Ordinal)); // it is kept
        await browser.GetAsync($"/callback?code=c&state={Browser.Parameter(second, "state")}");
        var answer = await browser.GetAsync($"/callback?code=d&state={Browser.Parameter(first, "state")}");
        Assert.Equal((302, "http://shop.test/first"), (answer.Status, answer["location"]));
        Assert.Single(edge.Issuer.Requests); // it has a session already
        Assert.Equal(401, (await browser.GetAsync("/callback?code=d&state=x")).Status);
    }

    [Fact]
    public async Task SessionThatIsOver_IsRefreshed()
    {
        var browser = Open();
        await SignInAsync(browser);
        browser.Cookies.Remove("OauthHMAC"); // their time is over
        browser.Cookies.Remove("OauthExpires");
        edge.Issuer.Answer = _ => RecordingUpstream.Ok("""{"access_token": "acc2", "expires_in": "50"}""");
        var answer = await browser.GetAsync("/b");
        Assert.Equal(200, answer.Status);
        Assert.Equal("grant_type=refresh_token&refresh_token=ref&client_id=my%20shop&client_secret=s%26cret",
            edge.Issuer.Requests.Last().Text);
        var seen = edge.Upstream.Requests.Last();
        Assert.Equal(("Bearer acc2", "BearerToken=acc2; IdToken=idt"), (seen["authorization"], seen["cookie"]));
        Assert.Equal(50, Browser.MaxAge(answer, "OauthHMAC"));
        Assert.Equal(200, (await browser.GetAsync("/b")).Status); // by its new cookies
        Assert.Equal(2, edge.Issuer.Requests.Count);
        browser.Cookies.Remove("OauthHMAC");
        edge.Issuer.Answer = _ => "HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n";
        Assert.Equal(302, (await browser.GetAsync("/b")).Status);
        Assert.Equal(401, (await browser.GetAsync("/b", "x-script: 1\r\n")).Status);
        Assert.True(Stat("oauth_refreshtoken_failure") >= 2 && Stat("oauth_refreshtoken_success") >= 1);
    }

    [Fact]
    public async Task SignOut_TakesCookiesBack()
    {
        var browser = Open();
        await SignInAsync(browser);
        var answer = await browser.GetAsync("/signout");
        Assert.Equal((302, "https://login.test/out?id_token_hint=idt&client_id=my%20shop"
            + "&post_logout_redirect_uri=http%3A%2F%2Fshop.test%2F"), (answer.Status, answer["location"]));
        Assert.Empty(browser.Cookies);
        Assert.Equal("http://shop.test/", (await new Browser(edge.Proxy, "slow").GetAsync("/signout"))["location"]);
    }

    [Theory]
    [InlineData("edge", "/open", "", 200)] // off for the route
    [InlineData("edge", "/a", "authorization: Bearer x\r\n", 200)] // passed through
    [InlineData("edge", "/a", "x-script: 1\r\n", 401)]
    [InlineData("off", "/a", "", 200)]
    [InlineData("off", "/on", "", 302)]
    public async Task Matchers_SayWhoIsAsked(string listener, string path, string fields, int status)
        => Assert.Equal(status, (await Open(listener).GetAsync(path, fields)).Status);

    [Fact]
    public async Task OtherConfiguration_IsFollowed()
    {
        var browser = Open("plain", """{"access_token": "acc", "id_token": "idt", "refresh_token": "ref"}""");
        var back = await SignInAsync(browser);
        Assert.Equal("http://shop.test/a?b=c&d", back["location"]);
        Assert.Equal("Basic " + Convert.ToBase64String("my%20shop:s%26cret"u8), edge.Issuer.Requests.Last()["authorization"]);
        Assert.DoesNotContain("client_secret", edge.Issuer.Requests.Last().Text, StringComparison.Ordinal);
        Assert.Equal(("acc", false, false), (browser.Cookies["Mine"], browser.Cookies.ContainsKey("IdToken"),
            browser.Cookies.ContainsKey("RefreshToken")));
        Assert.Equal(77, Browser.MaxAge(back, "Mine"));
        Assert.Contains(back.Headers, h => h.Value.Contains(";path=/;domain=test;secure", StringComparison.Ordinal));
        Assert.Equal(200, (await browser.GetAsync("/a", "authorization: Basic kept\r\n", "other.test")).Status); // of the whole domain
        Assert.Equal("Basic kept", edge.Upstream.Requests.Last()["authorization"]);
        Assert.True(Stat("plain.oauth_success", "plain") >= 2);
    }

    public static TheoryData<string> Forgeries => ["hmac", "expires", "token", "other host", "swapped", "empty", "long"];

    [Theory, MemberData(nameof(Forgeries))]
    public async Task ForgedSession_IsNone(string what)
    {
        var browser = Open();
        await SignInAsync(browser);
        var cookies = browser.Cookies;
        cookies.Remove("RefreshToken");
        switch (what)
        {
            case "hmac": cookies["OauthHMAC"] = (cookies["OauthHMAC"][0] == 'A' ? "B" : "A") + cookies["OauthHMAC"][1..]; break;
            case "expires": cookies["OauthExpires"] = "99999999999"; break;
            case "token": cookies["BearerToken"] = "forged"; break;
            case "swapped": (cookies["BearerToken"], cookies["IdToken"]) = (cookies["IdToken"], cookies["BearerToken"]); break;
            case "empty": cookies["OauthHMAC"] = ""; break;
            case "long": cookies["OauthHMAC"] = new string('A', 4000); break;
        }
        edge.Upstream.Clear();
        var answer = await browser.GetAsync("/a", host: what == "other host" ? "evil.test" : "shop.test");
        Assert.Equal(302, answer.Status);
        Assert.Empty(edge.Upstream.Requests);
    }

    [Fact]
    public async Task Callback_TakesOnlyItsOwnBrowserAndState()
    {
        var attacker = Open();
        var sent = await attacker.GetAsync("/a");
        string state = Browser.Parameter(sent, "state");
        // Somebody else's browser, without the nonce or with its own.
        Assert.Equal(401, (await new Browser(edge.Proxy).GetAsync($"/callback?code=c&state={state}")).Status);
        var victim = new Browser(edge.Proxy);
        await victim.GetAsync("/x");
        Assert.Equal(401, (await victim.GetAsync($"/callback?code=c&state={state}")).Status);
        // A state that says another place, a nonce of the client's own making, an error, no code, no verifier.
        string evil = Base64Url.EncodeToString(Encoding.ASCII.GetBytes(attacker.Cookies["OauthNonce"] + "\nhttps://evil.test/"));
        Assert.Equal(401, (await attacker.GetAsync($"/callback?code=c&state={evil}.{state.Split('.')[1]}")).Status);
        Assert.Equal(401, (await attacker.GetAsync($"/callback?error=denied&code=c&state={state}")).Status);
        Assert.Equal(401, (await attacker.GetAsync($"/callback?state={state}")).Status);
        Assert.Equal(401, (await attacker.GetAsync($"/callback?code=c&state={state}", host: "evil.test")).Status);
        attacker.Cookies["OauthCodeVerifier"] = "own";
        Assert.Equal(401, (await attacker.GetAsync($"/callback?code=c&state={state}")).Status);
        Assert.Empty(edge.Issuer.Requests);
        attacker.Cookies["OauthNonce"] = "own.signature";
        sent = await attacker.GetAsync("/a");
        Assert.NotEqual("own.signature", attacker.Cookies["OauthNonce"]); // it is replaced
        // To the place of the callback itself it goes round for ever.
        sent = await attacker.GetAsync("/callback/../callback");
        Assert.NotEqual(302, (await attacker.GetAsync($"/callback?code=c&state={state}")).Status);
    }

    [Theory]
    [InlineData("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")]
    [InlineData("")]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{\"access_token\": 1, \"expires_in\": 5}")]
    [InlineData("{\"access_token\": \"a b\", \"expires_in\": 5}")]
    [InlineData("{\"access_token\": \"a\\r\\nset-cookie: x\", \"expires_in\": 5}")]
    [InlineData("{\"access_token\": \"acc\"}")]
    [InlineData("{\"access_token\": \"acc\", \"expires_in\": -1}")]
    [InlineData("{\"access_token\": \"acc\", \"expires_in\": 5, \"id_token\": 7}")]
    [InlineData("huge token")]
    [InlineData("huge answer")]
    public async Task TokenEndpointThatFails_RefusesTheSignIn(string answer)
    {
        var browser = Open();
        long before = Stat("oauth_failure");
        string body = answer switch
        {
            "huge token" => $"{{\"access_token\": \"{new string('a', 20_000)}\", \"expires_in\": 5}}",
            "huge answer" => new string(' ', 2 << 20),
            _ => answer,
        };
        edge.Issuer.Answer = _ => body.Length == 0 || body.StartsWith("HTTP", StringComparison.Ordinal) ? body : RecordingUpstream.Ok(body);
        var back = await SignInAsync(browser);
        Assert.Equal((401, before + 1), (back.Status, Stat("oauth_failure")));
        Assert.False(browser.Cookies.ContainsKey("OauthHMAC"));
    }

    [Fact]
    public async Task SlowTokenEndpoint_TimesOut()
    {
        var browser = Open("slow");
        using var over = new SemaphoreSlim(0);
        edge.Issuer.Answer = _ => { over.Wait(TimeSpan.FromSeconds(Eventually.Limit)); return ""; };
        Assert.Equal(401, (await SignInAsync(browser)).Status);
        over.Release();
    }

    [Theory]
    [InlineData("hmac_secret: {name: hmac}", "hmac_secret: {name: none}", "there is no secret 'none'")]
    [InlineData("hmac_secret: {name: hmac}", "hmac_secret: {name: empty}", "cannot be empty")]
    [InlineData("hmac_secret: {name: hmac}", "hmac_secret: {name: short}", "should have 16 bytes and has 1")]
    [InlineData("cluster: login", "cluster: none", "cluster 'none' does not exist")]
    [InlineData("'https://login.test/auth'", "'login'", "is no http or https URL")]
    [InlineData("client_id: shop", "client_id: shop, cookie_names: {id_token: BearerToken}", "two cookies have the same name")]
    [InlineData("auth_scopes: [a]", "end_session_endpoint: 'https://a/b'", "needs 'openid'")]
    [InlineData("auth_scopes: [a]", "retry_policy: {}", "'retry_policy' is not supported")]
    [InlineData("auth_scopes: [a]", "forward_bearer_token: true, preserve_authorization_header: true", "not with forward_bearer_token")]
    public void WrongConfiguration_IsRefused(string part, string instead, string says)
    {
        string config = "config: {token_endpoint: {uri: 'https://login.test/token', cluster: login, timeout: 3s}, authorization_endpoint: "
            + "'https://login.test/auth', redirect_uri: 'https://a/b', redirect_path_matcher: {path: {exact: /b}}, signout_path: "
            + "{path: {exact: /c}}, credentials: {client_id: shop, token_secret: {name: token}, hmac_secret: {name: hmac}}, "
            + "auth_scopes: [a]}";
        string Document(string oauth) => "listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: oauth2, "
            + $"typed_config: {{{oauth}}}}}]}}]\nclusters: [{{name: login, endpoints: ['127.0.0.1:1']}}]\n"
            + "secrets: [{name: token, generic_secret: "
            + "{secret: {inline_string: x}}}, {name: short, generic_secret: {secret: {inline_string: x}}}, "
            + "{name: empty, generic_secret: {secret: {inline_string: ''}}}, {name: hmac, generic_secret: "
            + "{secret: {inline_string: 0123456789abcdef}}}]";
        Assert.Empty(edge.Proxy.Build(Document(config)).Errors);
        var built = edge.Proxy.Build(Document(config.Replace(part, instead, StringComparison.Ordinal)));
        Assert.Contains(built.Errors.Concat(built.Warnings),
            e => e.Detail.Contains(says, StringComparison.Ordinal));
    }
}
