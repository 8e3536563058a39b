using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Managed.TestKit;

/// <summary>One connection of a <see cref="RecordingUpstream"/>.</summary>
public sealed class UpstreamPeer(Socket socket, int number)
{
    private readonly List<byte> _bytes = [];
    private readonly byte[] _buffer = new byte[65536];

    /// <summary>1, 2, … in the order of being accepted.</summary>
    public int Number => number;
    public Socket Socket => socket;

    public Task SendAsync(string latin1) => SendAsync(Encoding.Latin1.GetBytes(latin1));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None)..];
    }

    public void EndSending() => socket.Shutdown(SocketShutdown.Send);

    public void Close(bool reset = false)
    {
        try
        {
            if (reset) socket.LingerState = new LingerOption(true, 0);
        }
        catch (ObjectDisposedException)
        {
        }
        socket.Dispose();
    }

    /// <summary>What came, at least one byte; empty at the end.</summary>
    public async Task<byte[]> ReadSomeAsync()
    {
        if (_bytes.Count > 0)
        {
            var kept = _bytes.ToArray();
            _bytes.Clear();
            return kept;
        }
        int n = await socket.ReceiveAsync(_buffer.AsMemory(), SocketFlags.None);
        return _buffer[..n];
    }

    public async Task<string> ReadUntilAsync(string mark)
    {
        while (true)
        {
            var text = Encoding.Latin1.GetString(_bytes.ToArray());
            int at = text.IndexOf(mark, StringComparison.Ordinal);
            if (at >= 0)
            {
                _bytes.RemoveRange(0, at + mark.Length);
                return text[..(at + mark.Length)];
            }
            if (!await FillAsync()) return text;
        }
    }

    /// <summary>The next whole request; null when the connection ends first.</summary>
    public async Task<UpstreamRequest?> ReadRequestAsync(Func<UpstreamRequest, UpstreamPeer, Task>? onHead = null)
    {
        int end;
        while ((end = IndexOf("\r\n\r\n"u8, 0)) < 0)
            if (!await FillAsync()) return null;
        var head = Text(0, end);
        _bytes.RemoveRange(0, end + 4);
        var lines = head.Split("\r\n");
        var first = lines[0].Split(' ');
        var headers = lines.Skip(1).Select(Field).ToList();
        var request = new UpstreamRequest(number, first[0], first.Length > 1 ? first[1] : "", head, headers, [], []);
        if (onHead is not null) await onHead(request, this);
        if (request["transfer-encoding"] == "chunked") return await ReadChunksAsync(request);
        int length = int.Parse(request["content-length"] ?? "0", CultureInfo.InvariantCulture);
        while (_bytes.Count < length)
            if (!await FillAsync()) return null;
        var body = _bytes[..length].ToArray();
        _bytes.RemoveRange(0, length);
        return request with { Body = body };
    }

    private async Task<UpstreamRequest?> ReadChunksAsync(UpstreamRequest request)
    {
        var body = new List<byte>();
        while (true)
        {
            if (await LineAsync() is not { } line) return null;
            int n = int.Parse(line.Split(';')[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            if (n == 0) break;
            while (_bytes.Count < n + 2)
                if (!await FillAsync()) return null;
            body.AddRange(_bytes[..n]);
            _bytes.RemoveRange(0, n + 2);
        }
        var trailers = new List<KeyValuePair<string, string>>();
        while (await LineAsync() is { } line)
        {
            if (line.Length == 0) return request with { Body = [.. body], Trailers = trailers };
            trailers.Add(Field(line));
        }
        return null;
    }

    private async Task<string?> LineAsync()
    {
        int end;
        while ((end = IndexOf("\r\n"u8, 0)) < 0)
            if (!await FillAsync()) return null;
        var line = Text(0, end);
        _bytes.RemoveRange(0, end + 2);
        return line;
    }

    private async Task<bool> FillAsync()
    {
        int n = await socket.ReceiveAsync(_buffer.AsMemory(), SocketFlags.None);
        _bytes.AddRange(_buffer.AsSpan(0, n));
        return n > 0;
    }

    private int IndexOf(ReadOnlySpan<byte> mark, int from)
    {
        int at = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes)[from..].IndexOf(mark);
        return at < 0 ? -1 : at + from;
    }

    private string Text(int from, int count)
        => Encoding.Latin1.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes).Slice(from, count));

    private static KeyValuePair<string, string> Field(string line)
    {
        int colon = line.IndexOf(':');
        return new(line[..colon].ToLowerInvariant(), line[(colon + 1)..].Trim());
    }
}
