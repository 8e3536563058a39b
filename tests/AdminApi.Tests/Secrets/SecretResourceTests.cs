using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Secrets;

/// <summary><c>/secrets</c>: put, named by TLS contexts in every way, changed, rolled back, taken away.</summary>
public sealed class SecretResourceTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task SecretOfEachKind_IsStoredAndShownWithoutItsValue()
    {
        await using var node = await TestNode.StartAsync();
        var one = _authority.Issue("CN=one", ["localhost"]);
        var tickets = Convert.ToBase64String(RandomNumberGenerator.GetBytes(80));
        var search = new SecretSearch().Key("the key", one.Key).Value("the ticket key", tickets).Value("the word", "open sesame");
        foreach (var (name, body) in ((string, string)[])[
            ("pair", Pair(one)),
            ("tickets", $$"""{"session_ticket_keys":{"keys":[{"inline_bytes":"{{tickets}}"}]} }"""),
            ("trust", $$"""{"validation_context":{"trusted_ca":{"inline_string":{{JsonSerializer.Serialize(_authority.Pem)}} } } }"""),
            ("word", """{"generic_secret":{"secret":{"inline_string":"open sesame"}}}""")])
        {
            search.NotIn((await node.PutAsync("secrets/" + name, body)).Is(HttpStatusCode.Created).Body, name);
            search.NotIn((await node.GetAsync("secrets/" + name)).Is(HttpStatusCode.OK).Body, name);
        }
        Assert.Equal(4, (await node.GetAsync("secrets")).Json.GetProperty("items").GetArrayLength());
        var dump = (await node.GetAsync("/config_dump")).Body;
        Assert.Contains("SecretsConfigDump", dump);
        search.NotIn(dump.Replace("\\n", "\n", StringComparison.Ordinal), "the dump");
        search.NotInFolder(Path.Combine(node.Folder, "data"));
        (await node.GetAsync("secrets/word/history")).Is(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("""{"tls_certificate_sds_secret_configs":[{"name":"pair"}]}""", "{}")]
    [InlineData("""{"tlsCertificateSdsSecretConfigs":{"name":"pair"},"validationContextSdsSecretConfig":{"name":"trust"}}""", "{}")]
    [InlineData("""
        {"tls_certificate_sds_secret_configs":[{"name":"pair"}],"combined_validation_context":
         {"default_validation_context":{"max_verify_depth":3},"validation_context_sds_secret_config":{"name":"trust"}}}
        """, """{"session_ticket_keys_sds_secret_config":{"name":"tickets"}}""")]
    public async Task LongForm_NamesSecrets(string common, string context)
    {
        await using var node = await WithSecretsAsync();
        var typed = JsonNode.Parse(context)!.AsObject();
        typed["@type"] = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
        typed["common_tls_context"] = JsonNode.Parse(common);
        (await node.PutAsync("listeners/tls", $$"""
            {"name":"tls","address":"127.0.0.1:0","filter_chains":[{"transport_socket":{"name":"tls","typed_config":{{typed}} },
             "filters":[{"name":"echo"}]}]}
            """)).Is(HttpStatusCode.Created);
        Assert.Equal(_one!.Sha256, await RedactionTests.ServedAsync(node, "tls"));
        await IsInUseAsync(node, "pair");
    }

    [Fact]
    public async Task ShortForm_NamesSecrets_AndAChangeOfTheSecretIsServed()
    {
        await using var node = await WithSecretsAsync();
        (await node.PutAsync("listeners/tls", Listener("""{"certificates":["pair"],"validation_context":"trust"}""")))
            .Is(HttpStatusCode.Created);
        Assert.Equal(_one!.Sha256, await RedactionTests.ServedAsync(node, "tls"));
        var two = _authority.Issue("CN=two", ["localhost"]);
        var before = await node.ActiveVersionAsync();
        (await node.PutAsync("secrets/pair", Pair(two))).Is(HttpStatusCode.OK);
        Assert.Equal(two.Sha256, await RedactionTests.ServedAsync(node, "tls"));
        (await node.PostAsync($"versions/{before}/rollback")).Is(HttpStatusCode.OK);
        Assert.Equal(_one.Sha256, await RedactionTests.ServedAsync(node, "tls"));
        await node.RestartAsync();
        Assert.Equal(_one.Sha256, await RedactionTests.ServedAsync(node, "tls"));
        await IsInUseAsync(node, "pair");
        await IsInUseAsync(node, "trust");
        (await node.DeleteAsync("listeners/tls")).Is(HttpStatusCode.OK);
        (await node.DeleteAsync("secrets/pair")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Upstream_TakesItsCertificateAndTrustFromSecrets()
    {
        await using var node = await WithSecretsAsync();
        (await node.PutAsync("clusters/safe", """
            {"endpoints":["127.0.0.1:9"],"tls":{"certificates":["pair"],"validation_context":"trust","sni":"localhost",
             "auto_sni_san_validation":true}}
            """)).Is(HttpStatusCode.Created);
        await IsInUseAsync(node, "trust");
    }

    [Theory]
    [InlineData("""{"certificates":["pairs"]}""", "UNKNOWN_REFERENCE", "did you mean 'pair'")]
    [InlineData("""{"certificates":["trust"]}""", "INVALID_VALUE", "is no tls_certificate")]
    [InlineData("""{"certificates":["pair"],"validation_context":"pair"}""", "INVALID_VALUE", "is no validation_context")]
    [InlineData("""{"certificates":["pair"],"validation_context":"trust","trusted_ca":{"inline_string":"x"}}""",
        "CONFLICT", "only one of these")]
    [InlineData("""{"tls_certificate_sds_secret_configs":[{"name":"pair","sds_config":{"ads":{}}}]}""", "UNSUPPORTED_FIELD", "'ads'")]
    [InlineData("""{"tls_certificate_sds_secret_configs":[{"name":"pair","sds_config":{"api_config_source":{"api_type":"GRPC"}}}]}""",
        "UNSUPPORTED_FIELD", "'api_config_source'")]
    public async Task WrongReference_IsNamed(string tls, string code, string words)
    {
        await using var node = await WithSecretsAsync();
        var answer = (await node.PutAsync("listeners/tls", Listener(tls)))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Contains(answer.Json.GetProperty("errors").EnumerateArray(), e => e.GetProperty("code").GetString() == code);
        Assert.Contains(words, answer.Body.Replace("\\u0027", "'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task SecretThatIsNoneOrExpires_IsSaid_UsedOrNot()
    {
        await using var node = await TestNode.StartAsync();
        var (one, two) = (_authority.Issue("CN=one", ["localhost"]), _authority.Issue("CN=two", ["localhost"]));
        var mixed = (await node.PutAsync("secrets/mixed", Pair(one with { Key = two.Key })))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Contains("private_key", mixed.Json.GetProperty("errors")[0].GetProperty("pointer").GetString());
        (await node.PutAsync("secrets/short", """{"session_ticket_keys":{"keys":[{"inline_string":"short"}]}}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        (await node.PutAsync("secrets/two", """{"generic_secret":{"secret":{"inline_string":"x"}},"validation_context":{}}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        var old = _authority.Issue("CN=old", ["localhost"], until: DateTimeOffset.UtcNow.AddHours(-2));
        Assert.Contains("expired", (await node.PutAsync("secrets/old?dry_run=true", Pair(old))).Is(HttpStatusCode.Created).Body);
    }

    [Fact]
    public async Task BootstrapWithSecrets_IsTaken()
    {
        var one = _authority.Issue("CN=one", ["localhost"]);
        await using var node = await TestNode.StartAsync($$"""
            static_resources:
              secrets:
              - name: pair
                tls_certificate: {{TlsYaml.Certificate(one)}}
              listeners:
              - name: tls
                address: {socket_address: {address: 127.0.0.1, port_value: 0} }
                filter_chains:
                - transport_socket:
                    name: envoy.transport_sockets.tls
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                      common_tls_context: {tls_certificate_sds_secret_configs: [{name: pair}]}
                  filters:
                  - {name: echo, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo} }
            """);
        Assert.Equal(one.Sha256, await RedactionTests.ServedAsync(node, "tls"));
        new SecretSearch().Key("the key", one.Key).NotInFolder(Path.Combine(node.Folder, "data"));
    }

    private TestCertificate? _one;

    private async Task<TestNode> WithSecretsAsync()
    {
        _one = _authority.Issue("CN=one", ["localhost"]);
        var tickets = Convert.ToBase64String(RandomNumberGenerator.GetBytes(80));
        return await TestNode.StartAsync(TestNode.Document + $$"""

            secrets:
            - {name: pair, tls_certificate: {{TlsYaml.Certificate(_one)}} }
            - {name: trust, validation_context: {trusted_ca: {{TlsYaml.Inline(_authority.Pem)}} } }
            - {name: tickets, session_ticket_keys: {keys: [{inline_bytes: "{{tickets}}"}]} }
            """);
    }

    private static async Task IsInUseAsync(TestNode node, string secret) =>
        Assert.Contains("'tls'", (await node.DeleteAsync("secrets/" + secret)).IsProblem(HttpStatusCode.Conflict, "IN_USE").Body
            .Replace("\\u0027", "'", StringComparison.Ordinal).Replace("'safe'", "'tls'", StringComparison.Ordinal));

    private static string Pair(TestCertificate certificate) => $$"""
        {"tls_certificate":{"certificate_chain":{"inline_string":{{JsonSerializer.Serialize(certificate.Chain)}} },
         "private_key":{"inline_string":{{JsonSerializer.Serialize(certificate.Key)}} } } }
        """;

    private static string Listener(string tls) =>
        $$"""{"name":"tls","address":"127.0.0.1:0","filter_chains":[{"tls":{{tls}},"filters":[{"name":"echo"}]}]}""";
}
