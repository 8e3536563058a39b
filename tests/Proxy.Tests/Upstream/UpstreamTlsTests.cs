using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream;

public sealed class UpstreamTlsTests : IDisposable
{
    private readonly TestAuthority _authority = new(), _stranger = new("Strange CA");
    private readonly TestCertificate _service;

    public UpstreamTlsTests() => _service = _authority.Issue("CN=service", ["service.test", "127.0.0.1"]);

    public static TheoryData<string, bool, string> Validations() => new()
    {
        { "", true, "" },
        { "trusted_ca: CA", true, "" },
        { "trusted_ca: CA, match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: service.test}}]", true, "" },
        { "trusted_ca: CA, match_typed_subject_alt_names: [{san_type: DNS, matcher: {suffix: .test}}]", true, "" },
        { "trusted_ca: CA, match_typed_subject_alt_names: [{san_type: IP_ADDRESS, matcher: {exact: 127.0.0.1}}]", true, "" },
        { "trusted_ca: CA, sni: service.test, auto_sni_san_validation: true", true, "" },
        { "verify_certificate_hash: [HASH]", true, "" },
        { "verify_certificate_spki: [SPKI]", true, "" },
        { "trusted_ca: STRANGE", false, "unable to get local issuer certificate" },
        { "trusted_ca: CA, match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: other.test}}]", false, "certificate rejected" },
        { "trusted_ca: CA, sni: other.test, auto_sni_san_validation: true", false, "certificate rejected" },
        { "verify_certificate_hash: [00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff]", false, "certificate rejected" },
        { "system_root_certs: {}", false, "unable to get local issuer certificate" },
        { "tls_maximum_protocol_version: TLSv1_2, cipher_suites: [ECDHE-RSA-AES128-GCM-SHA256]", false, "" },
    };

    [Theory]
    [MemberData(nameof(Validations))]
    public async Task Endpoint_IsReachedWhenItIsWhoItShouldBe(string tls, bool works, string reason)
    {
        await using var service = new TlsEcho(_service, http: true);
        await using var proxy = await ProxyFixture.StartAsync(Document(service.Port, tls));
        var response = await proxy.GetAsync();
        Assert.Equal(works ? 200 : 503, response.Status);
        if (works)
        {
            Assert.Equal("TLSv1.3 CN=service -", response["x-facts"]!);
            Assert.Equal(1, proxy.Server.Stats.Value("cluster.web.ssl.handshake"));
            Assert.Equal("ok", response.Text);
        }
        else
        {
            Assert.Contains("UF", response["x-facts"]!, StringComparison.Ordinal);
            Assert.Contains(reason, response["x-reason"]!, StringComparison.Ordinal);
            Assert.Equal(0, service.Received); // nothing was sent to who it is not
            Assert.Equal(1, proxy.Server.Stats.Value("cluster.web.upstream_cx_connect_fail"));
        }
    }

