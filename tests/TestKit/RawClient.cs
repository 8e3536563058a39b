using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Managed.TestKit;

/// <summary>
/// A client that sends exactly the bytes it is told to and reads what comes back strictly. Every wait has a limit
/// (<see cref="Patience"/>), so that a test fails instead of hanging.
/// </summary>
public sealed class RawClient : IAsyncDisposable
{
    private readonly Socket _socket;
    private byte[] _bytes = new byte[16384];
    private int _length;
    private bool _ended;

    private RawClient(Socket socket) => _socket = socket;

    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(Eventually.Limit);
    public Socket Socket => _socket;
    /// <summary>The peer has ended its side and everything before it was read.</summary>
    public bool Ended => _ended && _length == 0;
    public int LocalPort => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    public static Task<RawClient> ConnectAsync(int port) => ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));

    public static async Task<RawClient> ConnectAsync(EndPoint to, EndPoint? from = null, int? receiveBuffer = null,
        TimeSpan? patience = null)
    {
        var unix = to is UnixDomainSocketEndPoint;
        var socket = new Socket(to.AddressFamily, SocketType.Stream, unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        if (!unix) socket.NoDelay = true;
        if (receiveBuffer is { } size) socket.ReceiveBufferSize = size;
        if (from is not null) socket.Bind(from);
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(Eventually.Limit));
            await socket.ConnectAsync(to, limit.Token);
            return new RawClient(socket) { Patience = patience ?? TimeSpan.FromSeconds(Eventually.Limit) };
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>One code point is one byte.</summary>
    public Task SendAsync(string latin1) => SendAsync(Encoding.Latin1.GetBytes(latin1));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (bytes.Length > 0)
            bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None, limit.Token)..];
    }

    /// <summary>Sends byte by byte, each in its own segment as far as that can be had.</summary>
    public async Task SendSlowlyAsync(string latin1)
    {
        foreach (var b in Encoding.Latin1.GetBytes(latin1))
        {
            await SendAsync(new[] { b });
            await Task.Yield();
        }
    }

    /// <summary>A GET with nothing special.</summary>
    public Task GetAsync(string target = "/", string host = "example.test", string headers = "")
        => SendAsync($"GET {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");

    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Closes with a reset.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
    }

    /// <summary>The next response, an interim one included.</summary>
    /// <exception cref="WireException">What came is not one.</exception>
    public async Task<RawResponse> ReadAsync(bool isHead = false)
    {
        while (true)
        {
            if (ResponseParser.TryParse(_bytes.AsSpan(0, _length), isHead, _ended) is { } found)
            {
                Take(found.Length);
                return found.Response;
            }
            await FillAsync();
        }
    }

    /// <summary>The response whose head has been read already, byte by byte.</summary>
    internal async Task<RawResponse> ReadRestAsync(string head)
    {
        var before = Encoding.Latin1.GetBytes(head);
        while (true)
        {
            byte[] whole = [.. before, .. _bytes.AsSpan(0, _length)];
            if (ResponseParser.TryParse(whole, isHead: false, _ended) is { } found)
            {
                Take(found.Length - before.Length);
                return found.Response;
            }
            await FillAsync();
        }
    }

    /// <summary>Sends and reads the one answer.</summary>
    public async Task<RawResponse> AskAsync(string latin1, bool isHead = false)
    {
        await SendAsync(latin1);
        return await ReadAsync(isHead);
    }

    /// <summary>Exactly so many raw bytes.</summary>
    public async Task<byte[]> ReadBytesAsync(int count)
    {
        while (_length < count)
        {
            if (_ended) throw new WireException(
                $"the connection ended after {_length} of {count} bytes: '{Encoding.Latin1.GetString(_bytes, 0, Math.Min(_length, 80))}'");
            await FillAsync();
        }
        var bytes = _bytes[..count];
        Take(count);
        return bytes;
    }

    public async Task<string> ReadTextAsync(int count) => Encoding.Latin1.GetString(await ReadBytesAsync(count));

    /// <summary>Everything up to the end of the connection; a reset counts as an end.</summary>
    public async Task<byte[]> ReadToEndAsync()
    {
        while (!_ended) await FillAsync();
        var bytes = _bytes[.._length];
        Take(_length);
        return bytes;
    }

    /// <summary>Nothing more comes, and the connection ends, within <see cref="Patience"/>.</summary>
    public async Task<bool> EndsAsync()
    {
        try
        {
            return (await ReadToEndAsync()).Length == 0;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Whether the peer reset the connection rather than ending it.</summary>
    public bool WasReset { get; private set; }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task FillAsync()
    {
        if (_ended) throw new WireException("the connection has ended");
        if (_length == _bytes.Length) Array.Resize(ref _bytes, _bytes.Length * 2);
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            int n = await _socket.ReceiveAsync(_bytes.AsMemory(_length), SocketFlags.None, limit.Token);
            if (n == 0) _ended = true;
            _length += n;
        }
        catch (SocketException)
        {
            _ended = WasReset = true;
        }
    }

    private void Take(int count)
    {
        _length -= count;
        _bytes.AsSpan(count, _length).CopyTo(_bytes);
    }
}
