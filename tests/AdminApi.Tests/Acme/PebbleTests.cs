using System.Diagnostics;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Acme;

/// <summary>Against pebble, the authority that Let's Encrypt has for tests, where it is installed: it reads what we write as others
/// do.</summary>
public sealed class PebbleTests
{
    [Fact]
    public async Task Pebble_IssuesByBothChallenges()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/pebble") && File.Exists("/usr/bin/pebble-challtestsrv"), "pebble is not installed");
        await using var node = await TestNode.StartAsync();
        await using var one = await AcmeCase.BeginAsync(node);
        using var authority = new TestAuthority("Of the directory");
        var own = authority.Issue("CN=localhost", ["localhost", "127.0.0.1"]);
        var (certificate, key) = (Path.Combine(node.Folder, "pebble.pem"), Path.Combine(node.Folder, "pebble.key"));
        await File.WriteAllTextAsync(certificate, own.Chain);
        await File.WriteAllTextAsync(key, own.Key);
        var (port, management, dns) = (FreePort.Next(), FreePort.Next(), FreePort.Next());
        var file = Path.Combine(node.Folder, "pebble.json");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new { pebble = new { listenAddress = $"127.0.0.1:{port}",
            managementListenAddress = $"127.0.0.1:{management}", certificate, privateKey = key, httpPort = one.Authority.HttpPort,
            tlsPort = one.Authority.TlsPort } }));
        using var names = Start("/usr/bin/pebble-challtestsrv", "-dns01", $"127.0.0.1:{dns}", "-http01", "", "-https01", "", "-tlsalpn01",
            "",
            "-management", $"127.0.0.1:{FreePort.Next()}", "-defaultIPv6", "");
        using var pebble = Start("/usr/bin/pebble", "-config", file, "-dnsserver", $"127.0.0.1:{dns}", "-strict");
        try
        {
            await Eventually.TrueAsync(() => ListensAsync(port), "pebble to listen");
            foreach (var (challenge, kind) in ((string, string)[])[("tls-alpn-01", "ECDSA_P256"), ("http-01", "RSA_2048")])
            {
                await one.PutAsync($$"""
                    ,"tls":{"acme":{"domains":["{{one.Domain}}","www.{{one.Domain}}"],"directory_url":"https://localhost:{{port}}/dir","email":
                    "ops@{{one.Domain}}","terms_of_service_agreed":true,"trusted_ca":{"inline_string":{{JsonSerializer.Serialize(authority.Pem)}} },
                    "challenges":["{{challenge}}"],"key_type":"{{kind}}"} }
                    """);
                await Eventually.TrueAsync(async () =>
                {
                    one.Time.Now = DateTimeOffset.UtcNow.AddDays(1); // whatever was refused is tried again
                    one.Manager.Look();
                    using var shown = await one.ShownAsync();
                    return shown.Issuer.StartsWith("CN=Pebble Intermediate", StringComparison.Ordinal)
                        && shown.GetRSAPublicKey() is not null == (kind == "RSA_2048");
                }, challenge);
            }
        }
        finally
        {
            pebble.Kill();
            names.Kill();
        }
    }

    private static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PEBBLE_VA_NOSLEEP"] = "1";
        start.Environment["PEBBLE_WFE_NONCEREJECT"] = "20"; // of a hundred
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static async Task<bool> ListensAsync(int port)
    {
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
