using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>
/// A small server over the codec, on a loop of its own thread: <c>/</c> hello, <c>/echo</c> the body and the trailers back, <c>/bytes/N</c>,
/// <c>/trailers</c>, <c>/early</c> answers before it has read, <c>/hints</c> a 103 first, <c>/fields</c> what it has got, <c>/hang</c> never.
/// </summary>
internal sealed class Http2TestServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Thread _thread;
    private readonly StatsRegistry _registry = new();
    private readonly StatsCells _cells;
    private readonly ConcurrentBag<Exception> _caught = [];

    public Http2TestServer(Http2Options? options = null, int port = 0)
    {
        Options = options ?? new Http2Options();
        Loop = new Managed.Proxy.Core.EventLoop.EventLoop(_caught.Add, new MemoryBudget(long.MaxValue));
        _cells = _registry.AddWorker(Loop.Post);
        var scope = _registry.Begin();
        Stats = new Http2Stats(scope.Group("http2.", Http2Stats.Group));
        scope.Use();
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(512);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _thread = new Thread(Loop.Run) { IsBackground = true, Name = "http2 test server" };
        _thread.Start();
        _ = AcceptAsync();
    }

    public Managed.Proxy.Core.EventLoop.EventLoop Loop { get; }
    public Http2Options Options { get; }
    public Http2Stats Stats { get; }
    public int Port { get; }
    public IReadOnlyCollection<Exception> Caught => _caught;
    /// <summary>Connections under way; loop thread.</summary>
    public HashSet<TestServerConnection> Connections { get; } = [];
    public int Ended;
    internal Stack<TestExchange> Free { get; } = new();

    public long Stat(string name) => _registry.Value("http2." + name);

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
        var connection = new TestServerConnection(this, _cells, transport);
        Connections.Add(connection);
        await connection.RunAsync();
        transport.Close();
        Connections.Remove(connection);
        Interlocked.Increment(ref Ended);
        return true;
    }
}

internal sealed class TestServerConnection(Http2TestServer server, StatsCells cells, Transport transport)
    : Http2Connection(server.Loop, cells, transport, server.Options, server.Stats, isServer: true, isSecure: false)
{
    private readonly Dictionary<Http2Stream, TestExchange> _exchanges = [];

    protected override Http2Stream RentStream()
    {
        var exchange = server.Free.TryPop(out var free) ? free : new TestExchange(server);
        _exchanges[exchange.Stream] = exchange;
        return exchange.Stream;
    }

    protected override void OnBegun(Http2Stream stream) => _exchanges[stream].ServeAsync(this).Forget();

    protected override void OnUnused(Http2Stream stream)
    {
        _exchanges.Remove(stream, out var exchange);
        server.Free.Push(exchange!);
    }

    public void Return(Http2Stream stream) => OnUnused(stream);
}

/// <summary>One stream of the test server, with its maps; reused.</summary>
internal sealed class TestExchange
{
    private static readonly byte[] Zeroes = new byte[64 * 1024];

    private readonly HeaderMap _response = new(), _early = new(), _trailers = new();
    private readonly Signal _gone = new();

    public TestExchange(Http2TestServer server)
    {
        Stream = new Http2Stream(server.Loop) { Head = new HeaderMap(), Trailers = new HeaderMap() };
    }

    public Http2Stream Stream { get; }

    public async IoTask<bool> ServeAsync(TestServerConnection connection)
    {
        var path = Encoding.ASCII.GetString(Stream.Head.Get(HeaderId.Path));
        _response.Clear();
        _trailers.Clear();
        if (Stream.RefusedStatus != 0) await AnswerAsync(Stream.RefusedStatus, Encoding.ASCII.GetBytes(Stream.RefusedDetails));
        else if (path == "/echo") await EchoAsync();
        else if (path.StartsWith("/bytes/", StringComparison.Ordinal)) await BytesAsync(long.Parse(path[7..], System.Globalization.CultureInfo.InvariantCulture));
        else if (path == "/hang") await HangAsync();
        else
        {
            if (path == "/hints")
            {
                _early.Clear();
                _early.Add(":status", "103");
                _early.Add("link", "</a.css>");
                connection.SendInformational(Stream, _early);
            }
            if (path == "/trailers") _trailers.Add("grpc-status", "0");
            byte[] body = path == "/fields" ? Encoding.Latin1.GetBytes(Stream.Head.ToString()) : "hello"u8.ToArray();
            if (path != "/early") await DrainAsync();
            await AnswerAsync(200, body);
        }
        Stream.Finish();
        connection.Return(Stream);
        return true;
    }

    private async IoTask<bool> DrainAsync()
    {
        while (!Stream.BodyEnded && !Stream.IsReset)
        {
            if (Stream.TakeBody().Length > 0) continue;
            if (await Stream.ReadableAsync() < 0) return false;
        }
        return true;
    }

    private async IoTask<bool> AnswerAsync(int status, byte[] body)
    {
        _response.Add(HeaderId.Status, Encoding.ASCII.GetBytes(status.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        _response.Add("content-type", "text/plain");
        Stream.SendHead(_response);
        if (body.Length > 0 && await Stream.WriteAsync(body) < 0) return false;
        Stream.End(_trailers.Count > 0 ? _trailers : null);
        return await Stream.FlushAsync() >= 0;
    }

    private async IoTask<bool> EchoAsync()
    {
        _response.Add(HeaderId.Status, "200"u8);
        Stream.SendHead(_response);
        while (true)
        {
            var piece = Stream.TakeBody();
            if (piece.Length > 0)
            {
                if (await Stream.WriteAsync(piece) < 0) return false;
                continue;
            }
            if (Stream.BodyEnded) break;
            if (await Stream.ReadableAsync() < 0) return false;
        }
        if (Stream.HasTrailers) _trailers.CopyFrom(Stream.Trailers);
        Stream.End(Stream.HasTrailers ? _trailers : null);
        return await Stream.FlushAsync() >= 0;
    }

    private async IoTask<bool> BytesAsync(long count)
    {
        _response.Add(HeaderId.Status, "200"u8);
        Stream.SendHead(_response);
        while (count > 0)
        {
            int n = (int)Math.Min(count, Zeroes.Length);
            if (await Stream.WriteAsync(Zeroes.AsMemory(0, n)) < 0) return false;
            count -= n;
        }
        Stream.End(null);
        return await Stream.FlushAsync() >= 0;
    }

    private async IoTask<bool> HangAsync()
    {
        Stream.Gone = static s => ((Signal)s!).Set();
        Stream.GoneState = _gone;
        _gone.Reset();
        return await _gone.WaitAsync();
    }
}
