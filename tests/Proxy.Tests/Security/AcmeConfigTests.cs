using System.Runtime.CompilerServices;
using Managed.Proxy.Security;
using Managed.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Managed.Proxy.Tests.Security;

/// <summary><c>acme: {…}</c> in documents: what is taken, and what is refused with its place.</summary>
public sealed class AcmeConfigTests(AcmeConfigTests.Fixture fixture) : IClassFixture<AcmeConfigTests.Fixture>
{
    private const string Url = "directory_url: \"https://ca.test/dir\"";
    private readonly ProxyFixture _proxy = fixture.Proxy;

    public sealed class Fixture : IAsyncLifetime
    {
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync("");

        public ValueTask DisposeAsync() => Proxy.DisposeAsync();
    }

    private static string Listener(string tls)
        => $$"""listeners: [{name: edge, address: "127.0.0.1:0", filter_chains: [{name: c, filters: [{name: echo}], tls: {{tls}} }]}]""";

    [Theory]
    [InlineData("domains: [a.test]", "directory_url", "the operator has named no authority")]
    [InlineData("domains: [a.test], directory_url: \"http://ca.test/dir\"", "directory_url", "no https URL")]
    [InlineData("domains: [a.test], directory_url: \"https://user:word@ca.test/\"", "directory_url", "no https URL")]
    [InlineData("domains: [a.test], directory_url: lets-encrypt", "directory_url", "no https URL")]
    [InlineData($"{Url}", "domains", "'domains' is missing")]
    [InlineData($"domains: [], {Url}", "domains", "must not be empty")]
    [InlineData($"domains: [\"*.a.test\"], {Url}", "domains", "is a wildcard")]
    [InlineData($"domains: [10.0.0.1], {Url}", "domains", "is an address")]
    [InlineData($"domains: [\"[::1]\"], {Url}", "domains", "is an address")]
    [InlineData($"domains: [localhost], {Url}", "domains", "is no name")]
    [InlineData($"domains: [\"a_b.test\"], {Url}", "domains", "is no name")]
    [InlineData($"domains: [\"a..test\"], {Url}", "domains", "is no name")]
    [InlineData($"domains: [\"a.test/x\"], {Url}", "domains", "is no name")]
    [InlineData($"domains: [a.test], email: \"no mailbox\", {Url}", "email", "no address")]
    [InlineData($"domains: [a.test], email: \"a@b.test,c@d.test\", {Url}", "email", "no address")]
    [InlineData($"domains: [a.test], challenges: [http-01, http-01], {Url}", "challenges", "twice")]
    [InlineData($"domains: [a.test], challenges: [dns-01], {Url}", "challenges", "dns-01")]
    [InlineData($"domains: [a.test], key_type: ED25519, {Url}", "key_type", "ED25519")]
    [InlineData($"domains: [a.test], trusted_ca: {{inline_string: x}}, {Url}", "trusted_ca", "no certificate")]
    [InlineData($"domains: [a.test], external_account_binding: {{kid: k}}, {Url}", "hmac_key", "missing")]
    [InlineData($"domains: [a.test], external_account_binding: {{kid: k, hmac_key: {{inline_string: short}}}}, {Url}", "hmac_key",
        "base64url")]
    [InlineData($"domains: [a.test], dns_provider: x, {Url}", "dns_provider", "http-01 or tls-alpn-01")]
    [InlineData($"domains: [a.test], ocsp: true, {Url}", "ocsp", "ocsp")]
    public void WhatIsWrong_IsRefusedWithItsPlace(string acme, string field, string words)
    {
        var errors = _proxy.Build(Listener($"{{acme: {{{acme}}}}}")).Errors;
        Assert.Contains(errors, e => e.Pointer.EndsWith(field, StringComparison.Ordinal)
            || e.Pointer.Contains("/" + field + "/", StringComparison.Ordinal));
        Assert.Contains(errors, e => e.Detail.Contains(words, StringComparison.Ordinal));
        Assert.Null(_proxy.Build(Listener($"{{acme: {{{acme}}}}}")).Snapshot);
    }

    [Theory]
    [InlineData("private_key: {inline_string: x}", "private_key")]
    [InlineData("certificate_chain: {inline_string: x}", "certificate_chain")]
    [InlineData("watched_directory: {path: /tmp}", "watched_directory")]
    [InlineData("password: {inline_string: x}", "password")]
    public void AcmeBesideACertificateOfItsOwn_IsAConflict(string other, string field)
    {
        var errors = _proxy.Build(Listener($"{{certificates: [{{acme: {{domains: [a.test], {Url}}}, {other}}}]}}")).Errors;
        Assert.Contains(errors, e => e.Pointer.EndsWith(field, StringComparison.Ordinal)
            && e.Detail.Contains("acme gives the certificate", StringComparison.Ordinal));
    }

