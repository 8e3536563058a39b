using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Managed.TestKit;

/// <summary>
/// An upstream that records every whole request and answers as told. Without an answer of its own it says 200 with a body that names
/// it and the target. Listens on a free port, or on a Unix socket.
/// </summary>
public sealed class RecordingUpstream : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly ConcurrentQueue<UpstreamRequest> _requests = new();
    private readonly ConcurrentDictionary<int, UpstreamPeer> _peers = new();
    private int _accepted;

    private RecordingUpstream(Socket listener, string name)
    {
        _listener = listener;
        Name = name;
    }

    public string Name { get; }
    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;
    /// <summary>As an endpoint of a cluster.</summary>
    public string Address => _listener.LocalEndPoint is IPEndPoint ip ? ip.ToString() : "unix://" + _listener.LocalEndPoint;
    public IReadOnlyList<UpstreamRequest> Requests => [.. _requests];
    /// <summary>Connections accepted so far.</summary>
    public int Accepted => Volatile.Read(ref _accepted);
    public int Open => _peers.Count;

    /// <summary>Answers a request; null asks for the usual answer. Raw text, one code point one byte.</summary>
    public Func<UpstreamRequest, string?> Answer { get; set; } = _ => null;

    /// <summary>Takes over a connection from its first byte; for tunnels, bad manners and back pressure.</summary>
    public Func<UpstreamPeer, Task>? Script { get; set; }

    /// <summary>Told when a request's head is there, before its body: for early answers and interim responses.</summary>
    public Func<UpstreamRequest, UpstreamPeer, Task>? OnHead { get; set; }

    public static RecordingUpstream Start(string name = "up", IPAddress? on = null)
        => Start(new IPEndPoint(on ?? IPAddress.Loopback, 0), name);

    public static RecordingUpstream StartUnix(string path, string name = "up") => Start(new UnixDomainSocketEndPoint(path), name);

    public static RecordingUpstream Start(EndPoint at, string name)
    {
        var listener = new Socket(at.AddressFamily, SocketType.Stream,
            at is UnixDomainSocketEndPoint ? ProtocolType.Unspecified : ProtocolType.Tcp);
        listener.Bind(at);
        listener.Listen(1024);
        var upstream = new RecordingUpstream(listener, name);
        _ = upstream.AcceptAsync();
        return upstream;
    }

    /// <summary>Waits until so many requests have come.</summary>
    public async Task<IReadOnlyList<UpstreamRequest>> WaitForAsync(int count)
    {
        await Eventually.Async(() => _requests.Count >= count, $"{count} requests at {Name}");
        return Requests;
    }

    /// <summary>Closes every connection it has, as an idle time-out would.</summary>
    public void CloseConnections(bool reset = false)
    {
        foreach (var peer in _peers.Values) peer.Close(reset);
    }

    public void Clear() => _requests.Clear();

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        CloseConnections();
        return ValueTask.CompletedTask;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync();
                if (socket.AddressFamily != AddressFamily.Unix) socket.NoDelay = true;
                var peer = new UpstreamPeer(socket, Interlocked.Increment(ref _accepted));
                _peers[peer.Number] = peer;
                _ = Task.Run(() => ServeAsync(peer));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(UpstreamPeer peer)
    {
        try
        {
            if (Script is { } script) await script(peer);
            else
                while (await peer.ReadRequestAsync(OnHead) is { } request)
                {
                    _requests.Enqueue(request);
                    string answer = Answer(request) ?? Usual(request);
                    if (answer.Length == 0) break;
                    await peer.SendAsync(answer);
                    if (answer.Contains("\r\nconnection: close\r\n", StringComparison.OrdinalIgnoreCase)) break;
                }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
        }
        finally
        {
            _peers.TryRemove(peer.Number, out _);
            peer.Close();
        }
    }

    /// <summary>200 with a body, and a length that counts it.</summary>
    public static string Ok(string body, string headers = "") =>
        string.Create(CultureInfo.InvariantCulture,
            $"HTTP/1.1 200 OK\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n{headers}\r\n{body}");

    private string Usual(UpstreamRequest request)
    {
        string answer = Ok($"{Name} {request.Target}", $"X-Upstream: {Name}\r\n");
        return request.Method == "HEAD" ? answer[..(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)] : answer;
    }
}
