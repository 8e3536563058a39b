using System.Text;
using Managed.Proxy.Core.Tls;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Tls;

public sealed class OcspStapleTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-test-").FullName;

    [Fact]
    public async Task Staple_IsSentToWhoAsksAndFollowsThePolicy()
    {
        var certificate = _authority.Issue("CN=localhost", ["localhost"]);
        byte[] der = await RespondAsync(certificate);
        var fresh = OcspStaple.Read(der, TimeProvider.System, out string? wrong);
        Assert.Null(wrong);
        Assert.True(fresh!.IsFresh);
        Assert.InRange(fresh.NextUpdate!.Value, DateTimeOffset.UtcNow.AddHours(20), DateTimeOffset.UtcNow.AddDays(2));
        var stale = OcspStaple.Read(der, new Later(), out _);
        Assert.False(stale!.IsFresh);

        foreach (var (staple, policy, sent, works) in ((OcspStaple?, StaplePolicy, bool, bool)[])
        [
            (fresh, StaplePolicy.Lenient, true, true), (fresh, StaplePolicy.MustStaple, true, true),
            (stale, StaplePolicy.Lenient, false, true),
            (stale, StaplePolicy.Strict, false, false), (stale, StaplePolicy.MustStaple, false, false),
            (null, StaplePolicy.Strict, false, true), (null, StaplePolicy.MustStaple, false, false),
        ])
        {
            var context = TlsHost.Server(certificate, staple: staple, policy: policy);
            using var host = new TlsHost(() => context);
            string told = await OpenSsl.ClientAsync(host.Port, "-status");
            Assert.Equal(sent, told.Contains("OCSP Response Status: successful", StringComparison.Ordinal));
            Assert.Equal(works, host.Next().Handshake == 0);
            // Who does not ask does not care.
            await OpenSsl.ClientAsync(host.Port);
            Assert.Equal(0, host.Next().Handshake);
            context.Release();
        }
    }

    [Fact]
    public void OtherBytes_AreNoResponse()
    {
        foreach (byte[] bytes in (byte[][])[[], [1, 2, 3], Encoding.ASCII.GetBytes(_authority.Pem), [0x30, 0x03, 0x0A, 0x01, 0x01]])
        {
            Assert.Null(OcspStaple.Read(bytes, TimeProvider.System, out string? wrong));
            Assert.NotNull(wrong);
        }
    }

    private async Task<byte[]> RespondAsync(TestCertificate certificate)
    {
        string At(string name) => Path.Combine(_folder, name);
        await File.WriteAllTextAsync(At("ca.pem"), _authority.Pem);
        await File.WriteAllTextAsync(At("ca.key"), _authority.KeyPem);
        await File.WriteAllTextAsync(At("leaf.pem"), certificate.Chain);
        await File.WriteAllTextAsync(At("index.txt"),
            $"V\t{DateTimeOffset.UtcNow.AddDays(20):yyMMddHHmmss}Z\t\t{Convert.ToHexString(certificate.Serial)}\tunknown\t/CN=localhost\n");
        string told = await OpenSsl.RunAsync("Q\n",
            ["ocsp", "-index", "index.txt", "-rsigner", "ca.pem", "-rkey", "ca.key", "-CA", "ca.pem", "-issuer", "ca.pem", "-cert",
                "leaf.pem", "-respout", "r.der", "-ndays", "1", "-noverify"], _folder);
        Assert.True(File.Exists(At("r.der")), told);
        return await File.ReadAllBytesAsync(At("r.der"));
    }

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, true);
    }

    private sealed class Later : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddDays(10);
    }
}