    [Fact]
    public async Task EveryPlace_WantsTheSameCertificate()
    {
        await _proxy.PublishAsync($$"""
            listeners:
            - {name: short, address: "127.0.0.1:0", stat_prefix: short, tls: {acme: {domains: [B.test., a.test], {{Url}} } },
               routes: [{match: {prefix: /}, direct_response: {status: 200} }]}
            - name: long
              address: 127.0.0.1:0
              stat_prefix: long
              filter_chains:
              - filters: [{name: echo}]
                transport_socket:
                  name: envoy.transport_sockets.tls
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                    common_tls_context: {tls_certificates: [{acme: {domains: [a.test, b.test], {{Url}}, email: x@b.test} }]}
            - {name: named, address: "127.0.0.1:0", stat_prefix: named, filter_chains: [{filters: [{name: echo}],
                tls: {certificates: [auto]} }]}
            - {name: other, address: "127.0.0.1:0", stat_prefix: other, filter_chains: [{filters: [{name: echo}],
               tls: {acme: {domains: [a.test, b.test], {{Url}}, key_type: RSA_2048, challenges: [http-01]} } }]}
            clusters:
            - {name: client, endpoints: ["127.0.0.1:9"], tls: {certificates: [auto], sni: x.test, system_root_certs: {} } }
            secrets:
            - {name: auto, tls_certificate: {acme: {domains: [a.test, b.test], {{Url}} } } }
            - {name: unused, tls_certificate: {acme: {domains: [unused.test], {{Url}} } } }
            """);
        var wanted = _proxy.Server.AcmeRequests();
        Assert.Equal(2, wanted.Count);
        Assert.Equal(["listener.short", "listener.long", "listener.named", "cluster.client"], wanted[0].UsedBy);
        Assert.Equal(["b.test", "a.test"], wanted[0].Request.Domains);
        Assert.StartsWith("a.test-", wanted[0].Request.Id, StringComparison.Ordinal);
        Assert.True(wanted[1].Request is { Rsa: true, Challenges: ["http-01"] });
        // Works, and says by itself what it is.
        await using var tls = await TlsYaml.ConnectAsync(_proxy.EndPoint("named"), "a.test");
        Assert.Contains("placeholder", tls.RemoteCertificate!.Subject, StringComparison.Ordinal);
    }

    [Fact]
    public void WordsAndTheOperatorsDirectory_StandForUrls()
    {
        Assert.Equal("acme-v02.api.letsencrypt.org", AcmeCertificates.DirectoryOf("letsencrypt")!.Host);
        Assert.Equal("acme-staging-v02.api.letsencrypt.org", AcmeCertificates.DirectoryOf("letsencrypt_staging")!.Host);
        Assert.Null(AcmeCertificates.DirectoryOf("http://ca.test/"));
        Assert.NotNull(AcmeCertificates.DirectoryOf("http://127.0.0.1:14000/dir"));
        using var proxy = new Operated(new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance,
            Acme = new() { Directory = "https://operator.test/dir" } }));
        Assert.Empty(proxy.Errors(Listener("{acme: {domains: [a.test]}}")));
    }

    [Fact]
    public async Task ExampleOfTheGuide_Builds()
    {
        string guide = await File.ReadAllTextAsync(Path.Combine(Here(), "../../../docs/tls.md"));
        string example = guide.Split("## Certificates by themselves (ACME)")[1].Split("```yaml\n")[1].Split("```")[0];
        var built = _proxy.Build(example);
        Assert.Empty(built.Errors);
        Assert.Empty(built.Warnings);
        built.Snapshot!.Dispose();
    }

    private static string Here([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;

    private sealed class Operated(ProxyServer server) : IDisposable
    {
        public IReadOnlyList<Managed.Proxy.Configuration.ConfigError> Errors(string yaml)
        {
            var errors = new Managed.Proxy.Configuration.ConfigErrors();
            var document = (Managed.Proxy.Configuration.ConfigObject)Managed.Proxy.Configuration.Parsing.ConfigParser.Parse(yaml,
                Managed.Proxy.Configuration.Parsing.ConfigFormat.Yaml, "test.yaml", errors)!;
            var built = server.Build(document, 1);
            built.Snapshot?.Dispose();
            return built.Errors;
        }

        public void Dispose() => server.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
