using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Tests.Core.EventLoop;
using Managed.TestKit;

namespace Managed.Proxy.Tests.Core.Tls;

/// <summary>
/// Both ends of a TLS connection in one loop, without a socket: for what a handshake of our own with ourselves ends with.
/// </summary>
internal static class TlsPair
{
    /// <summary>Shakes hands, sends a word each way and ends; contexts stay the caller's.</summary>
    public static PairResult Shake(TlsContext server, TlsContext client, string serverName = "")
    {
        using var thread = new LoopThread();
        var result = new PairResult();
        thread.Run(() =>
        {
            var (near, far) = InMemoryTransport.Pair(thread.Loop);
            int running = 2;
            ServeAsync(TlsTransport.Accept(near, server, thread.Loop.Buffers)!).Forget();
            AskAsync(TlsTransport.Connect(far, client, thread.Loop.Buffers, serverName)!).Forget();

            async IoTask<bool> ServeAsync(TlsTransport transport)
            {
                result.ServerSide = transport;
                result.Server = await transport.HandshakeAsync();
                byte[] buffer = new byte[100];
                if (result.Server == 0 && await transport.ReadAsync(buffer) is > 0 and var n)
                    await transport.WriteAsync(buffer.AsMemory(0, n));
                if (result.Server == 0) result.ServerEnd = await transport.ReadAsync(buffer);
                transport.Close();
                if (--running == 0) thread.Done();
                return true;
            }

            async IoTask<bool> AskAsync(TlsTransport transport)
            {
                result.ClientSide = transport;
                result.Client = await transport.HandshakeAsync();
                byte[] buffer = new byte[100];
                if (result.Client == 0)
                {
                    int written = await transport.WriteAsync("word"u8.ToArray());
                    int n = written < 0 ? written : await transport.ReadAsync(buffer);
                    result.Answer = n < 0 ? "" : System.Text.Encoding.ASCII.GetString(buffer, 0, n);
                }
                transport.Close();
                if (--running == 0) thread.Done();
                return true;
            }
        });
        if (thread.Caught.Count > 0) throw new AggregateException(thread.Caught);
        if (thread.Loop.Buffers.Used != 0) throw new InvalidOperationException($"{thread.Loop.Buffers.Used} bytes of buffers are left");
        return result;
    }
}

/// <summary>How both ends fared: 0, or -errno.</summary>
internal sealed class PairResult
{
    public int Server { get; set; }
    public int Client { get; set; }
    public int ServerEnd { get; set; } = int.MinValue;
    public string Answer { get; set; } = "";
    public TlsTransport ServerSide { get; set; } = null!;
    public TlsTransport ClientSide { get; set; } = null!;
    public bool Worked => Server == 0 && Client == 0 && Answer == "word";
}
