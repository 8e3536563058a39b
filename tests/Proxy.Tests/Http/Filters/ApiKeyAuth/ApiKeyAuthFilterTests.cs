using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.ApiKeyAuth;

public sealed class ApiKeyAuthFilterTests(ApiKeyAuthFilterTests.Edge edge) : IClassFixture<ApiKeyAuthFilterTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync("""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              http_filters:
              - name: api_key_auth
                typed_config:
                  credentials: [{key: k1, client: one}, {key: "k 2", client: two}]
                  key_sources: [{header: X-Key}, {query: key}, {cookie: key}]
                  forwarding: {header: x-client, hide_credentials: true}
              virtual_hosts:
              - name: all
                domains: ["*"]
                routes:
                - &echo
                  match: {prefix: /two}
                  direct_response: &answer {status: 200, body_format: {text_format: "%REQ(:PATH)% [%REQ(x-client)%] [%REQ(x-key)%] [%REQ(cookie)%]"}}
                  typed_per_filter_config: {api_key_auth: {allowed_clients: [two]}}
                - match: {prefix: /own}
                  direct_response: *answer
                  typed_per_filter_config:
                    api_key_auth: {credentials: [{key: k3, client: three}], key_sources: [{header: authorization}], forwarding: {header: x-client}}
                - {match: {prefix: /off}, direct_response: *answer, typed_per_filter_config: {api_key_auth: {disabled: true}}}
                - {match: {prefix: /}, direct_response: *answer}
            - name: nobody
              address: 127.0.0.1:0
              http_filters: [{name: api_key_auth, typed_config: {key_sources: [{header: x-key}]}}]
              routes: [{match: {prefix: /}, direct_response: {status: 200}}]
            """);

        public ValueTask DisposeAsync() => Proxy.DisposeAsync();
    }

    private const string Unknown = "Client authentication failed.";

    [Theory]
    [InlineData("/?a&key=k1&b", "", 200, "/?a&b [one] [-] [-]")]
    [InlineData("/?key=k%202", "", 200, "/ [two] [-] [-]")]
    [InlineData("/", "x-key: k1", 200, "/ [one] [-] [-]")]
    [InlineData("/", "x-key: Bearer k1", 200, "/ [one] [-] [-]")]
    [InlineData("/", "cookie: a=1; key=k1; b=2", 200, "/ [one] [-] [a=1; b=2]")]
    [InlineData("/", "cookie: a=1|cookie: key=k1", 200, "/ [one] [-] [a=1]")]
    [InlineData("/?key=x", "x-key: k1|x-client: forged", 200, "/ [one] [-] [-]")]
    [InlineData("/", "", 401, Unknown)]
    [InlineData("/", "x-key: K1", 401, Unknown)]
    [InlineData("/", "x-key: k1|x-key: k1", 401, Unknown)] // of two the upstream might believe the other
    [InlineData("/?key=", "", 401, Unknown)]
    [InlineData("/two", "x-key: k1", 403, "Client is forbidden.")]
    [InlineData("/two", "x-key: k 2", 200, "/two [two] [-] [-]")]
    [InlineData("/own", "x-key: k1", 401, Unknown)]
    [InlineData("/own", "authorization: Bearer k3", 200, "/own [three] [-] [-]")]
    [InlineData("/off", "x-key: no", 200, "/off [-] [no] [-]")]
    public async Task Key_NamesTheClient(string target, string fields, int status, string says)
    {
        string[] names = ["allowed", "unauthorized", "forbidden"];
        var before = names.Select(n => edge.Proxy.Stat("http.edge.api_key_auth." + n)).ToList();
        var answer = await edge.Proxy.GetAsync(target, headers: fields.Length == 0 ? "" : fields.Replace("|", "\r\n") + "\r\n");
        Assert.Equal((status, says), (answer.Status, answer.Text));
        string counted = target == "/off" ? "" : status switch { 200 => "allowed", 401 => "unauthorized", _ => "forbidden" };
        Assert.Equal(before.Select((n, i) => n + (names[i] == counted ? 1 : 0)),
            names.Select(n => edge.Proxy.Stat("http.edge.api_key_auth." + n)));
    }

    [Fact]
    public async Task WithoutKeys_NobodyIsLetIn()
        => Assert.Equal(401, (await edge.Proxy.GetAsync(headers: "x-key: k1\r\n", listener: "nobody")).Status);

    [Theory]
    [InlineData("credentials: [{key: secret1, client: a}, {key: secret1, client: b}]", "is given twice")]
    [InlineData("key_sources: [{header: a, query: b}]", "only one of these may be given")]
    [InlineData("key_sources: [{}]", "one of these is missing")]
    [InlineData("key_sources: [{header: 'a b'}]", "is not a header name")]
    public void WrongConfiguration_IsRefusedWithoutQuotingKeys(string config, string says)
    {
        var built = edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: api_key_auth, "
            + $"typed_config: {{{config}}}}}]}}]");
        Assert.Contains(built.Errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
        Assert.DoesNotContain(built.Errors, e => e.Detail.Contains("secret1", StringComparison.Ordinal));
    }
}
