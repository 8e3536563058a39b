using System.Net;
using System.Net.Sockets;

namespace Managed.Load.Traffic;

/// <summary>Gives back what it gets; to a client that begins with a request it first says that protocols are switched.</summary>
internal sealed class TunnelUpstream : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public TunnelUpstream()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(64);
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The run is over.
        }
    }

    private static async Task ServeAsync(Socket client)
    {
        using var socket = client;
        var bytes = new byte[16384];
        try
        {
            int length = await socket.ReceiveAsync(bytes);
            if (bytes.AsSpan(0, length).StartsWith("GET "u8))
            {
                while (!bytes.AsSpan(0, length).EndsWith("\r\n\r\n"u8)) length += await socket.ReceiveAsync(bytes.AsMemory(length));
                await socket.SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"u8.ToArray());
                length = await socket.ReceiveAsync(bytes);
            }
            for (; length > 0; length = await socket.ReceiveAsync(bytes)) await socket.SendAsync(bytes.AsMemory(0, length));
        }
        catch (SocketException)
        {
            // The client has gone.
        }
    }
}
