using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Managed.TestKit;

/// <summary>A TLS server by .NET that gives back what it gets; or, asked for HTTP, answers each connection once and closes.</summary>
public sealed class TlsEcho : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate;
    private readonly Task _accepting;
    private readonly bool _http, _asksForCertificate;

    public TlsEcho(TestCertificate certificate, bool http = false, bool asksForCertificate = false)
    {
        _certificate = certificate.ForDotNet();
        (_http, _asksForCertificate) = (http, asksForCertificate);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;
    /// <summary>What clients asked for by SNI.</summary>
    public List<string> Names { get; } = [];
    /// <summary>Bytes of requests that came through.</summary>
    public int Received { get; private set; }
    /// <summary>Handshakes that ended well.</summary>
    public int Handshakes { get; private set; }
    /// <summary>The subject of the last client's certificate; null when it showed none.</summary>
    public string? Client { get; private set; }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // disposed
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            await using var stream = new SslStream(client.GetStream(), false);
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                ServerCertificateSelectionCallback = (_, name) =>
                {
                    lock (Names) Names.Add(name ?? "");
                    return _certificate;
                },
                ClientCertificateRequired = _asksForCertificate, RemoteCertificateValidationCallback = (_, _, _, _) => true,
            });
            Handshakes++;
            Client = stream.RemoteCertificate?.Subject;
            byte[] buffer = new byte[16 * 1024];
            while (await stream.ReadAsync(buffer) is > 0 and var n)
            {
                Received += n;
                await stream.WriteAsync(_http ? "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"u8.ToArray() : buffer.AsMemory(0, n));
            }
            await stream.ShutdownAsync();
        }
        catch (Exception)
        {
            // The client has gone, or does not like us: what it is, its own side says.
        }
        client.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting;
        _certificate.Dispose();
    }
}
