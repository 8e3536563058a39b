using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Managed.Integration.Http1;

/// <summary>Plays one case's client and notes what it got.</summary>
internal sealed class CorpusClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly StringBuilder _data = new();
    private readonly byte[] _buffer = new byte[65536];
    private bool _closed, _reset;

    public static async Task<ClientView> ExchangeAsync(int port, CorpusCase test, double timeout, bool wantsClose)
    {
        using var client = new CorpusClient();
        await client._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        foreach (var (pause, send) in test.Steps())
        {
            if (double.IsNaN(pause)) await client.PumpAsync(2, () => client._data.ToString().Contains(" 100 ", StringComparison.Ordinal));
            else if (send.Length == 0) await client.PumpAsync(pause, null);
            else if (!await client.TrySendAsync(send)) break;
        }
        if (test.HalfClose)
        {
            try { client._socket.Shutdown(SocketShutdown.Send); }
            catch (SocketException) { }
        }
        int wanted = test.Responses ?? 1, next = 0;
        await client.PumpAsync(timeout, () =>
        {
            int length = client._data.Length;
            if (length < next) return false;
            next = length + length / 8; // keeps re-parsing linear
            var (responses, rest) = SeenResponse.ParseAll(client._data.ToString(), test.Methods);
            var finals = responses.Where(r => !r.Interim).ToList();
            return finals.Count >= wanted && finals.All(r => r.Complete == true) && rest.Length == 0;
        });
        // Whether it stays open, or sends more than it should.
        if (!client._closed) await client.PumpAsync(wantsClose ? 2 : 0.15, null);
        var data = client._data.ToString();
        return new ClientView(data, SeenResponse.ParseAll(data, test.Methods).Responses, client._closed, client._reset);
    }

    public void Dispose() => _socket.Dispose();

    private async Task<bool> TrySendAsync(string text)
    {
        ReadOnlyMemory<byte> rest = Encoding.Latin1.GetBytes(text);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        try
        {
            while (rest.Length > 0) rest = rest[await _socket.SendAsync(rest, limit.Token)..];
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            _reset = true;
            return false;
        }
    }

    private async Task PumpAsync(double seconds, Func<bool>? until)
    {
        var clock = Stopwatch.StartNew();
        while (!_closed && clock.Elapsed.TotalSeconds < seconds)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(Math.Max(0.001, seconds - clock.Elapsed.TotalSeconds)));
            try
            {
                int n = await _socket.ReceiveAsync(_buffer.AsMemory(), limit.Token);
                if (n == 0) _closed = true;
                else _data.Append(Encoding.Latin1.GetString(_buffer, 0, n));
            }
            catch (OperationCanceledException)
            {
            }
            catch (SocketException)
            {
                _closed = _reset = true;
            }
            if (until?.Invoke() == true) return;
        }
    }
}
