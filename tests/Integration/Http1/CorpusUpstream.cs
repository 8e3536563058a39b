using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Managed.Integration.Http1;

/// <summary>The upstream of one lane: keeps every byte and every request it understood since the last reset.</summary>
internal sealed partial class CorpusUpstream : IDisposable
{
    private readonly UpstreamManners _manners;
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Lock _lock = new();
    private readonly Dictionary<int, StringBuilder> _raw = [];
    private readonly List<SeenRequest> _requests = [];
    private readonly List<string> _unparsable = [];
    private long _last;
    private int _accepted;

    public CorpusUpstream(UpstreamManners manners)
    {
        _manners = manners;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>For this target, these bytes instead of the usual answer, and whether to close after them.</summary>
    public (string Target, string Raw, bool Close)? Special { get; set; }

    public void Reset()
    {
        lock (_lock)
        {
            _raw.Clear();
            _requests.Clear();
            _unparsable.Clear();
            _last = Environment.TickCount64;
        }
    }

    public long QuietMillis { get { lock (_lock) return Environment.TickCount64 - _last; } }

    public (List<string> Raw, List<SeenRequest> Requests, List<string> Unparsable) Seen()
    {
        lock (_lock) return ([.. _raw.Values.Select(r => r.ToString())], [.. _requests], [.. _unparsable]);
    }

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync();
                int id = ++_accepted;
                _ = Task.Run(() => ServeAsync(socket, id));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(Socket socket, int id)
    {
        socket.NoDelay = true;
        var bytes = new byte[65536];
        string buffer = "";
        bool continued = false;
        try
        {
            while (true)
            {
                (int Used, SeenRequest? Request)? read;
                string wrong;
                while ((read = UpstreamReading.Read(buffer, _manners, out wrong)) is null)
                {
                    if (!continued && WantsContinue(buffer))
                    {
                        continued = true;
                        await SendAsync(socket, "HTTP/1.1 100 Continue\r\n\r\n");
                    }
                    int n = await socket.ReceiveAsync(bytes.AsMemory());
                    if (n == 0) return;
                    var text = Encoding.Latin1.GetString(bytes, 0, n);
                    lock (_lock)
                    {
                        if (!_raw.TryGetValue(id, out var kept)) _raw[id] = kept = new StringBuilder();
                        kept.Append(text);
                        _last = Environment.TickCount64;
                    }
                    buffer += text;
                }
                continued = false;
                if (read.Value.Request is not { } request)
                {
                    lock (_lock) _unparsable.Add(wrong);
                    await SendAsync(socket, "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\nConnection: close\r\nX-Upstream-Reject: 1\r\n\r\n");
                    return;
                }
                buffer = buffer[read.Value.Used..];
                lock (_lock)
                {
                    _requests.Add(request);
                    _last = Environment.TickCount64;
                }
                if (Special is { } special && special.Target == request.Target)
                {
                    await SendAsync(socket, special.Raw);
                    if (!special.Close) continue;
                    await Task.Delay(50);
                    return;
                }
                string target = Cut(request.Target), body = $"T={target}\n";
                string head =
                    $"HTTP/1.1 200 OK\r\nX-Upstream-Target: {NotVisible().Replace(target, "?")}\r\nContent-Length: {body.Length}\r\n\r\n";
                await SendAsync(socket, request.Method == "HEAD" ? head : head + body);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
        finally
        {
            socket.Dispose();
        }
    }

    private static async Task SendAsync(Socket socket, string text)
    {
        ReadOnlyMemory<byte> rest = Encoding.Latin1.GetBytes(text);
        while (rest.Length > 0) rest = rest[await socket.SendAsync(rest)..];
    }

    private static bool WantsContinue(string buffer)
    {
        int end = buffer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        return end >= 0 && ExpectContinue().IsMatch(buffer[..end]);
    }

    private static string Cut(string target) => target.Length <= 200 ? target : target[..200];

    [GeneratedRegex("(?mi)^expect:[ \t]*100-continue")] private static partial Regex ExpectContinue();
    [GeneratedRegex("[^\x21-\x7e]")] private static partial Regex NotVisible();
}