    [Theory]
    [InlineData("expired", "certificate has expired")]
    [InlineData("self-signed", "self-signed certificate")]
    public async Task BadCertificate_IsRefused(string kind, string reason)
    {
        using var self = new TestAuthority("self");
        var certificate = kind == "expired" ? _authority.Issue("CN=service", ["service.test"], from: DateTimeOffset.UtcNow.AddDays(-3),
            until: DateTimeOffset.UtcNow.AddDays(-1))
            : new TestCertificate(self.Pem, self.KeyPem, "", [], "");
        await using var service = new TlsEcho(certificate, http: true);
        await using var proxy = await ProxyFixture.StartAsync(Document(service.Port, "trusted_ca: CA"));
        var response = await proxy.GetAsync();
        Assert.Equal(503, response.Status);
        Assert.Contains(reason, response["x-reason"]!, StringComparison.Ordinal);
        Assert.Equal(0, service.Received);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData(", remote_address_range: [{address_prefix: 127.0.0.0, prefix_len: 8}]", true)]
    [InlineData(", remote_address_range: [{address_prefix: 10.0.0.0, prefix_len: 8}]", false)]
    public async Task KeyLog_HasTheSecretsOfConnectionsToTheEndpointsThatAreAskedFor(string ranges, bool isLogged)
    {
        string path = Path.Combine(Path.GetTempPath(), $"keys-{Guid.NewGuid():N}");
        try
        {
            await using var service = new TlsEcho(_service, http: true);
            await using var proxy = await ProxyFixture.StartAsync(Document(service.Port, $"key_log: {{path: {path}{ranges} }}"));
            Assert.Equal(200, (await proxy.GetAsync()).Status);
            if (isLogged)
                await Eventually.Async(() => File.ReadAllText(path).Contains("\nCLIENT_TRAFFIC_SECRET_0 ", StringComparison.Ordinal),
                    "the secrets");
            else Assert.Empty(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task ServerNameAndOwnCertificate_AreShown()
    {
        var own = _authority.Issue("CN=proxy", forClients: true);
        await using var service = new TlsEcho(_service, http: true, asksForCertificate: true);
        await using var proxy = await ProxyFixture.StartAsync(
            Document(service.Port, $"sni: service.test, certificates: [{TlsYaml.Certificate(own)}]"));
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(["service.test"], service.Names);
        Assert.Equal("CN=proxy", service.Client);
    }

    [Fact]
    public async Task Connections_AreUsedAgainAndSessionsResumed()
    {
        await using var service = new TlsEcho(_service, http: true);
        await using var proxy = await ProxyFixture.StartAsync(Document(service.Port, "sni: service.test"));
        for (int i = 0; i < 5; i++) Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(1, service.Handshakes);
        Assert.Equal(1, proxy.Server.Stats.Value("cluster.web.upstream_cx_total"));
        // What shapes connections has changed: those of before are not used again; the session is another context's.
        await proxy.PublishAsync(Document(service.Port, "sni: other.test"));
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(["service.test", "other.test"], service.Names);
    }

    [Fact]
    public async Task EndpointThatSaysNothing_IsGivenUpAtTheConnectTimeout()
    {
        await using var silent = new UpstreamPeerSilent();
        await using var proxy = await ProxyFixture.StartAsync(Document(silent.Port, "sni: service.test")
            .Replace("name: web, ", "name: web, connect_timeout: 0.1s, ", StringComparison.Ordinal));
        var response = await proxy.GetAsync();
        Assert.Equal(503, response.Status);
        Assert.Equal(1, proxy.Server.Stats.Value("cluster.web.upstream_cx_connect_timeout"));
    }

    [Fact]
    public async Task NoValidation_IsAWarningThatNamesTheRisk()
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        Assert.Contains(proxy.Build(Document(1, "sni: x")).Warnings,
            w => w.Detail.Contains("whoever stands between", StringComparison.Ordinal));
        Assert.Contains(proxy.Build(Document(1, "trusted_ca: CA")).Warnings,
            w => w.Detail.Contains("whatever the name", StringComparison.Ordinal));
        Assert.DoesNotContain(proxy.Build(Document(1, "trusted_ca: CA, sni: x, auto_sni_san_validation: true")).Warnings,
            w => w.Detail.Contains("cluster 'web'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task EndpointThatDoesNotTakeH2_IsNotSpokenToByIt()
    {
        await using var service = new TlsEcho(_service, http: true);
        await using var proxy = await ProxyFixture.StartAsync(Document(service.Port, "trusted_ca: CA", ", http2: true"));
        var response = await proxy.GetAsync();
        Assert.Equal(503, response.Status);
        Assert.Contains("UF", response["x-facts"]!, StringComparison.Ordinal);
        Assert.Contains("does not take h2", response["x-reason"]!, StringComparison.Ordinal);
        Assert.Equal((0, 1), (service.Received, proxy.Stat("cluster.web.upstream_cx_connect_fail")));
    }

    [Fact]
    public async Task AutoConfig_SpeaksHttp1WhereNothingElseIsChosen()
    {
        await using var service = new TlsEcho(_service, http: true);
        await using var proxy = await ProxyFixture.StartAsync(Document(service.Port, "trusted_ca: CA",
            ", typed_extension_protocol_options: {h: {\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3."
                + "HttpProtocolOptions, auto_config: {}}}"));
        var responses = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => proxy.GetAsync()));
        Assert.All(responses, r => Assert.Equal(200, r.Status));
        Assert.Equal((proxy.Stat("cluster.web.upstream_cx_total"), 0),
            (proxy.Stat("cluster.web.upstream_cx_http1_total"), proxy.Stat("cluster.web.upstream_cx_http2_total")));
    }

    private string Document(int port, string tls, string cluster = "") => $$"""
        listeners:
        - name: edge
          address: "127.0.0.1:0"
          routes: [{match: {prefix: /}, route: {cluster: web}, response_headers_to_add: [
            {header: {key: x-facts, value: "%UPSTREAM_TLS_VERSION% %UPSTREAM_PEER_SUBJECT% %RESPONSE_FLAGS%"} }, {header: {key: x-reason, value: "%UPSTREAM_TRANSPORT_FAILURE_REASON%"} }]}]
        clusters:
        - {name: web, endpoints: ["127.0.0.1:{{port}}"], tls: { {{tls.Replace("trusted_ca: CA", "trusted_ca: " + TlsYaml.Inline(_authority.Pem), StringComparison.Ordinal).Replace("STRANGE", TlsYaml.Inline(_stranger.Pem), StringComparison.Ordinal)
            .Replace("HASH", _service.Sha256, StringComparison.Ordinal).Replace("SPKI", _service.KeySha256, StringComparison.Ordinal)}} }{{cluster}} }
        """;

    public void Dispose()
    {
        _authority.Dispose();
        _stranger.Dispose();
    }

    /// <summary>Accepts in the kernel and never speaks.</summary>
    private sealed class UpstreamPeerSilent : IAsyncDisposable
    {
        private readonly System.Net.Sockets.TcpListener _listener = new(System.Net.IPAddress.Loopback, 0);

        public UpstreamPeerSilent() => _listener.Start();

        public int Port => ((System.Net.IPEndPoint)_listener.LocalEndpoint).Port;

        public ValueTask DisposeAsync()
        {
            _listener.Stop();
            return ValueTask.CompletedTask;
        }
    }
}
