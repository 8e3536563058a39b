using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Cors;

public sealed class CorsFilterTests(CorsFilterTests.Edge edge) : IClassFixture<CorsFilterTests.Edge>
{
    private const string Preflight = "access-control-request-method: PUT\r\naccess-control-request-headers: x-a, x-b\r\n";

    /// <summary>Routes with policies of all levels and of both forms.</summary>
    public sealed class Edge : IAsyncLifetime
    {
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync("""
            clusters: [{name: up, endpoints: ["127.0.0.1:1"]}]
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains:
              - filters:
                - name: http_connection_manager
                  typed_config:
                    stat_prefix: edge
                    http_filters: [{name: cors}, {name: router}]
                    route_config:
                      name: local
                      virtual_hosts:
                      - name: typed
                        domains: [typed.test]
                        cors: {allow_origin_string_match: [{exact: "https://never.test"}]}
                        typed_per_filter_config:
                          cors:
                            allow_origin_string_match: [{exact: "https://a.test"}, {prefix: "https://pre."}, {suffix: .suf.test},
                              {contains: mid}, {safe_regex: {regex: "https://r[0-9]+\\.test"}}, {exact: "https://CASE.test", ignore_case: true}]
                            allow_methods: GET, PUT
                            allow_headers: x-own
                            max_age: "600"
                        routes:
                        - match: {prefix: /more}
                          direct_response: {status: 200, body: {inline_string: more}}
                          typed_per_filter_config:
                            cors: {allow_credentials: true, expose_headers: x-e, allow_private_network_access: true, allow_methods: "*", allow_headers: "*"}
                        - match: {prefix: /strict}
                          direct_response: {status: 200}
                          typed_per_filter_config: {cors: {forward_not_matching_preflights: false, allow_credentials: true}}
                        - match: {prefix: /none}
                          direct_response: {status: 200}
                          typed_per_filter_config: {cors: {filter_enabled: {default_value: {numerator: 0}}}}
                        - match: {prefix: /shadow}
                          direct_response: {status: 200}
                          typed_per_filter_config:
                            cors: {filter_enabled: {default_value: {numerator: 0}}, shadow_enabled: {default_value: {numerator: 100}}}
                        - match: {prefix: /off}
                          direct_response: {status: 200}
                          typed_per_filter_config: {cors: {disabled: true}}
                        - {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: plain}}}
                      - name: old
                        domains: [old.test]
                        cors: {allow_origin_string_match: [{exact: "*"}], allow_methods: GET, expose_headers: x-host}
                        routes:
                        - match: {prefix: /own}
                          route: {cluster: up, cors: {expose_headers: x-route}}
                        - {match: {prefix: /}, direct_response: {status: 200}}
                      - {name: free, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}
            """);

        public ValueTask DisposeAsync() => Proxy.DisposeAsync();
    }

