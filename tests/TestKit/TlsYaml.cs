using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Managed.TestKit;

/// <summary>TLS in documents of tests, and a client for it.</summary>
public static class TlsYaml
{
    /// <summary>A source of bytes with the text inline.</summary>
    public static string Inline(string text) => $"{{inline_string: {JsonSerializer.Serialize(text)}}}";

    /// <summary>An item of tls_certificates.</summary>
    public static string Certificate(TestCertificate certificate)
        => $"{{certificate_chain: {Inline(certificate.Chain)}, private_key: {Inline(certificate.Key)}}}";

    /// <summary>Connects and shakes hands; the server's certificate is looked at by nobody.</summary>
    public static async Task<SslStream> ConnectAsync(IPEndPoint to, string name = "localhost", X509Certificate2? certificate = null,
        SslProtocols versions = SslProtocols.None, params string[] alpn)
    {
        var socket = new TcpClient();
        await socket.ConnectAsync(to);
        var stream = new SslStream(socket.GetStream(), false);
        try
        {
            await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = name, EnabledSslProtocols = versions, RemoteCertificateValidationCallback = (_, _, _, _) => true,
                ClientCertificates = certificate is null ? null : [certificate],
                ApplicationProtocols = [.. alpn.Select(a => new SslApplicationProtocol(a))],
            });
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends the text and reads until the peer ends.</summary>
    public static async Task<string> AskAsync(Stream stream, string text)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes(text));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync();
    }

    /// <summary>One request on a connection that is closed afterwards.</summary>
    public static Task<string> GetAsync(Stream stream, string path = "/", string host = "example.test")
        => AskAsync(stream, $"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
}
