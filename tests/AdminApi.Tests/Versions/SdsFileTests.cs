using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>Secrets of files in Envoy's form (path_config_source), through the whole node.</summary>
public sealed class SdsFileTests
{
    private const string Listener = """
        {name: edge, address: "127.0.0.1:0", filter_chains: [{name: c, transport_socket: {name: tls, typed_config: {common_tls_context:
          {tls_certificate_sds_secret_configs: [{name: web, sds_config: CONFIG}]}}}, filters: [{name: echo}]}]}
        """;

    [Theory]
    [InlineData("{path_config_source: {path: \"FILE\"}}")]
    [InlineData("{path: \"FILE\"}")]
    public async Task FileOfSecrets_IsPartOfTheVersionAndWatched(string config)
    {
        await using var node = await TestNode.StartAsync();
        string file = Path.Combine(node.Folder, "sds.yaml");
        string key = Write(file, "web", "CN=first");
        var body = Listener.Replace("CONFIG", config, StringComparison.Ordinal).Replace("FILE", file, StringComparison.Ordinal);
        (await node.SendAsync("PUT", "listeners/edge", body, "application/yaml")).Is(HttpStatusCode.OK);
        Assert.Equal("CN=first", await ServedAsync(node));
        string shown = (await node.GetAsync("config")).Body;
        Assert.Contains("[redacted sha256:", shown, StringComparison.Ordinal);
        Assert.DoesNotContain(key, shown, StringComparison.Ordinal);
        // What is wrong leaves what was; what is replaced comes by itself.
        File.WriteAllText(file, "resources: 1");
        await node.RestartAsync();
        Assert.Equal("CN=first", await ServedAsync(node));
        Write(file, "web", "CN=second");
        await Eventually(async () => await ServedAsync(node) == "CN=second");
        File.Delete(file);
        await node.RestartAsync();
        Assert.Equal("CN=second", await ServedAsync(node));
    }

    [Fact]
    public async Task GenericSecretsOfFilters_AreSealedAndWhatNamesThemIsNot()
    {
        await using var node = await TestNode.StartAsync();
        string file = Path.Combine(node.Folder, "hmac.yaml");
        File.WriteAllText(file, "resources: [{name: hmac, generic_secret: {secret: {inline_string: sixteen-secret-bytes}}}]");
        (await node.SendAsync("PUT", "clusters/login", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        (await node.SendAsync("PUT", "secrets/token", """{"generic_secret":{"secret":{"inline_string":"what-the-server-knows"}}}"""))
            .Is(HttpStatusCode.Created);
        (await node.SendAsync("PUT", "listeners/edge", $$"""
            {name: edge, address: "127.0.0.1:0", routes: [], http_filters: [{name: oauth2, typed_config: {config: {token_endpoint:
              {uri: "https://login.test/token", cluster: login, timeout: 3s}, authorization_endpoint: "https://login.test/auth",
              redirect_uri: "https://a/b", redirect_path_matcher: {path: {exact: /b} }, signout_path: {path: {exact: /c} },
              credentials: {client_id: shop-client, token_secret: {name: token}, hmac_secret: {name: hmac,
                sds_config: {path_config_source: {path: "{{file}}"} } } } } } }]}
            """, "application/yaml")).Is(HttpStatusCode.OK);
        await node.RestartAsync();
        foreach (string what in (string[])["config", "config?expanded=true", "listeners/edge"])
        {
            string shown = (await node.GetAsync(what)).Body;
            Assert.DoesNotContain("sixteen-secret-bytes", shown, StringComparison.Ordinal);
            Assert.DoesNotContain("what-the-server-knows", shown, StringComparison.Ordinal);
            Assert.Contains("shop-client", shown, StringComparison.Ordinal);
        }
        (await node.SendAsync("DELETE", "secrets/token")).IsProblem(HttpStatusCode.Conflict, "IN_USE");
    }

    [Fact]
    public async Task FileThatIsNone_IsNamed()
    {
        await using var node = await TestNode.StartAsync();
        foreach (var (name, content, expected) in ((string, string, string)[])[
            ("a", "resources: []", "has no secret 'web'"), ("b", "- 1", "is no DiscoveryResponse"),
            ("c", "resources: [", "is not YAML or JSON"),
            ("d", "{resources: [], secrets: []}", "has a field 'secrets'"),
            ("e", "resources: [{name: web, validation_context: {}}]", "is no tls_certificate"), ("gone", "", "does not exist"),
            ("/etc/shadow", "", "/etc/shadow")])
        {
            string file = name.StartsWith('/') ? name : Path.Combine(node.Folder, name);
            if (content.Length > 0) await File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);
            var body = Listener.Replace("CONFIG", "{path_config_source: {path: \"" + file + "\"}}", StringComparison.Ordinal);
            var answer = (await node.SendAsync("PUT", "listeners/edge", body, "application/yaml"))
                .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
            Assert.Contains(expected, answer.Body, StringComparison.Ordinal);
        }
    }

    private static string Write(string file, string name, string subject)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest(subject, key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        string secret = key.ExportPkcs8PrivateKeyPem();
        string text = System.Text.Json.JsonSerializer.Serialize(new
        {
            version_info = "1",
            resources = new[]
            {
                new Dictionary<string, object>
                {
                    ["@type"] = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", ["name"] = name,
                    ["tls_certificate"] = new
                    {
                        certificate_chain = new { inline_string = certificate.ExportCertificatePem() },
                        private_key = new { inline_string = secret },
                    },
                },
            },
        });
        // As it is done everywhere: beside, then moved over.
        File.WriteAllText(file + ".new", text);
        File.Move(file + ".new", file, overwrite: true);
        return secret.Split('\n')[1];
    }

    private static async Task Eventually(Func<Task<bool>> condition)
        => await TestKit.Eventually.TrueAsync(condition, "the new certificate");

    private static async Task<string> ServedAsync(TestNode node)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(node.Host.Proxy.Listeners().Single(l => l.Name == "edge").BoundAddress));
        using var tls = new SslStream(client.GetStream(), false, static (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("localhost");
        return tls.RemoteCertificate!.Subject;
    }
}
