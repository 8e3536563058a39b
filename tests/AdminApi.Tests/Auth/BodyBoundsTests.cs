using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Managed.AdminApi.Tests.Auth;

/// <summary>What somebody without a token can make the admin port hold.</summary>
public sealed class BodyBoundsTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private const int Large = 16 << 20;

    private TestNode Node => fixture.Node;

    [Theory]
    [InlineData("/api/v1/auth/login", 413)]
    [InlineData("/API/V1/auth/login/", 413)]
    [InlineData("/api/v1/config", 401)]
    [InlineData("/api/v1/modules", 401)]
    [InlineData("/logging", 401)]
    [InlineData("/_blazor/negotiate", 401)]
    [InlineData("/nothing", 401)]
    public async Task LargeBody_IsRefusedBeforeItComes(string path, int status)
    {
        // Not a byte of the body is ever sent, so whoever waits for it never answers.
        var answer =
            await HeadOnlyAsync(
                $"POST {path} HTTP/1.1\r\nHost: {Authority}\r\nContent-Type: application/json\r\nContent-Length: {Large}\r\n\r\n");
        Assert.StartsWith($"HTTP/1.1 {status} ", answer);
        Assert.Contains("Connection: close", answer, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task ChunkedBodyAtSignIn_IsReadToAFewKiB()
    {
        using var socket = await ConnectAsync();
        await SendAsync(socket,
            $"POST /api/v1/auth/login HTTP/1.1\r\nHost: {Authority}\r\nContent-Type: application/json\r\nTransfer-Encoding: "
                + $"chunked\r\n\r\n");
        var chunk = "800\r\n" + new string('x', 0x800) + "\r\n";
        for (var i = 0; i < 3; i++)
            await SendAsync(socket, chunk); // 6 KiB, and never the end
        Assert.StartsWith("HTTP/1.1 413 ", await ReadAsync(socket));
    }

    [Fact]
    public async Task CallWithoutBody_TakesNone()
    {
        // Not a byte of the body is ever sent: whoever waited for it would not answer.
        var answer = await HeadOnlyAsync(
            $"POST /api/v1/auth/sign-in-links HTTP/1.1\r\nHost: {Authority}\r\nAuthorization: Bearer {Node.Host.Token}\r\n"
                + $"Content-Length: {2 << 20}\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 201 ", answer);
        (await Node.SendAsync("POST", "rollback", new string(' ', 128 << 10))).IsProblem(HttpStatusCode.RequestEntityTooLarge, "TOO_LARGE");
        (await Node.SendAsync("POST", "config/validate", "{" + new string(' ', 1 << 20) + "}")).Is(HttpStatusCode.OK);
    }

    private string Authority => Node.Host.AdminUri.Authority;

    private async Task<string> HeadOnlyAsync(string head)
    {
        using var socket = await ConnectAsync();
        await SendAsync(socket, head);
        return await ReadAsync(socket);
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Node.Host.AdminUri.Port));
        return socket;
    }

    private static Task<int> SendAsync(Socket socket, string text) => socket.SendAsync(Encoding.ASCII.GetBytes(text));

    private static async Task<string> ReadAsync(Socket socket)
    {
        var buffer = new byte[4096];
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        return Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer, late.Token));
    }
}
