using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.ExtAuthz;

public sealed class HttpAuthzTests(HttpAuthzTests.Edge edge) : IClassFixture<HttpAuthzTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        public RecordingUpstream Service { get; } = RecordingUpstream.Start("authz");
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync($$$$$$"""
            clusters:
            - {name: up, endpoints: ["{{{{{{Upstream.Address}}}}}}"]}
            - {name: authz, endpoints: ["{{{{{{Service.Address}}}}}}"]}
            listeners:
            - name: edge
              address: 127.0.0.1:0
              http_filters:
              - name: ext_authz
                typed_config:
                  http_service:
                    server_uri: {uri: "http://authz.test", cluster: authz, timeout: 20s}
                    path_prefix: /check
                    authorization_request: {headers_to_add: [{key: x-from, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}]}
                    authorization_response:
                      allowed_upstream_headers: {patterns: [{prefix: x-up}]}
                      allowed_upstream_headers_to_append: {patterns: [{exact: x-app}]}
                      allowed_client_headers: {patterns: [{exact: x-deny}]}
                      allowed_client_headers_on_success: {patterns: [{exact: x-ok}]}
                      dynamic_metadata_from_headers: {patterns: [{exact: x-meta}]}
                  allowed_headers: {patterns: [{exact: X-Ask}, {prefix: x-more}]}
                  disallowed_headers: {patterns: [{exact: x-more-not}]}
                  with_request_body: {max_request_bytes: 100}
                  max_denied_response_body_bytes: 4
              - name: header_mutation
                typed_config: {mutations: {request_mutations: [{append: {header: {key: x-seen, value: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:x-meta)%"}}}]}}
              routes: [{match: {prefix: /}, route: {cluster: up}}]
            - name: plain
              address: 127.0.0.1:0
              http_filters:
              - {name: ext_authz, typed_config: {http_service: {server_uri: {uri: "http://a", cluster: authz, timeout: 20s}}}}
              routes: [{match: {prefix: /}, route: {cluster: up}}]
            - name: "off"
              address: 127.0.0.1:0
              http_filters:
              - name: ext_authz
                typed_config: {http_service: {server_uri: {uri: "http://a", cluster: authz, timeout: 20s}}, deny_at_disable: {default_value: true},
                  filter_enabled: {default_value: {numerator: 0}}, status_on_error: {code: 418}}
              routes: [{match: {prefix: /}, route: {cluster: up}}]
            """);

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Service.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    private async Task<(RawResponse Answer, UpstreamRequest Asked, UpstreamRequest? Forwarded)> AskAsync(string decision, string request,
        string listener = "edge")
    {
        edge.Service.Answer = _ => decision;
        edge.Service.Clear();
        edge.Upstream.Clear();
        await using var client = await edge.Proxy.ConnectAsync(listener);
        var answer = await client.AskAsync(request);
        return (answer, edge.Service.Requests.LastOrDefault()!, edge.Upstream.Requests.LastOrDefault());
    }

    [Fact]
    public async Task Service_IsSentTheHeadAndWhatIsAllowed()
    {
        var (_, asked, forwarded) = await AskAsync(RecordingUpstream.Ok(""),
            "PUT /a?b=c HTTP/1.1\r\nHost: h.test\r\nauthorization: Basic x\r\n"
            + "x-ask: 1\r\nx-ask: 2\r\nx-more-a: m\r\nx-more-not: n\r\ncookie: no\r\nx-from: forged\r\ncontent-length: 3\r\n\r\nabc");
        Assert.Equal(("PUT", "/check/a?b=c", "h.test"), (asked.Method, asked.Target, asked["host"]));
        Assert.Equal(("Basic x", "1,2", "m", null, null), (asked["authorization"], asked["x-ask"], asked["x-more-a"], asked["x-more-not"],
            asked["cookie"]));
        Assert.Equal(("127.0.0.1", "false", "abc"), (asked["x-from"], asked["x-envoy-auth-partial-body"], asked.Text));
        Assert.Equal("abc", forwarded!.Text);
    }

    [Fact]
    public async Task AllowedRequest_TakesWhatTheListsName()
    {
        var (answer, _, forwarded) = await AskAsync("HTTP/1.1 200 OK\r\nx-up-a: 1\r\nx-up-a: 2\r\nx-app: z\r\nx-ok: yes\r\nx-meta: m1\r\n"
            + "x-other: no\r\nx-envoy-auth-headers-to-remove: x-gone, x-gone-too, host\r\ncontent-length: 0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nx-up-a: forged\r\nx-app: a\r\nx-gone: 1\r\nx-gone-too: 2\r\n\r\n");
        Assert.Equal(("1,2", "a,z", null, null, null), (forwarded!["x-up-a"], forwarded["x-app"], forwarded["x-gone"],
            forwarded["x-gone-too"], forwarded["x-other"]));
        Assert.Equal(("h", "m1", "yes"), (forwarded["host"], forwarded["x-seen"], answer["x-ok"]));
    }

    [Fact]
    public async Task Refusal_HasStatusBodyAndTheNamedHeaders()
    {
        const string refusal = "HTTP/1.1 401 No\r\nwww-authenticate: Basic\r\nx-deny: 1\r\nx-other: 2\r\ncontent-length: 8\r\n\r\ngo away!";
        var (answer, _, forwarded) = await AskAsync(refusal, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.Equal((401, "go a", "Basic", "1", null), (answer.Status, answer.Text, answer["www-authenticate"], answer["x-deny"],
            answer["x-other"]));
        Assert.Null(forwarded);
        (answer, _, _) = await AskAsync(refusal, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "plain");
        Assert.Equal((401, "go away!", "2"), (answer.Status, answer.Text, answer["x-other"])); // no list: all of them
    }

    [Theory]
    [InlineData("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\ncut")]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n")]
    [InlineData("nonsense\r\n\r\n")]
    [InlineData("")]
    public async Task ServiceThatFails_IsAnErrorAndRefuses(string decision)
    {
        long errors = edge.Proxy.Stat("http.edge.ext_authz.error");
        var (answer, _, forwarded) = await AskAsync(decision, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.Equal((403, null), (answer.Status, forwarded));
        Assert.Equal(errors + 1, edge.Proxy.Stat("http.edge.ext_authz.error"));
    }

    [Fact]
    public async Task DisabledShare_IsRefusedWhereThatIsWanted()
    {
        var (answer, asked, _) = await AskAsync(RecordingUpstream.Ok(""), "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "off");
        Assert.Equal((418, null), (answer.Status, asked));
        Assert.Equal(1, edge.Proxy.Stat("http.off.ext_authz.disabled"));
    }

    [Theory]
    [InlineData("http_service: {server_uri: {uri: 'http://a', cluster: none, timeout: 1s}}", "cluster 'none' does not exist")]
    [InlineData("http_service: {server_uri: {uri: 'http://a', cluster: authz, timeout: 1s}, path_prefix: x}", "must begin with /")]
    [InlineData("grpc_service: {google_grpc: {target_uri: x}}", "'google_grpc' is not supported")]
    [InlineData("grpc_service: {google_grpc: {target_uri: 'x:1', channel_credentials: {}}}", "'google_grpc' is not supported")]
    [InlineData("grpc_service: {envoy_grpc: {cluster_name: none}}", "cluster 'none' does not exist")]
    [InlineData("transport_api_version: V3", "one of these is missing: grpc_service, http_service")]
    public void WrongConfiguration_IsRefused(string config, string says)
    {
        var built = edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: ext_authz, "
            + $"typed_config: {{{config}}}}}]}}]");
        Assert.Contains(built.Errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
    }
}