    private async Task<RawResponse> AskAsync(string method, string host, string path, string fields)
    {
        await using var client = await edge.Proxy.ConnectAsync();
        return await client.AskAsync($"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
    }

    [Theory]
    [InlineData("https://a.test", true)]
    [InlineData("https://A.test", false)]
    [InlineData("https://a.test.evil", false)]
    [InlineData("https://pre.anything", true)]
    [InlineData("https://x.suf.test", true)]
    [InlineData("https://amidst", true)]
    [InlineData("https://r12.test", true)]
    [InlineData("https://r12.test.evil", false)]
    [InlineData("https://case.TEST", true)]
    [InlineData("null", false)]
    [InlineData("https://never.test", false)]
    public async Task Origin_IsAllowedAsItsMatchersSay(string origin, bool allowed)
    {
        long valid = edge.Proxy.Stat("http.edge.cors.origin_valid"), invalid = edge.Proxy.Stat("http.edge.cors.origin_invalid");
        var answer = await AskAsync("GET", "typed.test", "/", $"origin: {origin}\r\n");
        Assert.Equal("plain", answer.Text);
        Assert.Equal(allowed ? origin : null, answer["access-control-allow-origin"]);
        Assert.Equal(valid + (allowed ? 1 : 0), edge.Proxy.Stat("http.edge.cors.origin_valid"));
        Assert.Equal(invalid + (allowed ? 0 : 1), edge.Proxy.Stat("http.edge.cors.origin_invalid"));
    }

    [Fact]
    public async Task Preflight_IsAnsweredFromHere()
    {
        var answer = await AskAsync("OPTIONS", "typed.test", "/", "origin: https://a.test\r\n" + Preflight);
        Assert.Equal((200, ""), (answer.Status, answer.Text));
        Assert.Equal("https://a.test", answer["access-control-allow-origin"]);
        Assert.Equal("GET, PUT", answer["access-control-allow-methods"]);
        Assert.Equal("x-own", answer["access-control-allow-headers"]);
        Assert.Equal("600", answer["access-control-max-age"]);
        Assert.Null(answer["access-control-allow-credentials"]);
        Assert.Null(answer["access-control-allow-private-network"]);
    }

    [Fact]
    public async Task Levels_AreMergedFieldByField()
    {
        var answer = await AskAsync("OPTIONS", "typed.test", "/more",
            "origin: https://a.test\r\naccess-control-request-private-network: true\r\n" + Preflight);
        Assert.Equal("https://a.test", answer["access-control-allow-origin"]);
        Assert.Equal("PUT", answer["access-control-allow-methods"]);
        Assert.Equal("x-a, x-b", answer["access-control-allow-headers"]);
        Assert.Equal("600", answer["access-control-max-age"]);
        Assert.Equal("true", answer["access-control-allow-credentials"]);
        Assert.Equal("true", answer["access-control-allow-private-network"]);
        answer = await AskAsync("GET", "typed.test", "/more", "origin: https://a.test\r\n");
        Assert.Equal(("more", "x-e", "true"),
            (answer.Text, answer["access-control-expose-headers"], answer["access-control-allow-credentials"]));
    }

    [Theory]
    [InlineData("/", "origin: https://evil.test", "plain")] // goes on to the route
    [InlineData("/strict", "origin: https://evil.test", "")]
    [InlineData("/", "origin: https://a.test\r\norigin: https://a.test", "plain")]
    [InlineData("/", "x: y", "plain")]
    [InlineData("/", "origin:", "plain")]
    public async Task PreflightOfAnotherOrigin_GetsNoPermission(string path, string fields, string body)
    {
        var answer = await AskAsync("OPTIONS", "typed.test", path, fields + "\r\n" + Preflight);
        Assert.Equal((200, body), (answer.Status, answer.Text));
        Assert.Null(answer["access-control-allow-origin"]);
    }

    [Theory]
    [InlineData("/none", 0)]
    [InlineData("/shadow", 1)]
    [InlineData("/off", 0)]
    public async Task PolicyThatIsNotEnabled_AddsNothing(string path, int counted)
    {
        long before = edge.Proxy.Stat("http.edge.cors.origin_valid");
        var answer = await AskAsync("GET", "typed.test", path, "origin: https://a.test\r\n");
        Assert.Null(answer["access-control-allow-origin"]);
        Assert.Equal(before + counted, edge.Proxy.Stat("http.edge.cors.origin_valid"));
    }

    [Fact]
    public async Task OlderFields_AreThePolicyWhereThereIsNoOther()
    {
        var answer = await AskAsync("GET", "old.test", "/", "origin: https://anybody.test\r\n");
        Assert.Equal(("https://anybody.test", "x-host"),
            (answer["access-control-allow-origin"], answer["access-control-expose-headers"]));
        answer = await AskAsync("GET", "old.test", "/own", "origin: https://anybody.test\r\n");
        Assert.Equal((503, "https://anybody.test", "x-route"),
            (answer.Status, answer["access-control-allow-origin"], answer["access-control-expose-headers"]));
    }

    [Fact]
    public async Task RouteWithoutPolicy_IsLeftAlone()
    {
        var answer = await AskAsync("OPTIONS", "free.test", "/", "origin: https://a.test\r\n" + Preflight);
        Assert.Null(answer["access-control-allow-origin"]);
        Assert.Equal(200, answer.Status);
    }

    [Theory]
    [InlineData("allow_origin: ['*']", "'allow_origin' is not supported")]
    [InlineData("allow_methods: \"a\\nb\"", "control character")]
    [InlineData("allow_origin_string_match: [{safe_regex: {regex: '('}}]", "is not valid")]
    public void WrongPolicy_IsRefusedWithItsPlace(string field, string says)
    {
        foreach (string form in new[] { $"cors: {{{field}}}", $"typed_per_filter_config: {{cors: {{{field}}}}}" })
        {
            var built = edge.Proxy.Build($$"""
                listeners:
                - {name: a, address: "127.0.0.1:0", http_filters: [{name: cors}], virtual_hosts: [{name: v, domains: ["*"], {{form}}}]}
                """);
            Assert.Contains(built.Errors, e => (e.Detail + e.Hint).Contains(says, StringComparison.Ordinal)
                && e.Pointer.Contains("/virtual_hosts/0/", StringComparison.Ordinal));
        }
    }
}
