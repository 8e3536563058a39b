using System.Security.Authentication;
using Managed.Proxy.Tests.Core.Tls;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.TransportSockets;

public sealed class TlsListenerTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly TestCertificate _web, _other;

    public TlsListenerTests()
    {
        _web = _authority.Issue("CN=web", ["web.test", "*.web.test"]);
        _other = _authority.Issue("CN=other", ["other.test"]);
    }

    private static string Answer(string formats = "%REQ(:SCHEME)%") =>
        "http_filters: [], routes: [{match: {prefix: /}, direct_response: {status: 200}, response_headers_to_add: [{header: {key: "
            + "x-facts, value: \"" + formats + "\"}}]}]";

    [Fact]
    public async Task ShortForm_ServesHttpOverTlsAndCounts()
    {
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - {name: edge, address: "127.0.0.1:0", stat_prefix: edge, tls: {certificates: [{{TlsYaml.Certificate(_web)}}], alpn: [h2, http/1.1]},
               {{Answer("%REQ(:SCHEME)% %REQ(X-FORWARDED-PROTO)% %DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_TLS_CIPHER% "
                   + "%REQUESTED_SERVER_NAME%")}} }
            """);
        await using (var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "web.test", alpn: ["h3", "http/1.1"]))
        {
            Assert.Equal(SslProtocols.Tls13, client.SslProtocol);
            Assert.Equal("http/1.1", client.NegotiatedApplicationProtocol.ToString());
            string answer = await TlsYaml.GetAsync(client);
            Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
            Assert.Contains("x-facts: https https TLSv1.3 TLS_AES_256_GCM_SHA384 web.test", answer, StringComparison.OrdinalIgnoreCase);
        }
        var stats = proxy.Server.Stats;
        await Eventually.Async(() => stats.Value("listener.edge.ssl.handshake") == 1
            && stats.Value("listener.edge.ssl.versions.TLSv1.3") == 1, "the statistics");
        Assert.Equal(1, stats.Value("listener.edge.ssl.no_certificate"));
        Assert.Equal(0, stats.Value("listener.edge.ssl.connection_error"));
        Assert.Equal(1, stats.Value("listener.edge.ssl.ciphers.TLS_AES_256_GCM_SHA384"));
        Assert.Contains(
            proxy.Build(
                $$"""listeners: [{name: edge, address: "127.0.0.1:0", tls: {certificates: [{{TlsYaml.Certificate(_web)}}], alpn: """
                    + $$"""[h3]}, {{Answer()}} }]""").Warnings,
            w => w.Detail.Contains("h3 is not spoken", StringComparison.Ordinal));
    }

    // More than are made before the version goes into service.
    [Fact]
    public async Task OfManyCertificates_EachNameGetsItsOwn_HoweverManyAskAtOnce()
    {
        string certificates = string.Join(", ", Enumerable.Range(0, 260).Select(i => TlsYaml.Certificate(_authority.Issue(
            "CN=n" + i, ["n" + i + ".test"]))));
        await using var proxy = await ProxyFixture.StartAsync(
            $$"""listeners: [{name: edge, address: "127.0.0.1:0", tls: {certificates: [{{certificates}}]}, {{Answer()}} }]""");

        var names = Enumerable.Range(0, 40).Select(i => "CN=n" + i % 8).ToArray();
        var subjects = await Task.WhenAll(names.Select(async name =>
        {
            await using var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), name[3..] + ".test");
            string subject = client.RemoteCertificate!.Subject;
            Assert.StartsWith("HTTP/1.1 200", await TlsYaml.GetAsync(client), StringComparison.Ordinal);
            return subject;
        }));

        Assert.Equal(names, subjects);
    }

    [Theory]
    [InlineData("", "2.0")]
    [InlineData("codec_type: HTTP2,", "2.0")]
    [InlineData("codec_type: HTTP1,", "1.1")]
    public async Task Alpn_ChoosesTheCodec(string codec, string version)
    {
        await using var proxy = await ProxyFixture.StartAsync($$$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              filter_chains:
              - tls: {certificates: [{{{TlsYaml.Certificate(_web)}}}], alpn: [h2, http/1.1]}
                filters: [{name: http_connection_manager, typed_config: {stat_prefix: edge, {{{codec}}} http_filters: [{name: router}], route_config: {name: r, virtual_hosts: [{name: v, domains: ["*"],
                  routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello} } }]}]} } }]
            """);
        using var handler = new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } };
        using var client = new HttpClient(handler) { DefaultRequestVersion = new Version(2, 0),
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower };
        var answers = await Task.WhenAll(Enumerable.Range(0, 50)
            .Select(i => client.GetAsync(new Uri($"https://127.0.0.1:{proxy.Port()}/{i}"))));
        Assert.All(answers, a => Assert.Equal(version, a.Version.ToString()));
        if (Tool.IsThere("curl"))
            Assert.EndsWith(version == "2.0" ? "|2" : "|1.1",
                await Tool.RunAsync("curl", $"-sSk --http2 -w |%{{http_version}} https://127.0.0.1:{proxy.Port()}/"),
                    StringComparison.Ordinal);
        await Eventually.Async(() => proxy.Stat("http.edge.downstream_rq_2xx") >= 50, "they are counted");
        Assert.Equal(version == "2.0", proxy.Stat("http.edge.downstream_cx_http2_total") > 0);
    }

    [Theory]
    [InlineData("web.test", "web")]
    [InlineData("a.web.test", "web")]
    [InlineData("a.b.web.test", "other")]
    [InlineData("other.test", "other")]
    [InlineData("OTHER.test", "other")]
    [InlineData("nobody.test", "other")]
    public async Task SeveralCertificates_TheOneForTheNameIsShown(string name, string expected)
    {
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners: [{name: edge, address: "127.0.0.1:0", tls: {certificates: [{{TlsYaml.Certificate(_other)}}, {{TlsYaml.Certificate(_web)}}]}, {{Answer()}} }]
            """);
        await using var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), name);
        Assert.Equal("CN=" + expected, client.RemoteCertificate!.Subject);
    }

    [Fact]
    public async Task ClientThatNamesNoServer_IsRefusedWhereItMust()
    {
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners: [{name: edge, address: "127.0.0.1:0", stat_prefix: edge, tls: {certificates: [{{TlsYaml.Certificate(_web)}}], require_sni: true}, {{Answer()}} }]
            """);
        await Assert.ThrowsAnyAsync<Exception>(() => TlsYaml.ConnectAsync(proxy.EndPoint(), "127.0.0.1")); // an address is no name
        await Eventually.Async(() => proxy.Server.Stats.Value("listener.edge.ssl.connection_error") == 1, "the statistics");
        await using var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "web.test");
        Assert.Contains("200", await TlsYaml.GetAsync(client), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ChainsByName_NeedNoInspectorAndPassOthersOn()
    {
        await using var service = new TlsEcho(_other);
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              filter_chains:
              - {name: web, filter_chain_match: {server_names: [web.test]}, tls: {certificates: [{{TlsYaml.Certificate(_web)}}]}, filters: [{name: direct_response, typed_config: {response: {inline_string: terminated} } }]}
              - {name: through, filter_chain_match: {server_names: ["*.test"]}, filters: [{name: tcp_proxy, typed_config: {stat_prefix: t, cluster: service} }]}
              - {name: clear, filter_chain_match: {transport_protocol: raw_buffer}, filters: [{name: direct_response, typed_config: {response: {inline_string: clear} } }]}
            clusters: [{name: service, endpoints: ["127.0.0.1:{{service.Port}}"]}]
            """);
        await using (var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "web.test"))
            Assert.Equal("terminated", await TlsYaml.AskAsync(client, ""));
        await using (var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "other.test"))
        {
            Assert.Equal("CN=other", client.RemoteCertificate!.Subject);
            await client.WriteAsync("through"u8.ToArray(), TestContext.Current.CancellationToken);
            byte[] echoed = new byte[7];
            await client.ReadExactlyAsync(echoed, TestContext.Current.CancellationToken);
            Assert.Equal("through"u8.ToArray(), echoed);
        }
        await using var plain = await proxy.ConnectAsync();
        await plain.SendAsync("hello");
        Assert.Equal("clear"u8.ToArray(), await plain.ReadToEndAsync());
        // A name that no chain has.
        await Assert.ThrowsAnyAsync<Exception>(() => TlsYaml.ConnectAsync(proxy.EndPoint(), "example.org"));
    }

    [Fact]
    public async Task ClientCertificates_AreAskedForAndTold()
    {
        var good = _authority.Issue("CN=good,O=Example", ["client.test"], forClients: true);
        using var strange = new TestAuthority("Strange");
        var bad = strange.Issue("CN=bad", ["client.test"], forClients: true);
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - {name: edge, address: "127.0.0.1:0", stat_prefix: edge,
               tls: {certificates: [{{TlsYaml.Certificate(_web)}}], require_client_certificate: true, trusted_ca: {{TlsYaml.Inline(_authority.Pem)}}, match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: client.test} }]},
               {{Answer("%DOWNSTREAM_PEER_SUBJECT% %DOWNSTREAM_PEER_DNS_SAN% %DOWNSTREAM_PEER_FINGERPRINT_256% %DOWNSTREAM_PEER_ISSUER%")}} }
            """);
        using var goodCertificate = good.ForDotNet();
        await using (var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), certificate: goodCertificate))
            Assert.Contains($"x-facts: CN=good,O=Example client.test {good.Sha256} CN=Test CA", await TlsYaml.GetAsync(client),
                StringComparison.OrdinalIgnoreCase);
        using var badCertificate = bad.ForDotNet();
        foreach (var certificate in new[] { badCertificate, null })
            await Assert.ThrowsAnyAsync<Exception>(async () =>
            {
                await using var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), certificate: certificate);
                await TlsYaml.GetAsync(client);
            });
        await Eventually.Async(() => proxy.Server.Stats.Value("listener.edge.ssl.fail_verify_error") == 1
            && proxy.Server.Stats.Value("listener.edge.ssl.fail_verify_no_cert") == 1, "the statistics");
        Assert.Equal(1, proxy.Server.Stats.Value("listener.edge.ssl.handshake"));
    }

    [Fact]
    public async Task Scripts_SeeBothCertificates()
    {
        var good = _authority.Issue("CN=good", ["client.test"], forClients: true);
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              tls: {certificates: [{{TlsYaml.Certificate(_web)}}], trusted_ca: {{TlsYaml.Inline(_authority.Pem)}} }
              http_filters:
              - name: lua
                typed_config:
                  inline_code: |
                    function envoy_on_request(h)
                      local s = h:connection():ssl()
                      local peer = s:peerCertificatePresented() and (s:subjectPeerCertificate() .. " " .. s:dnsSansPeerCertificate()[1] .. " " .. s:sha256PeerCertificateDigest()) or "nobody"
                      h:respond({[":status"] = "200"}, s:tlsVersion() .. " " .. s:subjectLocalCertificate() .. " " .. tostring(s:peerCertificateValidated()) .. " " .. peer
                        .. " " .. s:ciphersuiteId() .. " " .. h:streamInfo():downstreamSslConnection():ciphersuiteString() .. " " .. h:streamInfo():requestedServerName())
                    end
              routes: [{match: {prefix: /}, direct_response: {status: 200} }]
            """);
        await using (var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "web.test"))
            Assert.EndsWith("TLSv1.3 CN=web false nobody 0x1302 TLS_AES_256_GCM_SHA384 web.test", await TlsYaml.GetAsync(client),
                StringComparison.Ordinal);
        using var certificate = good.ForDotNet();
        await using (var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "web.test", certificate))
            Assert.EndsWith($"TLSv1.3 CN=web true CN=good client.test {good.Sha256} 0x1302 TLS_AES_256_GCM_SHA384 web.test",
                await TlsYaml.GetAsync(client), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SilentClient_IsClosedWhenItsHandshakeTakesTooLong()
    {
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              stat_prefix: edge
              filter_chains: [{tls: {certificates: [{{TlsYaml.Certificate(_web)}}]}, transport_socket_connect_timeout: 0.1s, filters: [{name: echo}]}]
            """);
        await using var client = await proxy.ConnectAsync();
        Assert.Empty(await client.ReadToEndAsync());
        Assert.Equal(1, proxy.Server.Stats.Value("listener.edge.downstream_cx_transport_socket_connect_timeout"));
        Assert.Equal(1, proxy.Server.Stats.Value("listener.edge.ssl.connection_error"));
    }

    [Fact]
    public async Task Connection_LivesThroughPublicationsAndSessionsAreResumed()
    {
        string Document(int version) => $$"""
            listeners:
            - {name: edge, address: "127.0.0.1:0", stat_prefix: edge, tls: {certificates: [{{TlsYaml.Certificate(_web)}}]}, {{Answer("version-" + version)}} }
            - {name: other, address: "127.0.0.1:0", {{Answer()}} }
            """;
        await using var proxy = await ProxyFixture.StartAsync(Document(0), workers: 2);
        await using var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "web.test");
        byte[] buffer = new byte[1000];
        for (int version = 1; version <= 30; version++)
        {
            await proxy.PublishAsync(Document(version));
            await client.WriteAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
            int n = await client.ReadAsync(buffer, TestContext.Current.CancellationToken);
            Assert.Contains($"version-{version}\r", System.Text.Encoding.ASCII.GetString(buffer, 0, n), StringComparison.Ordinal);
        }
        Assert.Equal(1, proxy.Server.Stats.Value("listener.edge.ssl.handshake"));
    }

    [Fact]
    public async Task ChangedCertificate_IsShownToNewConnectionsAndTheOthersGoOn()
    {
        string Document(TestCertificate certificate) => $$"""
            listeners: [{name: edge, address: "127.0.0.1:0", tls: {certificates: [{{TlsYaml.Certificate(certificate)}}]}, filter_chains: [{name: main, filters: [{name: echo}]}]}]
            """;
        await using var proxy = await ProxyFixture.StartAsync(Document(_web));
        await using var before = await TlsYaml.ConnectAsync(proxy.EndPoint());
        await proxy.PublishAsync(Document(_other));
        await using var after = await TlsYaml.ConnectAsync(proxy.EndPoint());
        Assert.Equal(("CN=web", "CN=other"), (before.RemoteCertificate!.Subject, after.RemoteCertificate!.Subject));
        foreach (var client in new[] { before, after })
        {
            await client.WriteAsync("echo"u8.ToArray(), TestContext.Current.CancellationToken);
            byte[] echoed = new byte[4];
            await client.ReadExactlyAsync(echoed, TestContext.Current.CancellationToken);
            Assert.Equal("echo"u8.ToArray(), echoed);
        }
    }

    [Fact]
    public async Task TcpProxy_CarriesBothWaysAndPassesEndsOn()
    {
        await using var service = new TlsEcho(_other);
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners: [{name: edge, address: "127.0.0.1:0", tls: {certificates: [{{TlsYaml.Certificate(_web)}}]}, tcp_proxy: {cluster: service} }]
            clusters: [{name: service, endpoints: ["127.0.0.1:{{service.Port}}"], tls: {sni: other.test, trusted_ca: {{TlsYaml.Inline(_authority.Pem)}}, auto_sni_san_validation: true} }]
            """);
        await using var client = await TlsYaml.ConnectAsync(proxy.EndPoint());
        byte[] sent = new byte[4_000_000], received = new byte[4_000_000];
        new Random(2).NextBytes(sent);
        var reading = client.ReadExactlyAsync(received, TestContext.Current.CancellationToken).AsTask();
        await client.WriteAsync(sent, TestContext.Current.CancellationToken);
        await reading;
        Assert.Equal(sent, received);
        await client.ShutdownAsync(); // close_notify, and the connection stays open
        Assert.Equal(0, await client.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        await Eventually.Async(() => proxy.Server.Stats.Value("listener.127.0.0.1_0.downstream_cx_active") == 0,
            "the end of the connection");
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task Sessions_AreResumedOnEveryWorkerAndAfterPublications(string version)
    {
        string Document(int n) => $$"""
            listeners: [{name: edge, address: "127.0.0.1:0", stat_prefix: edge, tls: {certificates: [{{TlsYaml.Certificate(_web)}}]}, {{Answer("v" + n)}} }]
            """;
        await using var proxy = await ProxyFixture.StartAsync(Document(0), workers: 2);
        string folder = Directory.CreateTempSubdirectory("managed-test-").FullName;
        string session = Path.Combine(folder, "session"), ask = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        try
        {
            // The tickets of TLS 1.3 come with the first answer.
            await OpenSsl.ClientAsync(proxy.Port(), ask, version, "-ign_eof", "-sess_out", session);
            for (int i = 1; i <= 12; i++)
            {
                if (i % 4 == 0) await proxy.PublishAsync(Document(i));
                Assert.Contains("Reused, ", await OpenSsl.ClientAsync(proxy.Port(), ask, version, "-ign_eof", "-sess_in", session,
                    "-sess_out", session), StringComparison.Ordinal);
            }
        }
        finally
        {
            Directory.Delete(folder, true);
        }
        Assert.Equal(12, proxy.Server.Stats.Value("listener.edge.ssl.session_reused"));
        Assert.Equal(13, proxy.Server.Stats.Value("listener.edge.ssl.handshake"));
    }

    [Fact]
    public async Task Fingerprints_AreMadeWhereTheyAreAskedFor()
    {
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - {name: edge, address: "127.0.0.1:0", listener_filters: [{name: tls_inspector, typed_config: {enable_ja3_fingerprinting: true, enable_ja4_fingerprinting: true} }],
               tls: {certificates: [{{TlsYaml.Certificate(_web)}}]}, {{Answer("%TLS_JA3_FINGERPRINT% %TLS_JA4_FINGERPRINT%")}} }
            """);
        await using var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "web.test", alpn: ["http/1.1"]);
        Assert.Matches("x-facts: [0-9a-f]{32} t13d[0-9]{4}h1_[0-9a-f]{12}_[0-9a-f]{12}\r",
            (await TlsYaml.GetAsync(client)).Replace("X-Facts", "x-facts", StringComparison.Ordinal));
        Assert.Equal(1, proxy.Server.Stats.Value("tls_inspector.tls_found"));
        Assert.Equal(1, proxy.Server.Stats.Value("tls_inspector.alpn_found"));
    }

    [Fact]
    public async Task ManyCertificates_EachIsShownForItsName()
    {
        var names = Enumerable.Range(0, 300).Select(i => _authority.Issue("CN=many", [$"host{i}.test"])).ToList();
        string Document(int version) => $$"""
            listeners: [{name: edge, address: "127.0.0.1:0", tls: {certificates: [{{string.Join(", ", names.Select(TlsYaml.Certificate))}}]}, {{Answer("v" + version)}} }]
            """;
        await using var proxy = await ProxyFixture.StartAsync(Document(0));
        await proxy.PublishAsync(Document(1));
        foreach (int i in (int[])[0, 150, 299])
        {
            await using var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), $"host{i}.test");
            Assert.Equal([$"host{i}.test"], new System.Security.Cryptography.X509Certificates.X509Certificate2(client.RemoteCertificate!)
                .Extensions.OfType<System.Security.Cryptography.X509Certificates.X509SubjectAlternativeNameExtension>().Single()
                    .EnumerateDnsNames());
            Assert.Contains("v1", await TlsYaml.GetAsync(client), StringComparison.Ordinal);
        }
    }

    public static TheoryData<string, string> Mistakes() => new()
    {
        { "tls: {}", "TLS needs a certificate" },
        { "tls: {certificates: [secret-name]}", "there is no secret 'secret-name'" },
        { "tls: {certificates: secret-name}", "there is no secret 'secret-name'" },
        { "tls: {certificates: [WEB, secret-name]}", "there is no secret 'secret-name'" },
        { "tls: {certificates: [WEB], validation_context: secret-name}", "there is no secret 'secret-name'" },
        { "tls: {certificates: [{certificate_chain: {inline_string: x}, private_key: {inline_string: y}}]}", "there is no certificate" },
        { "tls: {certificates: [WEB_CHAIN_OTHER_KEY]}", "does not belong to the certificate" },
        { "tls: {certificates: [{certificate_chain: /no/such/file, private_key: /no/such/file}]}", "does not exist" },
        { "tls: {certificates: [WEB], cipher_suites: [NONSENSE]}", "'NONSENSE' is no cipher" },
        { "tls: {certificates: [WEB], ecdh_curves: [nonsense]}", "'nonsense' is no curve" },
        { "tls: {certificates: [WEB], tls_minimum_protocol_version: TLSv1_1}", "TLS 1.0 and 1.1 are not spoken" },
        { "tls: {certificates: [WEB], tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_2}", "lower than" },
        { "tls: {certificates: [WEB], verify_certificate_hash: [abc]}", "no SHA-256" },
        { "tls: {certificates: [WEB], session_ticket_keys: {keys: [{inline_string: short}]}}", "has 80 bytes, this one 5" },
        { "tls: {certificates: [WEB], trusted_ca: {inline_string: nonsense}}", "trusted certificates cannot be read" },
        { "tls: {certificates: [WEB], key_log: {path: /no/such/folder/x}}", "cannot be opened" },
        { "tls: {certificates: [WEB], key_log: {path: /dev/null, local_address_range: [{address_prefix: x, prefix_len: 8}]}}",
            "'x' is not an IP address" },
        { "tls: {certificates: [WEB]}, transport_socket: {name: raw_buffer}", "only one of these may be given: tls, transport_socket" },
        { "transport_socket: {name: quic}", "'quic' is not available" },
        { "transport_socket: {name: tls, typed_config: {common_tls_context: {tls_certificate_sds_secret_configs: [{name: x}]}}}",
            "there is no secret 'x'" },
    };

    [Theory]
    [InlineData("", true)]
    [InlineData(", remote_address_range: [{address_prefix: 127.9.9.9, prefix_len: 8}]", true)]
    [InlineData(", local_address_range: [{address_prefix: 10.0.0.0, prefix_len: 8}, {address_prefix: 127.0.0.1, prefix_len: 32}]", true)]
    [InlineData(", remote_address_range: [{address_prefix: 10.0.0.0, prefix_len: 8}]", false)]
    [InlineData(", remote_address_range: [{address_prefix: '::', prefix_len: 0}]", false)]
    public async Task KeyLog_HasTheSecretsOfThoseThatAreAskedFor(string ranges, bool isLogged)
    {
        string path = Path.Combine(Path.GetTempPath(), $"keys-{Guid.NewGuid():N}");
        try
        {
            await using var proxy = await ProxyFixture.StartAsync($$"""
                listeners: [{name: edge, address: "127.0.0.1:0", tls: {certificates: [{{TlsYaml.Certificate(_web)}}], key_log: {path: {{path}}{{ranges}} } }, {{Answer()}} }]
                """);
            await using (var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "web.test"))
                Assert.Contains("200", await TlsYaml.GetAsync(client), StringComparison.Ordinal);
            if (isLogged)
                await Eventually.Async(() => File.ReadAllText(path).Contains("\nSERVER_TRAFFIC_SECRET_0 ", StringComparison.Ordinal),
                    "the secrets");
            else Assert.Empty(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(path).UnixFileMode);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task Mistake_IsAnErrorWithAReason(string tls, string reason)
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        string mixed = $"{{certificate_chain: {TlsYaml.Inline(_web.Chain)}, private_key: {TlsYaml.Inline(_other.Key)}}}";
        var built = proxy.Build($$"""
            listeners: [{name: edge, address: "127.0.0.1:0", filter_chains: [{ {{tls.Replace("WEB_CHAIN_OTHER_KEY", mixed, StringComparison.Ordinal).Replace("WEB", TlsYaml.Certificate(_web), StringComparison.Ordinal)}}, filters: [{name: echo}]}]}]
            """);
        Assert.Null(built.Snapshot);
        Assert.Contains(built.Errors, e => e.Detail.Contains(reason, StringComparison.Ordinal)
            || e.ToString()!.Contains(reason, StringComparison.Ordinal));
        // One cause, one error.
        if (reason.Contains("no secret", StringComparison.Ordinal)) Assert.Single(built.Errors);
    }

    [Theory]
    [InlineData("AUTO", "", "h2", "h2")]
    [InlineData("AUTO", "", "http/1.1", "http/1.1")]
    [InlineData("HTTP1", "", "h2", "")]
    [InlineData("HTTP2", "", "h2", "h2")]
    [InlineData("AUTO", "alpn: [],", "h2", "")]
    [InlineData("AUTO", "alpn: [http/1.1],", "h2", "")]
    [InlineData("raw", "", "h2", "")]
    public async Task ShortForm_OffersWhatTheChainSpeaks(string codec, string alpn, string asked, string agreed)
    {
        string last = codec == "raw" ? "{name: echo}" : $$$"""
            {name: http_connection_manager, typed_config: {codec_type: {{{codec}}}, stat_prefix: e, http_filters: [{name: router}], route_config: {name: r, virtual_hosts: []} } }
            """;
        await using var proxy = await ProxyFixture.StartAsync($$"""
            listeners: [{name: edge, address: "127.0.0.1:0", tls: { {{alpn}} certificates: [{{TlsYaml.Certificate(_web)}}]}, filter_chains: [{filters: [{{last}}]}]}]
            """);
        string got;
        try
        {
            await using var client = await TlsYaml.ConnectAsync(proxy.EndPoint(), "web.test", alpn: [asked]);
            got = client.NegotiatedApplicationProtocol.ToString();
        }
        catch (AuthenticationException)
        {
            got = ""; // the peers have no protocol in common
        }
        Assert.Equal(agreed, got);
    }

    public void Dispose() => _authority.Dispose();
}
