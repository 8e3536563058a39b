using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Tls;

/// <summary>Against .NET's own TLS on loopback.</summary>
public sealed class TlsTransportTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly TestCertificate _certificate;

    public TlsTransportTests() => _certificate = _authority.Issue("CN=localhost", ["localhost"]);

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task BytesBothWays_ArriveAsTheyWere(SslProtocols version)
    {
        var context = TlsHost.Server(_certificate, parameters: new TlsParameters { Alpn = ["h2", "http/1.1"] });
        using var host = new TlsHost(() => context);
        using (var client = await ConnectAsync(host, version, ["http/1.1"]))
        {
            byte[] sent = new byte[3_000_000];
            new Random(1).NextBytes(sent);
            byte[] received = new byte[sent.Length];
            var reading = client.ReadExactlyAsync(received, TestContext.Current.CancellationToken).AsTask();
            for (int at = 0, piece = 1; at < sent.Length; at += piece, piece = Math.Min(piece * 2, 200_000))
                await client.WriteAsync(sent.AsMemory(at, Math.Min(piece, sent.Length - at)), TestContext.Current.CancellationToken);
            await reading;
            Assert.Equal(sent, received);
            Assert.Equal("http/1.1", client.NegotiatedApplicationProtocol.ToString());
            await client.ShutdownAsync();
            Assert.Equal(0, await client.ReadAsync(new byte[1], TestContext.Current.CancellationToken)); // our close_notify
        }
        var (handshake, end, transport) = host.Next();
        Assert.Equal((0, 0), (handshake, end));
        Assert.Equal(version == SslProtocols.Tls13 ? "TLSv1.3" : "TLSv1.2", transport.Connection!.Version);
        Assert.Equal(("http/1.1", "localhost", false),
            (transport.Connection.Alpn, transport.Connection.ServerName, transport.Connection.IsResumed));
        Assert.Empty(host.Failures);
        context.Release();
        Assert.Equal(0, context.Pointer); // nobody holds it any more
    }

    [Fact]
    public async Task EndWithoutCloseNotify_IsAFailureAndNoEnd()
    {
        var context = TlsHost.Server(_certificate);
        using var host = new TlsHost(() => context);
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync("127.0.0.1", host.Port, TestContext.Current.CancellationToken);
            var client = new SslStream(socket.GetStream(), true, (_, _, _, _) => true);
            await client.AuthenticateAsClientAsync("localhost");
            await client.WriteAsync("hello"u8.ToArray(), TestContext.Current.CancellationToken);
            Assert.Equal(5, await client.ReadAtLeastAsync(new byte[5], 5, cancellationToken: TestContext.Current.CancellationToken));
            socket.Client.Shutdown(SocketShutdown.Send);
            var (handshake, end, _) = await Task.Run(host.Next, TestContext.Current.CancellationToken);
            Assert.Equal((0, -Libc.EConnReset), (handshake, end));
        }
        context.Release();
    }

    [Fact]
    public async Task ClientThatSendsNothingYet_GetsItsTicketsAtOnce()
    {
        var context = TlsHost.Server(_certificate, new TicketKeys(TimeSpan.FromHours(2), TimeProvider.System));
        using (var host = new TlsHost(() => context))
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync("127.0.0.1", host.Port, TestContext.Current.CancellationToken);
            using var client = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
            await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls13 },
                TestContext.Current.CancellationToken);
            Assert.True(socket.Client.Poll(TimeSpan.FromSeconds(60), SelectMode.SelectRead));
            Assert.True(socket.Available > 0);
        }
        context.Release();
    }

    [Fact]
    public async Task SilentPeer_IsGivenUpAtTheTimeOut()
    {
        var context = TlsHost.Server(_certificate);
        using var host = new TlsHost(() => context) { PatienceMicros = 50_000 };
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", host.Port, TestContext.Current.CancellationToken);
        await socket.GetStream().WriteAsync(HelloBytes.Records(HelloBytes.Message("localhost", []))[..40],
            TestContext.Current.CancellationToken);
        Assert.Equal(-Libc.ETimedOut, host.Next().Handshake);
        Assert.Equal(0, await socket.GetStream().ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        context.Release();
    }

    [Fact]
    public async Task PlainText_IsRefusedWithAReason()
    {
        var context = TlsHost.Server(_certificate);
        using var host = new TlsHost(() => context);
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", host.Port, TestContext.Current.CancellationToken);
        await socket.GetStream().WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        var over = host.Next();
        Assert.Equal(-Libc.EProto, over.Handshake);
        Assert.Equal("http request", over.Transport.FailureReason);
        context.Release();
    }

    [Fact]
    public async Task PeerThatGoesInTheHandshake_EndsIt()
    {
        var context = TlsHost.Server(_certificate);
        using var host = new TlsHost(() => context);
        for (int cut = 0; cut < 60; cut += 7)
        {
            using (var socket = new TcpClient())
            {
                await socket.ConnectAsync("127.0.0.1", host.Port, TestContext.Current.CancellationToken);
                await socket.GetStream().WriteAsync(HelloBytes.Records(HelloBytes.Message("localhost", []))[..cut],
                    TestContext.Current.CancellationToken);
            }
            Assert.True(host.Next().Handshake < 0);
        }
        Assert.Empty(host.Failures);
        context.Release();
        Assert.Equal(0, context.Pointer);
    }

    [Fact]
    public async Task TwoKeyTypes_EachIsUsedForWhoCanOnlyDoIt()
    {
        var context = TlsHost.Server(_certificate, second: _authority.Issue("CN=localhost", ["localhost"], rsa: true));
        using var host = new TlsHost(() => context);
        foreach (string suite in (string[])["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"])
        {
            string told = await OpenSsl.ClientAsync(host.Port, "-tls1_2", "-cipher", suite);
            Assert.Contains($"Cipher is {suite}", told, StringComparison.Ordinal);
            Assert.Equal(suite, host.Next().Transport.Connection!.Cipher);
        }
        context.Release();
    }

    [Fact]
    public async Task OldVersionsCompressionAndRenegotiation_AreRefused()
    {
        var context = TlsHost.Server(_certificate);
        using var host = new TlsHost(() => context);
        foreach (string version in (string[])["-tls1", "-tls1_1"])
        {
            Assert.Contains("no peer certificate available", await OpenSsl.ClientAsync(host.Port, version, "-cipher", "ALL:@SECLEVEL=0"),
                StringComparison.Ordinal);
            Assert.True(host.Next().Handshake < 0);
        }
        string told = await OpenSsl.ClientAsync(host.Port, "R\n", "-tls1_2", "-comp");
        Assert.Contains("Compression: NONE", told, StringComparison.Ordinal);
        Assert.Contains("no renegotiation", told, StringComparison.Ordinal);
        host.Next();
        Assert.Empty(host.Failures);
        context.Release();
    }

    [Fact]
    public void AnotherKey_DoesNotBelongToACertificate()
    {
        var other = _authority.Issue("CN=other", ["other"]);
        Assert.Null(TlsCertificate.Read(System.Text.Encoding.ASCII.GetBytes(_certificate.Chain),
            System.Text.Encoding.ASCII.GetBytes(other.Key), "", null, out string? wrong));
        Assert.Equal("the private key does not belong to the certificate", wrong);
        Assert.Null(TlsCertificate.Read("nothing"u8.ToArray(), System.Text.Encoding.ASCII.GetBytes(other.Key), "", null, out wrong));
        Assert.StartsWith("there is no certificate", wrong, StringComparison.Ordinal);
        Assert.Null(TlsCertificate.Read(System.Text.Encoding.ASCII.GetBytes(_certificate.Chain), "nothing"u8.ToArray(), "", null,
            out wrong));
        Assert.StartsWith("the private key cannot be read", wrong, StringComparison.Ordinal);
    }

    private static async Task<SslStream> ConnectAsync(TlsHost host, SslProtocols version, string[] alpn)
    {
        var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", host.Port, TestContext.Current.CancellationToken);
        var client = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
        await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost", EnabledSslProtocols = version,
            ApplicationProtocols = [.. alpn.Select(a => new SslApplicationProtocol(a))],
        }, TestContext.Current.CancellationToken);
        return client;
    }

    public void Dispose() => _authority.Dispose();
}
