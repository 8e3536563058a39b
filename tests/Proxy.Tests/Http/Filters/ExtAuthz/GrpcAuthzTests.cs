using Managed.TestKit;
using Xunit;
using static Managed.Proxy.Tests.Http.Filters.ExtAuthz.AuthzServer;

namespace Managed.Proxy.Tests.Http.Filters.ExtAuthz;

public sealed class GrpcAuthzTests(GrpcAuthzTests.Edge edge) : IClassFixture<GrpcAuthzTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        internal AuthzServer Server { get; private set; } = null!;
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Server = await StartAsync();
            Proxy = await ProxyFixture.StartAsync($$$$$$"""
                clusters:
                - {name: up, endpoints: ["{{{{{{Upstream.Address}}}}}}"]}
                - {name: authz, endpoints: ["127.0.0.1:{{{{{{Server.Port}}}}}}"]}
                - {name: dead, endpoints: ["127.0.0.1:1"]}
                listeners:
                - name: edge
                  address: 127.0.0.1:0
                  http_filters:
                  - name: lua
                    typed_config: {inline_code: "function envoy_on_request(h) h:streamInfo():dynamicMetadata():set('space', 'k', {a = 'v', n = 2, t = true, l = {'x'}}) end"}
                  - name: ext_authz
                    typed_config:
                      grpc_service: {envoy_grpc: {cluster_name: authz}, timeout: 20s, initial_metadata: [{key: x-meta, value: "%REQ(:METHOD)%"}]}
                      transport_api_version: V3
                      with_request_body: {max_request_bytes: 10, allow_partial_message: true}
                      metadata_context_namespaces: [space]
                      disallowed_headers: {patterns: [{exact: X-Hidden}]}
                      clear_route_cache: true
                  access_log: []
                  virtual_hosts:
                  - name: all
                    domains: ["*"]
                    typed_per_filter_config: {ext_authz: {check_settings: {context_extensions: {level: host, only: host}}}}
                    routes:
                    - {match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: {ext_authz: {disabled: true}}}
                    - match: {prefix: /nobody}
                      route: {cluster: up}
                      typed_per_filter_config: {ext_authz: {check_settings: {context_extensions: {level: route}, disable_request_body_buffering: true}}}
                    - match: {prefix: /strict}
                      route: {cluster: up}
                      typed_per_filter_config: {ext_authz: {check_settings: {with_request_body: {max_request_bytes: 5, pack_as_bytes: true}}}}
                    - {match: {prefix: /, headers: [{name: x-role, string_match: {exact: admin}}]}, route: {cluster: up, prefix_rewrite: /admin}}
                    - {match: {prefix: /}, route: {cluster: up}}
                - name: slow
                  address: 127.0.0.1:0
                  http_filters:
                  - name: ext_authz
                    typed_config: {grpc_service: {envoy_grpc: {cluster_name: authz}, timeout: 0.05s}, stat_prefix: slow, status_on_error: {code: 503}}
                  routes: [{match: {prefix: /}, route: {cluster: up}}]
                - name: open
                  address: 127.0.0.1:0
                  http_filters:
                  - name: ext_authz
                    typed_config: {grpc_service: {envoy_grpc: {cluster_name: dead}}, failure_mode_allow: true, failure_mode_allow_header_add: true}
                  routes: [{match: {prefix: /}, route: {cluster: up}}]
                - name: valid
                  address: 127.0.0.1:0
                  http_filters:
                  - name: ext_authz
                    typed_config: {grpc_service: {google_grpc: {target_uri: "dns:///127.0.0.1:{{{{{{Server.Port}}}}}}"}, timeout: 20s}, validate_mutations: true}
                  routes: [{match: {prefix: /}, route: {cluster: up}}]
                """);
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Server.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    private AuthzServer Server => edge.Server;

    private async Task<(RawResponse Answer, UpstreamRequest? Forwarded)> AskAsync(Func<byte[], byte[]?> decide, string request,
        string listener = "edge")
    {
        Server.Answer = decide;
        edge.Upstream.Clear();
        await using var client = await edge.Proxy.ConnectAsync(listener);
        var answer = await client.AskAsync(request);
        return (answer, edge.Upstream.Requests.LastOrDefault());
    }

    private static string Get(string path = "/x?q=1", string fields = "") => $"GET {path} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n";

    [Fact]
    public async Task Request_IsDescribedWhole()
    {
        var (answer, forwarded) = await AskAsync(_ => [],
            Get(fields: "x-two: a\r\nx-hidden: no\r\nx-two: b\r\ncookie: c=1\r\ncookie: d=2\r\nx-bytes: \u00ff\r\n"));
        Assert.Equal((200, "/x?q=1"), (answer.Status, forwarded!.Target));
        Assert.Equal("/envoy.service.auth.v3.Authorization/Check", Server.SeenPath);
        Assert.Equal("GET", Server.SeenMetadata);
        Assert.Equal(("GET", "/x?q=1", "a.test", "http", "HTTP/1.1"), (Server.Field(1, 4, 2, 2), Server.Field(1, 4, 2, 4),
            Server.Field(1, 4, 2, 5), Server.Field(1, 4, 2, 6), Server.Field(1, 4, 2, 10)));
        Assert.Equal("127.0.0.1", Server.Field(1, 1, 1, 1, 2));
        Assert.Equal(("a,b", "c=1; d=2", "/x?q=1", "\ufffd", null), (Server.Entry("x-two", 1, 4, 2, 3), Server.Entry("cookie", 1, 4, 2, 3),
            Server.Entry(":path", 1, 4, 2, 3), Server.Entry("x-bytes", 1, 4, 2, 3), Server.Entry("x-hidden", 1, 4, 2, 3)));
        Assert.Equal(("host", "host"), (Server.Entry("level", 1, 10), Server.Entry("only", 1, 10)));
        Assert.Equal("space", Server.Field(1, 11, 1, 1)); // with k: {a, l, n, t} in it
        foreach (string text in new[] { "a", "v", "l", "x", "n", "t" })
            Assert.Contains(text, Server.Field(1, 11, 1, 2, 1), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AllowedRequest_IsChangedAsTheServiceSays()
    {
        var (answer, forwarded) = await AskAsync(_ => Message((3, Message(
            (2, Header("x-role", "admin")), (2, Header("x-two", "c", append: true)), (2, Header("x-none", "c", append: true)),
            (2, Header("x-there", "new", action: 1)), (2, Header("x-new", "new", action: 1)), (2, Header("x-absent", "no", action: 3)),
            (5, "x-gone"), (5, "host"), (6, Header("x-answer", "set")), (6, Header("x-upstream", "more", append: true)),
            (7, Message((1, "q"), (2, "a b&c"))), (8, "secret"))), (4, Message((1, Message((1, "who"), (2, Message((3, "jo")))))))),
            Get("/x?q=1&secret=2&z", "x-two: a\r\nx-two: b\r\nx-gone: 1\r\nx-there: old\r\nx-role: user\r\n"));
        Assert.Equal("/adminx?z&q=a%20b%26c", forwarded!.Target); // routed by what the service said
        Assert.Equal(("admin", "a,b,c", null, "old", "new", null, null), (forwarded["x-role"], forwarded["x-two"], forwarded["x-none"],
            forwarded["x-there"], forwarded["x-new"], forwarded["x-absent"], forwarded["x-gone"]));
        Assert.Equal("a.test", forwarded["host"]);
        Assert.Equal(("set", "up,more"), (answer["x-answer"], answer["x-upstream"]));
    }

    [Fact]
    public async Task Refusal_IsTheServices()
    {
        long denied = edge.Proxy.Stat("http.edge.ext_authz.denied");
        var (answer, forwarded) = await AskAsync(_ => Message((1, Message((1, 7))), (2, Message((1, Message((1, 451))),
            (2, Header("x-why", "law")), (2, Header("content-type", "text/x")), (2, Header("content-length", "1")), (3, "no such page")))),
            Get());
        Assert.Null(forwarded);
        Assert.Equal((451, "no such page", "law", "text/x"), (answer.Status, answer.Text, answer["x-why"], answer["content-type"]));
        (answer, _) = await AskAsync(_ => Message((1, Message((1, 16)))), Get());
        Assert.Equal((403, ""), (answer.Status, answer.Text));
        Assert.Equal(denied + 2, edge.Proxy.Stat("http.edge.ext_authz.denied"));
    }

    [Fact]
    public async Task Body_IsSentAsFarAsItIsHeld()
    {
        const string post = " HTTP/1.1\r\nHost: a\r\ncontent-length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz";
        var (_, forwarded) = await AskAsync(_ => [], "POST /p" + post);
        Assert.Equal(("abcdefghij", "true"), (Server.Field(1, 4, 2, 11), Server.Entry("x-envoy-auth-partial-body", 1, 4, 2, 3)));
        Assert.Equal(26, forwarded!.Body.Length);
        (_, forwarded) = await AskAsync(_ => [],
            "POST /p HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nt: 1\r\n\r\n");
        Assert.Equal(("abc", "false"), (Server.Field(1, 4, 2, 11), Server.Entry("x-envoy-auth-partial-body", 1, 4, 2, 3)));
        Assert.Equal("abc", forwarded!.Text);
        (_, forwarded) = await AskAsync(_ => [], "POST /nobody" + post);
        Assert.Equal(("", null, 26), (Server.Field(1, 4, 2, 11), Server.Entry("x-envoy-auth-partial-body", 1, 4, 2, 3),
            forwarded!.Body.Length));
        Assert.Equal(("route", "host"), (Server.Entry("level", 1, 10), Server.Entry("only", 1, 10)));
        (_, forwarded) = await AskAsync(_ => [], "POST /strict HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\n\r\n12345");
        Assert.Equal(("", "12345", "12345"), (Server.Field(1, 4, 2, 11), Server.Field(1, 4, 2, 12), forwarded!.Text));
        int asked = Server.Asked;
        var (answer, _) = await AskAsync(_ => [], "POST /strict" + post);
        Assert.Equal((413, asked), (answer.Status, Server.Asked));
    }

    [Fact]
    public async Task RouteWhereItIsOff_DoesNotAsk()
    {
        int asked = Server.Asked;
        var (answer, _) = await AskAsync(_ => null, Get("/off"));
        Assert.Equal((200, asked), (answer.Status, Server.Asked));
    }

    public static TheoryData<string, byte[]?> Malformed => new()
    {
        { "status 13", null },
        { "no message", "\u00ff\u00ff\u00ff"u8.ToArray() },
        { "cut", [10, 200, 1, 2] },
        { "odd wire type", [11] },
        { "a status that is none", Message((1, Message((1, 7))), (2, Message((1, Message((1, 42)))))) },
        { "a header that is none", Message((3, Message((2, "zzz")))) },
        { "deep metadata", Deep() },
        { "an error of its own", Message((1, Message((1, 13))), (5, Message((3, "x")))) },
        { "50,000 headers", Message((3, Enumerable.Repeat(Message((2, Header("x", "v"))), 50_000).SelectMany(m => m)
            .ToArray())) },
        { "huge", Message((2, Message((3, new string('x', 2 << 20))))) },
    };

    [Theory, MemberData(nameof(Malformed))]
    public async Task MalformedDecision_IsAnErrorAndRefuses(string what, byte[]? message)
    {
        long errors = edge.Proxy.Stat("http.edge.ext_authz.error");
        var (answer, forwarded) = await AskAsync(_ => message, Get());
        Assert.True(answer.Status == 403 && forwarded is null, what);
        Assert.Equal(errors + 1, edge.Proxy.Stat("http.edge.ext_authz.error"));
    }

    [Fact]
    public async Task SlowService_IsGivenUpInTime()
    {
        Server.Hangs = true;
        try
        {
            var (answer, forwarded) = await AskAsync(_ => [], Get(), "slow");
            Assert.Equal((503, null), (answer.Status, forwarded));
            Assert.Equal((1, 1), (edge.Proxy.Stat("http.slow.ext_authz.slow.timeout"), edge.Proxy.Stat("http.slow.ext_authz.slow.error")));
        }
        finally
        {
            Server.Hangs = false;
        }
    }

    [Fact]
    public async Task DeadService_LetsRequestsGoOnWhereThatIsWanted()
    {
        var (answer, forwarded) = await AskAsync(_ => [], Get(), "open");
        Assert.Equal((200, "true"), (answer.Status, forwarded!["x-envoy-auth-failure-mode-allowed"]));
        Assert.Equal((1, 1), (edge.Proxy.Stat("http.open.ext_authz.error"), edge.Proxy.Stat("http.open.ext_authz.failure_mode_allowed")));
    }

    [Theory]
    [InlineData("x-a", "a\r\nx-b: 1")]
    [InlineData("bad name", "1")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("content_length", "7")]
    [InlineData("connection", "close")]
    [InlineData(":path", "http://x/")]
    [InlineData(":path", "/a b")]
    [InlineData(":scheme", "https")]
    [InlineData(":authority", "a@b")]
    public async Task ChangeThatNoMessageMayHave_IsLeftOutOrRefused(string name, string value)
    {
        var (answer, forwarded) = await AskAsync(_ => Message((3, Message((2, Header(name, value))))), Get("/y"));
        Assert.Equal((200, "/y"), (answer.Status, forwarded!.Target));
        Assert.True(name[0] == ':' || forwarded[name] is null);
        Assert.Null(forwarded["x-b"]);
        long invalid = edge.Proxy.Stat("http.valid.ext_authz.invalid");
        (answer, forwarded) = await AskAsync(_ => Message((3, Message((2, Header(name, value))))), Get("/y"), "valid");
        Assert.Equal((500, null, invalid + 1), (answer.Status, forwarded, edge.Proxy.Stat("http.valid.ext_authz.invalid")));
    }

    private static byte[] Deep()
    {
        byte[] value = Message((3, "x"));
        for (int i = 0; i < 40; i++) value = Message((5, Message((1, Message((1, "k"), (2, value))))));
        return Message((4, Message((1, Message((1, "k"), (2, value))))));
    }
}
