using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Managed.Load.Traffic;

/// <summary>
/// A service that can be killed, as a process that ends: its port refuses, its connections are reset. Answers each request with 200 and
/// remembers how often each <c>x-id</c> of a POST has come. A thread for each connection.
/// </summary>
internal sealed class FragileUpstream(ConcurrentDictionary<string, int> posts) : IDisposable
{
    private static readonly byte[] Answer = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

    private readonly Lock _lock = new();
    private readonly HashSet<Socket> _open = [];
    private Socket? _listener;

    public int Port { get; private set; }

    public void Start()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        listener.Listen(1024);
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        _listener = listener;
        new Thread(() => Accept(listener)) { IsBackground = true }.Start();
    }

    public void Kill()
    {
        _listener?.Dispose();
        lock (_lock)
        {
            foreach (var socket in _open)
            {
                socket.LingerState = new LingerOption(true, 0);
                socket.Dispose();
            }
            _open.Clear();
        }
    }

    public void Dispose() => Kill();

    private void Accept(Socket listener)
    {
        try
        {
            while (true)
            {
                var socket = listener.Accept();
                socket.NoDelay = true;
                lock (_lock)
                {
                    if (listener == _listener) _open.Add(socket); else socket.Dispose();
                }
                new Thread(() => Serve(socket)) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // killed
        }
    }

    // Requests have no bodies but those whose length is known, and come one after another.
    private void Serve(Socket socket)
    {
        var buffer = new byte[4096];
        int length = 0;
        try
        {
            while (true)
            {
                int end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
                if (end < 0)
                {
                    int n = socket.Receive(buffer, length, buffer.Length - length, SocketFlags.None);
                    if (n == 0) break;
                    length += n;
                    continue;
                }
                string head = Encoding.Latin1.GetString(buffer, 0, end);
                int body = head.StartsWith("POST", StringComparison.Ordinal) ? 4 : 0;
                if (length < end + 4 + body)
                {
                    int n = socket.Receive(buffer, length, buffer.Length - length, SocketFlags.None);
                    if (n == 0) break;
                    length += n;
                    continue;
                }
                if (body > 0) posts.AddOrUpdate(IdOf(head), 1, static (_, n) => n + 1);
                length -= end + 4 + body;
                Buffer.BlockCopy(buffer, end + 4 + body, buffer, 0, length);
                Thread.Sleep(2); // so that some are under way whenever it is killed
                socket.Send(Answer);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // killed, or the proxy has closed it
        }
        lock (_lock) _open.Remove(socket);
        socket.Dispose();
    }

    private static string IdOf(string head)
    {
        int at = head.IndexOf("x-id: ", StringComparison.OrdinalIgnoreCase) + 6, end = head.IndexOf('\r', at);
        return end < 0 ? head[at..] : head[at..end];
    }
}
