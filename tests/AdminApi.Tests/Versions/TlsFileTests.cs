using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>
/// Certificates and keys by the path alone, as docs/tls.md has them, through the whole node: read once, kept, and served again.
/// </summary>
public sealed class TlsFileTests
{
    [Theory]
    [InlineData("{name: edge, address: \"127.0.0.1:0\", tls: TLS, routes: ROUTES}")]
    [InlineData("{name: edge, address: \"127.0.0.1:0\", filter_chains: [{name: c, tls: TLS, filters: [{name: echo}]}]}")]
    public async Task CertificateByItsPath_IsPinnedAndOutlivesItsFile(string listener)
    {
        await using var node = await TestNode.StartAsync();
        var (chain, key) = Files(node.Folder);
        var body = listener
            .Replace("TLS", $"{{certificates: [{{certificate_chain: \"{chain}\", private_key: \"{key}\"}}]}}", StringComparison.Ordinal)
            .Replace("ROUTES", "[{match: {prefix: /}, direct_response: {status: 200}}]", StringComparison.Ordinal);
        (await node.SendAsync("PUT", "listeners/edge", body, "application/yaml")).Is(HttpStatusCode.OK);
        var first = await ServedAsync(node);
        File.Delete(chain);
        File.Delete(key);
        (await node.PutAsync("clusters/unrelated", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        Assert.Equal(first, await ServedAsync(node));
        await node.RestartAsync();
        Assert.Equal(first, await ServedAsync(node));
    }

    [Fact]
    public async Task PathThatIsNotThere_IsNamed_AndKeysOutsideOfTheFoldersAreNotRead()
    {
        await using var node = await TestNode.StartAsync();
        var (chain, key) = Files(node.Folder);
        foreach (var wrong in new[] { key + ".gone", "/etc/shadow" })
        {
            var body = """
                {name: edge, address: "127.0.0.1:0", tls: {certificates: [{certificate_chain: "CHAIN", private_key: "KEY"}]},
                 routes: [{match: {prefix: /}, direct_response: {status: 200}}]}
                """.Replace("CHAIN", chain, StringComparison.Ordinal).Replace("KEY", wrong, StringComparison.Ordinal);
            var answer = await node.SendAsync("PUT", "listeners/edge", body, "application/yaml");
            Assert.Contains("private_key", answer.IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED").Body);
        }
    }

    private static (string Chain, string Key) Files(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        var (chain, secret) = (Path.Combine(folder, "chain.pem"), Path.Combine(folder, "key.pem"));
        File.WriteAllText(chain, certificate.ExportCertificatePem());
        File.WriteAllText(secret, key.ExportPkcs8PrivateKeyPem());
        return (chain, secret);
    }

    // The thumbprint of the certificate that a client is shown.
    private static async Task<string> ServedAsync(TestNode node)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(node.Host.Proxy.Listeners().Single(l => l.Name == "edge").BoundAddress));
        using var tls = new SslStream(client.GetStream(), false, static (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("localhost");
        return tls.RemoteCertificate!.GetCertHashString(HashAlgorithmName.SHA256);
    }
}
