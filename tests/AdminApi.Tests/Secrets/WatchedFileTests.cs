using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Secrets;

/// <summary>Files of certificates that are replaced while the node serves.</summary>
public sealed class WatchedFileTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Theory]
    [InlineData("secret")]
    [InlineData("inline")]
    [InlineData("source")]
    public async Task FolderThatIsSwappedByItsLink_IsServed_AndNoRequestFails(string where)
    {
        await using var node = await TestNode.StartAsync();
        var folder = Path.Combine(node.Folder, "tls");
        Directory.CreateDirectory(folder);
        var certificates = Enumerable.Range(0, 3).Select(i => _authority.Issue($"CN=c{i}", ["localhost"])).ToList();
        Swap(folder, 0, certificates[0]);
        foreach (var file in (string[])["tls.crt", "tls.key"])
            File.CreateSymbolicLink(Path.Combine(folder, file), Path.Combine("..data", file));
        var watched = $$""" "watched_directory":{"path":"{{folder}}"} """;
        var pair = where == "source"
            ? $$"""
              {"certificate_chain":{"filename":"{{folder}}/tls.crt",{{watched}} },
               "private_key":{"filename":"{{folder}}/tls.key",{{watched}} } }
              """
            : $$"""{"certificate_chain":{"filename":"{{folder}}/tls.crt"},"private_key":{"filename":"{{folder}}/tls.key"},{{watched}} }""";
        if (where == "secret")
            (await node.PutAsync("secrets/pair", $$"""{"tls_certificate":{{pair}} }""")).Is(HttpStatusCode.Created);
        (await node.PutAsync("listeners/tls", $$"""
            {"name":"tls","address":"127.0.0.1:0","tls":{"certificates":[{{(where == "secret" ? "\"pair\"" : pair)}}]},
             "routes":[{"match":{"prefix":"/"},"direct_response":{"status":200} }]}
            """)).Is(HttpStatusCode.Created);
        var to = IPEndPoint.Parse(node.Host.Proxy.Listeners().Single(l => l.Name == "tls").BoundAddress);
        for (var i = 1; i < certificates.Count; i++)
        {
            Swap(folder, i, certificates[i]);
            await Eventually.TrueAsync(async () =>
            {
                await using var tls = await TlsYaml.ConnectAsync(to);
                var served = tls.RemoteCertificate!.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
                Assert.StartsWith("HTTP/1.1 200", await TlsYaml.GetAsync(tls));
                return served == certificates[i].Sha256;
            }, "the new certificate");
        }
        Assert.Equal("watcher", (await node.GetAsync("versions/active")).Json.GetProperty("author").GetString());
        var search = certificates.Aggregate(new SecretSearch(), (s, c) => s.Key("a key", c.Key));
        search.NotInFolder(Path.Combine(node.Folder, "data"));
    }

    [Fact]
    public async Task PairThatChangesInTwoSteps_IsServedOnceBothAreThere()
    {
        await using var node = await TestNode.StartAsync();
        var (one, two) = (_authority.Issue("CN=one", ["localhost"]), _authority.Issue("CN=two", ["localhost"]));
        var (chain, key) = (Path.Combine(node.Folder, "a.pem"), Path.Combine(node.Folder, "a.key"));
        await File.WriteAllTextAsync(chain, one.Chain);
        await File.WriteAllTextAsync(key, one.Key);
        (await node.PutAsync("listeners/tls", $$"""
            {"name":"tls","address":"127.0.0.1:0","filter_chains":[{"filters":[{"name":"echo"}],"tls":{"certificates":[
             {"certificate_chain":{"filename":{{JsonSerializer.Serialize(chain)}},"watch":true},
              "private_key":{"filename":{{JsonSerializer.Serialize(key)}},"watch":true} }]} }]}
            """)).Is(HttpStatusCode.Created);
        var before = await node.ActiveVersionAsync();
        Replace(chain, two.Chain);
        var looked = DateTimeOffset.UtcNow.AddSeconds(3); // the watch has looked more than once by then
        await Eventually.Async(() => DateTimeOffset.UtcNow > looked, "some looks");
        Assert.Equal((before, one.Sha256), (await node.ActiveVersionAsync(), await RedactionTests.ServedAsync(node, "tls")));
        Replace(key, two.Key);
        await Eventually.TrueAsync(async () => await RedactionTests.ServedAsync(node, "tls") == two.Sha256, "the pair");
    }

    private static void Swap(string folder, int number, TestCertificate certificate)
    {
        var version = Path.Combine(folder, "..v" + number);
        Directory.CreateDirectory(version);
        File.WriteAllText(Path.Combine(version, "tls.crt"), certificate.Chain);
        File.WriteAllText(Path.Combine(version, "tls.key"), certificate.Key);
        var link = Path.Combine(folder, "..data_tmp");
        File.CreateSymbolicLink(link, "..v" + number);
        using var move = Process.Start("mv", ["-T", link, Path.Combine(folder, "..data")]); // .NET does not move links to folders
        move.WaitForExit();
    }

    private static void Replace(string file, string text)
    {
        File.WriteAllText(file + ".new", text);
        File.Move(file + ".new", file, overwrite: true);
    }
}
