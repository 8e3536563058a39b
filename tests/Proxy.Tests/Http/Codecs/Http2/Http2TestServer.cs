using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs.Http2;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>
/// A small server over the codec, on a loop of its own thread: <c>/</c> hello, <c>/echo</c> the body and the trailers back,
/// <c>/bytes/N</c>,
/// <c>/trailers</c>, <c>/early</c> answers before it has read, <c>/hints</c> a 103 first, <c>/fields</c> what it has got, <c>/hang</c>
/// never.
/// </summary>
internal sealed class Http2TestServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Thread _thread;
    private readonly ConcurrentBag<Exception> _caught = [];

    public Http2TestServer(Http2Options? options = null, int port = 0, long memory = long.MaxValue)
    {
        Loop = new Managed.Proxy.Core.EventLoop.EventLoop(_caught.Add, new MemoryBudget(memory));
        Side = new TestSide(Loop, options ?? new Http2Options());
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(512);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _thread = new Thread(Loop.Run) { IsBackground = true, Name = "http2 test server" };
        _thread.Start();
        _ = AcceptAsync();
    }

    public Managed.Proxy.Core.EventLoop.EventLoop Loop { get; }
    public TestSide Side { get; }
    public int Port { get; }
    public IReadOnlyCollection<Exception> Caught => _caught;
    /// <summary>Connections under way; loop thread.</summary>
    public HashSet<TestServerConnection> Connections { get; } = [];
    public int Ended;

    public long Stat(string name) => Side.Stat(name);

    public Task<T> OnLoopAsync<T>(Func<T> action)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Loop.Post(_ =>
        {
            try { done.SetResult(action()); }
            catch (Exception e) { done.SetException(e); }
        }, null);
        return done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await OnLoopAsync(() =>
        {
            foreach (var connection in Connections.ToList()) connection.Transport.Close(reset: true);
            return 0;
        });
        Loop.Stop();
        _thread.Join();
        Loop.Close();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                using var accepted = await _listener.AcceptAsync();
                accepted.Blocking = false;
                accepted.NoDelay = true;
                int fd = Libc.dup((int)accepted.Handle);
                Loop.Post(_ => ServeAsync(fd).Forget(), null);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    private async IoTask<bool> ServeAsync(int fd)
    {
        var transport = SocketTransport.Accepted(Loop, fd, default);
        var connection = new TestServerConnection(Side, transport);
        Connections.Add(connection);
        await connection.RunAsync();
        transport.Close();
        Connections.Remove(connection);
        Interlocked.Increment(ref Ended);
        return true;
    }
}
