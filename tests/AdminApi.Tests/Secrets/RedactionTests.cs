using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Secrets;

/// <summary>Private keys, passwords and ticket keys in every way that they can be given: used, and never seen again.</summary>
public sealed partial class RedactionTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task ScriptOfUse_LeavesNoSecretInAnswersOrFiles()
    {
        await using var node = await TestNode.StartAsync();
        var (one, two) = (_authority.Issue("CN=one", ["localhost"]), _authority.Issue("CN=two", ["localhost"]));
        var (password, tickets) = ("hunter2-of-the-bundle", RandomNumberGenerator.GetBytes(80));
        var bundle = Bundle(two, password);
        var keyFile = Path.Combine(node.Folder, "key.pem");
        await File.WriteAllTextAsync(keyFile, one.Key);
        var search = new SecretSearch().Key("key one", one.Key).Key("key two", two.Key).Value("the password", password)
            .Bytes("the ticket key", tickets).Bytes("the bundle", bundle[^64..]);

        List<string> listeners =
        [
            Listener("inline", $$"""{"certificates":[{"certificate_chain":{{Text(one.Chain)}},"private_key":{{Text(one.Key)}} }]}"""),
            Listener("camel", $$"""
                {"commonTlsContext":{"tlsCertificates":
                [{"certificateChain":{{Text(one.Chain + one.Key)}},"privateKey":{{Text(one.Key)}} }]} }
                """),
            Listener("bundle", $$"""
                {"certificates":[{"pkcs12":{"inline_bytes":"{{Convert.ToBase64String(bundle)}}"},"password":{{Text(password)}} }],
                 "session_ticket_keys":{"keys":[{"inline_bytes":"{{Convert.ToBase64String(tickets)}}"}]} }
                """),
            Listener("file", $$"""{"certificates":[{"certificate_chain":{{Text(one.Chain)}},"private_key":"{{keyFile}}"}]}"""),
        ];
        foreach (var listener in listeners)
        {
            var name = JsonNode.Parse(listener)!["name"]!.GetValue<string>();
            search.NotIn((await node.PutAsync($"listeners/{name}?dry_run=true", listener)).Is(HttpStatusCode.Created).Body, "the dry run");
            search.NotIn((await node.PutAsync($"listeners/{name}", listener)).Is(HttpStatusCode.Created).Body, "the answer to PUT");
            search.NotIn((await node.PutAsync($"listeners/{name}", listener)).Is(HttpStatusCode.OK).Body, "the second answer");
        }
        var all = (await node.GetAsync("config", ("Accept", "application/json"))).Is(HttpStatusCode.OK);
        Assert.Equal(7, Mark().Count(all.Body)); // a key; a chain with a key, and a key; bundle, password, ticket key; a file
        foreach (var path in (string[])["config?expanded=true", "config/export?format=yaml", "config/export?format=envoy", "listeners",
            "/config_dump", "listeners/inline/history", "versions", "versions/1/diff/active", "versions/2/config",
            "modules", "/certs", "deployments", "versions/active"])
        {
            var answer = await node.GetAsync(path);
            search.NotIn(answer.Body.Replace("\\n", "\n", StringComparison.Ordinal), path);
        }
        await node.RestartAsync();
        search.NotInFolder(Path.Combine(node.Folder, "data"));
        foreach (var name in (string[])["inline", "camel", "bundle", "file"])
            Assert.Equal(name == "bundle" ? two.Sha256 : one.Sha256, await ServedAsync(node, name));
    }

    [Fact]
    public async Task DocumentThatIsSentBack_KeepsItsSecrets_AndAnUnknownMarkIsNamed()
    {
        await using var node = await TestNode.StartAsync();
        var one = _authority.Issue("CN=one", ["localhost"]);
        (await node.PutAsync("listeners/tls", Listener("tls",
            Certificate(one.Chain, one.Key)))).Is(HttpStatusCode.Created);
        var read = await node.GetAsync("config", ("Accept", "application/yaml"));
        var edited = read.Body.Replace("name: spare", "name: extra", StringComparison.Ordinal);
        (await node.SendAsync("PUT", "config", edited, "application/yaml", ("If-Match", read.ETag!))).Is(HttpStatusCode.OK);
        Assert.Equal(one.Sha256, await ServedAsync(node, "tls"));

        // As another key's, of another field, in another listener: each is refused with its place.
        var mark = Mark().Match(read.Body).Value;
        var chain = Text(one.Chain);
        var strange = mark.Replace(mark[20..24], "0000", StringComparison.Ordinal);
        foreach (var wrong in (string[])[
            $$"""{"certificates":[{"certificate_chain":{{chain}},"private_key":{{Text(strange)}} }]}""",
            $$"""{"certificates":[{"certificate_chain":{{chain}},"private_key":{{Text(one.Key)}},"password":{{Text(mark)}} }]}""",
            $$"""{"certificates":[{"certificate_chain":{{chain}},"private_key":{"inline_bytes":"{{strange}}"} }]}"""])
        {
            var answer = (await node.PutAsync("listeners/other", Listener("other", wrong)))
                .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
            var error = answer.Json.GetProperty("errors")[0];
            Assert.Equal("UNKNOWN_REFERENCE", error.GetProperty("code").GetString());
            Assert.Contains("/tls/certificates/0/p", error.GetProperty("pointer").GetString());
        }
        // Where nothing is sensitive a mark is text like any other, and shows nothing.
        (await node.PutAsync("listeners/page", $$"""
            {"name":"page","address":"127.0.0.1:0",
             "routes":[{"match":{"prefix":"/"},"direct_response":{"status":200,"body":{{Text(mark)}} } }]}
            """)).Is(HttpStatusCode.Created);
        (await node.PutAsync("listeners/copied", Listener("copied",
            Certificate(one.Chain, mark)))).Is(HttpStatusCode.Created);
        Assert.Equal(one.Sha256, await ServedAsync(node, "copied"));
    }

    [Fact]
    public async Task ChangedKey_IsADifference_AndRollBackBringsTheFormerOneBack()
    {
        await using var node = await TestNode.StartAsync();
        var (one, two) = (_authority.Issue("CN=one", ["localhost"]), _authority.Issue("CN=two", ["localhost"]));
        foreach (var certificate in new[] { one, two })
            await node.PutAsync("listeners/tls", Listener("tls",
                $$"""{"certificates":[{"certificate_chain":{{Text(certificate.Chain)}},"private_key":{{Text(certificate.Key)}} }]}"""));
        Assert.Equal(two.Sha256, await ServedAsync(node, "tls"));
        var diff = (await node.GetAsync("versions/2/diff/3")).Is(HttpStatusCode.OK).Body;
        Assert.Equal(2, Mark().Matches(diff).Select(m => m.Value).Distinct().Count());
        (await node.PostAsync("versions/2/rollback")).Is(HttpStatusCode.OK);
        Assert.Equal(one.Sha256, await ServedAsync(node, "tls"));
        await node.RestartAsync();
        (await node.PostAsync("listeners/tls/restore?version=3")).Is(HttpStatusCode.OK);
        Assert.Equal(two.Sha256, await ServedAsync(node, "tls"));
    }

    [Fact]
    public async Task MistakesAroundASecret_AreSaidWithoutIt()
    {
        await using var node = await TestNode.StartAsync();
        var one = _authority.Issue("CN=one", ["localhost"]);
        var (chain, key) = (Text(one.Chain), JsonSerializer.Serialize(one.Key));
        var search = new SecretSearch().Key("the key", one.Key).Value("the password", "correct horse battery");
        foreach (var wrong in (string[])[
            $$"""{"certificates":[{"certificate_chain":{{chain}},"private_key":{{JsonSerializer.Serialize(one.Key)}} }]}""",
            $$"""{"certificates":[{"certificate_chain":{{chain}},"private_key":{"filename":{{JsonSerializer.Serialize(one.Key)}} } }]}""",
            $$"""{"certificates":[{"certificate_chain":{{chain}},"private_key":{"inline_bytes":{{key}} } }]}""",
            $$"""{"certificates":[{"certificate_chain":{{chain}},"private_key":[{{Text(one.Key)}}]}]}""",
            $$"""{"certificates":[{"certificate_chain":{{chain}},"private_key":{{Text(one.Key)}},"password":"correct horse battery"}]}""",
            $$"""{"session_ticket_keys":{{JsonSerializer.Serialize(one.Key)}} }""",
            $$"""{"common_tls_context":{"tls_certificates":{"private_key":{{JsonSerializer.Serialize(one.Key)}} } } } """,
            $$"""{"certificates":[{"private_key":{"inline_string":{"x":{{JsonSerializer.Serialize(one.Key)}} } } } ]}"""])
            foreach (var verb in (string[])["listeners/bad", "listeners/bad?dry_run=true"])
            {
                var answer = await node.PutAsync(verb, Listener("bad", wrong));
                Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Status);
                search.NotIn(answer.Body.Replace("\\n", "\n", StringComparison.Ordinal), $"the answer to {wrong[..40]}");
            }
        search.NotInFolder(Path.Combine(node.Folder, "data"));
    }

    private static string Listener(string name, string tls) => $$"""
        {"name":"{{name}}","address":"127.0.0.1:0","tls":{{tls}},"routes":[{"match":{"prefix":"/"},"direct_response":{"status":200} }]}
        """;

    private static string Certificate(string chain, string key) =>
        $$"""{"certificates":[{"certificate_chain":{{Text(chain)}},"private_key":{{Text(key)}} }]}""";

    private static string Text(string text) => $$"""{"inline_string":{{JsonSerializer.Serialize(text)}} }""";

    private static byte[] Bundle(TestCertificate certificate, string password)
    {
        using var pair = X509Certificate2.CreateFromPem(certificate.Chain, certificate.Key);
        return pair.Export(X509ContentType.Pkcs12, password);
    }

    internal static async Task<string> ServedAsync(TestNode node, string listener)
    {
        var to = IPEndPoint.Parse(node.Host.Proxy.Listeners().Single(l => l.Name == listener).BoundAddress);
        await using var tls = await TlsYaml.ConnectAsync(to);
        return tls.RemoteCertificate!.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
    }

    [GeneratedRegex(@"\[redacted sha256:[0-9a-f]{32}\]")]
    private static partial Regex Mark();
}
