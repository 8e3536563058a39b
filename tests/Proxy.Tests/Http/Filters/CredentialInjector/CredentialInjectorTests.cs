using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.CredentialInjector;

public sealed class CredentialInjectorTests(CredentialInjectorTests.Edge edge) : IClassFixture<CredentialInjectorTests.Edge>
{
    private const string Kinds = "'@type': type.googleapis.com/envoy.extensions.http.injected_credentials.";

    public sealed class Edge : IAsyncLifetime
    {
        public RecordingUpstream Issuer { get; } = RecordingUpstream.Start("issuer");
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            string Listener(string name, string credential, string more = "") => $"- {{name: {name}, address: '127.0.0.1:0', "
                + $"http_filters: [{{name: credential_injector, typed_config: {{{more}credential: {{name: a, typed_config: {{{Kinds}"
                + $"{credential}}}}}}}}}], "
                + "routes: [{match: {prefix: /}, route: {cluster: up}}]}\n";
            string Token(string more, string credentials = "") => "oauth2.v3.OAuth2, token_endpoint: "
                + "{uri: 'login.test/token', cluster: login, "
                + $"timeout: 20s}}{more}, client_credentials: {{client_id: 'my shop', client_secret: {{name: secret}}{credentials}}}";
            Proxy = await ProxyFixture.StartAsync("clusters:\n- {name: up, endpoints: ['" + Upstream.Address + "']}\n"
                + "- {name: login, endpoints: ['" + Issuer.Address + "']}\nsecrets:\n"
                + "- {name: basic, generic_secret: {secret: {inline_string: \"Basic xyz\\n\"}}}\n"
                + "- {name: secret, generic_secret: {secret: {inline_string: s&cret}}}\nlisteners:\n"
                + Listener("generic", "generic.v3.Generic, credential: {name: basic}")
                + Listener("over", "generic.v3.Generic, credential: {name: basic}, header: X-Key", "overwrite: true, ")
                + Listener("token", Token(", scopes: [a, b], endpoint_params: [{name: audience, value: 'x/y'}]"))
                + Listener("form", Token("", ", auth_type: URL_ENCODED_BODY"))
                + Listener("failing", Token(", token_fetch_retry_interval: 3600s"))
                + Listener("open", Token(", token_fetch_retry_interval: 3600s"),
                    "allow_request_without_credential: true, overwrite: true, "));
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Issuer.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    private async Task<(int Status, UpstreamRequest? Forwarded)> AskAsync(string listener, string fields = "")
    {
        edge.Upstream.Clear();
        var answer = await edge.Proxy.GetAsync(listener: listener, headers: fields);
        return (answer.Status, edge.Upstream.Requests.LastOrDefault());
    }

    private long Stat(string listener, string name) => edge.Proxy.Stat($"http.{listener}.credential_injector.{name}");

    [Fact]
    public async Task Secret_IsPutIntoRequestsWithoutOne()
    {
        Assert.Equal("Basic xyz", (await AskAsync("generic")).Forwarded!["authorization"]);
        Assert.Equal("mine", (await AskAsync("generic", "authorization: mine\r\n")).Forwarded!["authorization"]);
        Assert.Equal((1, 1), (Stat("generic", "injected"), Stat("generic", "already_exists")));
        Assert.Equal("Basic xyz", (await AskAsync("over", "x-key: a\r\nx-key: b\r\n")).Forwarded!["x-key"]);
    }

    [Fact]
    public async Task Token_IsFetchedOnceForAll()
    {
        edge.Issuer.Clear();
        edge.Issuer.Answer = _ => RecordingUpstream.Ok("""{"access_token": "tok", "expires_in": 3600}""");
        var all = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => edge.Proxy.GetAsync(listener: "token")));
        Assert.All(all, a => Assert.Equal(200, a.Status));
        Assert.Equal("Bearer tok", (await AskAsync("token")).Forwarded!["authorization"]);
        var asked = Assert.Single(edge.Issuer.Requests);
        Assert.Equal(("POST", "/token", "login.test", "Basic " + Convert.ToBase64String("my%20shop:s%26cret"u8),
            "grant_type=client_credentials&scope=a%20b&audience=x%2Fy"), (asked.Method, asked.Target, asked["host"], asked["authorization"],
            asked.Text));
        await AskAsync("form");
        Assert.Equal("grant_type=client_credentials&client_id=my%20shop&client_secret=s%26cret", edge.Issuer.Requests.Last().Text);
    }

    [Fact]
    public async Task TokenThatCannotBeHad_IsNotAskedForAgainAtOnce()
    {
        edge.Issuer.Clear();
        edge.Issuer.Answer = _ => RecordingUpstream.Ok("""{"access_token": "a\r\nb", "expires_in": 3600}""");
        Assert.Equal(401, (await AskAsync("failing")).Status);
        Assert.Equal(401, (await AskAsync("failing")).Status);
        Assert.Single(edge.Issuer.Requests);
        edge.Issuer.Answer = _ => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
        var (status, forwarded) = await AskAsync("open", "authorization: forged\r\n");
        Assert.Equal((200, null), (status, forwarded!["authorization"]));
        Assert.Equal((2, 1), (Stat("failing", "failed"), Stat("open", "failed")));
    }

    [Theory]
    [InlineData("generic.v3.Generic, credential: {name: none}", "there is no secret 'none'")]
    [InlineData("generic.v3.Generic, credential: {name: s}, header: content-length", "'content-length' cannot be set")]
    [InlineData("other.v3.Other", "is not available in this version")]
    [InlineData("oauth2.v3.OAuth2, token_endpoint: {uri: x, cluster: none, timeout: 1s}, client_credentials: {client_id: a, client_secret: "
        + "{name: s}}", "cluster 'none' does not exist")]
    public void WrongConfiguration_IsRefused(string config, string says)
        => Assert.Contains(edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: "
            + $"credential_injector, typed_config: {{credential: {{name: a, typed_config: {{{Kinds}{config}}}}}}}}}]}}]\n"
            + "secrets: [{name: s, generic_secret: {secret: {inline_string: x}}}]").Errors,
            e => e.Detail.Contains(says, StringComparison.Ordinal));
}
