using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Secrets;

/// <summary>
/// The program is killed while it writes secrets: what it has acknowledged is served after the next start, and no file has a key in it.
/// MANAGED_SECRET_KILLS says how often (3).
/// </summary>
public sealed class KilledWriteTests : IDisposable
{
    private static readonly int Kills =
        int.TryParse(Environment.GetEnvironmentVariable("MANAGED_SECRET_KILLS"), CultureInfo.InvariantCulture, out var n) ? n : 3;

    private readonly TestAuthority _authority = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-test-").FullName;
    private readonly Random _random = new(7);

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task KilledAnywhereInAWrite_ServesWhatWasAcknowledged()
    {
        var port = FreePort.Next();
        var (first, second) = (_authority.Issue("CN=a", ["localhost"]), _authority.Issue("CN=b", ["localhost"]));
        var search = new SecretSearch().Key("the first key", first.Key).Key("the second key", second.Key);
        var config = Path.Combine(_folder, "config.yaml");
        await File.WriteAllTextAsync(config, $$"""
            secrets: [{name: pair, tls_certificate: {{TlsYaml.Certificate(first)}} }]
            listeners: [{name: tls, address: "127.0.0.1:{{port}}", filter_chains: [{tls: {certificates: [pair]}, filters: [{name: echo}]}]}]
            """);
        string[] maybe = [first.Sha256];
        for (var kill = 0; kill <= Kills; kill++)
        {
            using var program = await StartAsync(kill == 0 ? config : null);
            try
            {
                Assert.Contains(await ServedAsync(port), maybe);
                using var client = Client();
                // Somewhere in the encryption, the history, the workers, the copies.
                for (var i = 0; i < 2; i++)
                    maybe = await WriteAsync(client, i % 2 == 0 ? second : first, maybe);
                var last = WriteAsync(client, second, maybe);
                for (var turns = _random.Next(3_000); turns > 0; turns--)
                    await Task.Yield();
                program.Kill();
                maybe = await last;
            }
            finally
            {
                program.Kill();
                await program.WaitForExitAsync();
            }
            search.NotInFolder(Path.Combine(_folder, "data"));
        }
    }

    /// <summary>What may be served afterwards: the certificate that was acknowledged, or either when the answer did not come.</summary>
    private static async Task<string[]> WriteAsync(HttpClient client, TestCertificate certificate, string[] before)
    {
        try
        {
            using var body = new StringContent($$"""
                {"tls_certificate":{"certificate_chain":{"inline_string":{{JsonSerializer.Serialize(certificate.Chain)}} },
                 "private_key":{"inline_string":{{JsonSerializer.Serialize(certificate.Key)}} } } }
                """, Encoding.UTF8, "application/json");
            using var answer = await client.PutAsync("/api/v1/secrets/pair", body);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return [certificate.Sha256];
        }
        catch (HttpRequestException)
        {
            return [.. before, certificate.Sha256];
        }
    }

    private async Task<Process> StartAsync(string? config)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "data"));
        File.Delete(Path.Combine(_folder, "data", "admin-address")); // of the one that was killed
        var process = Process.Start(new ProcessStartInfo(RunningProgram.Program,
            ["run", "--data-dir", Path.Combine(_folder, "data"), "--admin", "127.0.0.1:0", "--workers", "1", "--no-dashboard",
                .. config is null ? (string[])[] : ["--config", config]])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await Eventually.Async(() => process.HasExited || File.Exists(Path.Combine(_folder, "data", "admin-address")), "the start", 120);
        Assert.False(process.HasExited);
        return process;
    }

    private HttpClient Client() => new()
    {
        BaseAddress = new(File.ReadAllText(Path.Combine(_folder, "data", "admin-address")).Trim()), Timeout = TimeSpan.FromSeconds(120),
        DefaultRequestHeaders =
        {
            Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(Path.Combine(_folder, "data", "admin-token")).Trim()),
        },
    };

    private static async Task<string> ServedAsync(int port)
    {
        await using var tls = await TlsYaml.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        return tls.RemoteCertificate!.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
    }
}
