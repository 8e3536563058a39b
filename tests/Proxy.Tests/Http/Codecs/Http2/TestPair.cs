using System.Text;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Headers;
using Managed.TestKit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>A client's and a server's connection, with memory between them.</summary>
internal sealed class TestPair
{

    public TestPair(Managed.Proxy.Core.EventLoop.EventLoop loop, Http2Options options)
    {
        Loop = loop;
        Side = new TestSide(loop, options);
        (ClientTransport, ServerTransport) = InMemoryTransport.Pair(loop);
        Client = new Http2ClientConnection(loop, Side.Cells, ClientTransport, options, Side.Stats, isSecure: false);
        Server = new TestServerConnection(Side, ServerTransport);
    }

    public Managed.Proxy.Core.EventLoop.EventLoop Loop { get; }
    public TestSide Side { get; }
    public Transport ClientTransport { get; }
    public Transport ServerTransport { get; }
    public Http2ClientConnection Client { get; }
    public TestServerConnection Server { get; }
    public int Running { get; private set; }

    public void Start()
    {
        RunAsync(Server).Forget();
        RunAsync(Client).Forget();
    }

    public IoTask<bool> TurnAsync()
    {
        var signal = new Signal();
        Loop.NextTurn(static s => ((Signal)s!).Set(), signal);
        return signal.WaitAsync();
    }

    private async IoTask<bool> RunAsync(Http2Connection connection)
    {
        Running++;
        await connection.RunAsync();
        connection.Transport.Close();
        Running--;
        return true;
    }
}

/// <summary>A client's side of streams, one after another.</summary>
internal sealed class TestCall
{
    private static readonly byte[] Body = new byte[64 * 1024];

    private readonly HeaderMap _request = new();
    private string _path = "";
    private byte[] _pathBytes = [];
    private int _sends;
    private bool _sending, _sent;
    private readonly Signal _sentSignal = new();

    public TestCall(Managed.Proxy.Core.EventLoop.EventLoop loop)
        => Stream = new Http2Stream(loop) { Head = new HeaderMap(), Trailers = new HeaderMap(), Early = new HeaderMap() };

    public Http2Stream Stream { get; }
    public int Received { get; private set; }
    public bool SawHints { get; private set; }

    public void Begin(Http2ClientConnection connection, string path, bool ends)
    {
        if (path != _path) (_path, _pathBytes) = (path, Encoding.ASCII.GetBytes(path));
        _request.Clear();
        _request.Add(HeaderId.Method, ends ? "GET"u8 : "POST"u8);
        _request.Add(HeaderId.Scheme, "http"u8);
        _request.Add(HeaderId.Authority, "example.test"u8);
        _request.Add(HeaderId.Path, _pathBytes);
        _request.Add(HeaderId.UserAgent, "a test"u8);
        Received = 0;
        SawHints = false;
        Stream.Head.Clear();
        Stream.Trailers.Clear();
        connection.Attach(Stream);
        Stream.SendHead(_request);
        if (ends) Stream.End(null);
    }

    /// <summary>True: an answer has come, whole.</summary>
    public async IoTask<bool> AskAsync(Http2ClientConnection connection, string path, int sends)
    {
        Begin(connection, path, ends: sends == 0);
        _sends = sends;
        _sending = sends > 0;
        _sent = false;
        _sentSignal.Reset();
        if (_sending) SendAsync().Forget();
        bool good = await ReadAsync();
        if (_sending && !_sent)
        {
            Stream.InterruptWrite();
            if (!_sent) await _sentSignal.WaitAsync();
        }
        return good;
    }

    public async IoTask<bool> AskAndFinishAsync(Http2ClientConnection connection, string path, int sends)
    {
        bool good = await AskAsync(connection, path, sends) && Stream.Status == 200;
        Stream.Finish();
        return good;
    }

    public async IoTask<bool> FinishAsync()
    {
        bool good = await ReadAsync();
        Stream.Finish();
        return good;
    }

    private async IoTask<bool> ReadAsync()
    {
        while (true)
        {
            if (Stream.HasEarly)
            {
                SawHints = Stream.Early!.Get(HeaderId.Status).SequenceEqual("103"u8);
                Stream.HasEarly = false;
            }
            Stream.HeadSeen |= Stream.HasHead;
            var piece = Stream.TakeBody();
            Received += piece.Length;
            if (piece.Length > 0) continue;
            if (Stream.HasHead && Stream.BodyEnded) return true;
            if (await Stream.ReadableAsync() < 0) return false;
        }
    }

    private async IoTask<bool> SendAsync()
    {
        while (_sends > 0)
        {
            int n = Math.Min(_sends, Body.Length);
            if (await Stream.WriteAsync(Body.AsMemory(0, n)) < 0) break;
            _sends -= n;
        }
        if (_sends == 0) Stream.End(null);
        _sent = true;
        _sentSignal.Set();
        return true;
    }
}
