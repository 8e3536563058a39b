using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream;

/// <summary>auto_sni and auto_san_validation: the host of each request says whom its endpoint's TLS is about.</summary>
public sealed class AutoSniTests(AutoSniTests.Pair pair) : IClassFixture<AutoSniTests.Pair>
{
    [Theory]
    [InlineData("h1", "a.test", "", 200, "a.test")]
    [InlineData("h1", "A.test:8443", "", 200, "a.test")]
    [InlineData("h1", "b.test", "", 200, "b.test")]
    [InlineData("h2", "a.test", "", 200, "a.test")]
    [InlineData("h2", "b.test", "", 200, "b.test")]
    [InlineData("h1", "c.test", "", 503, null)] // the certificate is another's
    [InlineData("h1", "127.0.0.1", "", 503, null)]
    [InlineData("h1", "[::1]:80", "", 503, null)]
    [InlineData("override", "c.test", "x-server: b.test\r\n", 200, "b.test")]
    [InlineData("override", "a.test", "x-server:\r\n", 200, "a.test")]
    [InlineData("override", "a.test", "x-server: \xff\r\n", 503, null)]
    [InlineData("rewritten", "c.test", "", 200, "b.test")]
    [InlineData("unchecked", "c.test", "", 200, "c.test")]
    [InlineData("unchecked", "127.0.0.1", "", 200, null)] // an address is no name
    public async Task Host_IsTheServerThatIsAskedFor(string path, string host, string headers, int status, string? name)
    {
        var answer = await pair.Front.GetAsync("/" + path, host, headers);
        Assert.Equal((status, name), (answer.Status, answer["x-name"]));
    }

    [Fact]
    public async Task Connections_AreOfOneHost()
    {
        long before = pair.Front.Stat("cluster.unchecked.upstream_cx_total");
        for (int i = 0; i < 2; i++)
            foreach (string host in (string[])["x1.test", "x2.test"])
                Assert.Equal(host, (await pair.Front.GetAsync("/unchecked", host))["x-name"]);
        Assert.Equal(2, pair.Front.Stat("cluster.unchecked.upstream_cx_total") - before);
    }

    [Fact]
    public void ValidationWithoutTheName_IsAnError()
        => Assert.Contains(
            pair.Front.Build($"clusters: [{Pair.Cluster("x", "127.0.0.1:1", "auto_san_validation: true", "", "{}")}]").Errors,
            e => e.Detail.Contains("needs auto_sni", StringComparison.Ordinal));

    public sealed class Pair : IAsyncLifetime
    {
        private readonly TestAuthority _authority = new();

        public ProxyFixture Back { get; private set; } = null!;
        public ProxyFixture Front { get; private set; } = null!;

        internal static string Cluster(string name, string at, string names, string protocol, string tls)
            => $"{{name: {name}, endpoints: [\"{at}\"], tls: {tls}, typed_extension_protocol_options: "
                + $"{{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {{upstream_http_protocol_options: {{{names}}}, "
                + $"explicit_http_config: {{{(protocol.Length > 0 ? protocol : "http_protocol_options")}: {{}}}}}}}}}}";

        public async ValueTask InitializeAsync()
        {
            string certificates = TlsYaml.Certificate(_authority.Issue("CN=a", ["a.test"])) + ", "
                + TlsYaml.Certificate(_authority.Issue("CN=b", ["b.test"]));
            Back = await ProxyFixture.StartAsync($$"""
                listeners: [{name: edge, address: "127.0.0.1:0", tls: {certificates: [{{certificates}}]},
                  routes: [{match: {prefix: /}, direct_response: {status: 200}, response_headers_to_add: [{header: {key: x-name, value: "%REQUESTED_SERVER_NAME%"} }]}]}]
                """);
            string at = Back.EndPoint().ToString(), trusted = $"{{trusted_ca: {TlsYaml.Inline(_authority.Pem)}}}";
            const string Both = "auto_sni: true, auto_san_validation: true";
            string Route(string name, string more = "") => $"{{match: {{prefix: /{name}}}, route: {{cluster: {name}{more}}}}}";
            Front = await ProxyFixture.StartAsync("listeners: [{name: edge, address: \"127.0.0.1:0\", routes: "
                + $"[{Route("h1")}, {Route("h2")}, {Route("override")}, "
                + $"{Route("rewritten", ", host_rewrite_literal: b.test")}, {Route("unchecked")}]}}]\nclusters:\n"
                + $"- {Cluster("h1", at, Both, "", trusted)}\n- {Cluster("h2", at, Both, "http2_protocol_options", trusted)}\n"
                + $"- {Cluster("override", at, Both + ", override_auto_sni_header: X-Server", "", trusted)}\n"
                + $"- {Cluster("rewritten", at, Both, "", trusted)}\n- {Cluster("unchecked", at, "auto_sni: true", "", "{}")}\n");
        }

        public async ValueTask DisposeAsync()
        {
            await Front.DisposeAsync();
            await Back.DisposeAsync();
            _authority.Dispose();
        }
    }
}
