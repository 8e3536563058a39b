using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Managed.Proxy.Http.Codecs.Http2.Frames;

namespace Managed.TestKit;

/// <summary>A request as an <see cref="Http2Upstream"/> got it; its head is there from the beginning, the rest at its end.</summary>
internal sealed class Http2Call(int connection, int id, IReadOnlyList<string> fields)
{
    private readonly List<byte> _body = [];

    /// <summary>1, 2, … in the order of being accepted.</summary>
    public int Connection => connection;
    public int Id => id;
    public IReadOnlyList<string> Fields => fields;
    public IReadOnlyList<string> Trailers { get; private set; } = [];
    public bool Ended { get; private set; }
    public Http2Error? Reset { get; private set; }
    public string Body => Encoding.Latin1.GetString([.. _body]);
    public int Received => _body.Count;
    public string Path => this[":path"] ?? "";

    public string? this[string name]
        => fields.Where(f => f.StartsWith(name + ": ", StringComparison.Ordinal)).Select(f => f[(name.Length + 2)..]).FirstOrDefault();

    internal void Take(Http2Frame frame)
    {
        if (frame.Type == FrameType.Data) _body.AddRange(frame.Payload);
        if (frame.Type == FrameType.Headers && frame.Fields != fields) Trailers = frame.Fields;
        if (frame.Type == FrameType.RstStream) Reset = (Http2Error)frame.Word();
        Ended |= frame.Ends;
    }
}

/// <summary>
/// A server of HTTP/2 whose answers are frames that the test writes out: <see cref="Answer"/> is asked at each request's end (and at its
/// head, when <see cref="AnswersEarly"/>), or <see cref="Script"/> has the connection to itself. It gives every byte's window back.
/// </summary>
internal sealed class Http2Upstream : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<int, Http2Peer> _peers = [];
    private readonly List<Http2Call> _calls = [];
    private int _connections, _pings;

    public Http2Upstream()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(128);
        _ = AcceptAsync();
    }

    public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}";
    public (SettingId Id, uint Value)[] Settings { get; init; } = [];
    /// <summary>The frames of the answer; null: none now. The usual one: 200, the path.</summary>
    public Func<Http2Call, Http2Script?> Answer { get; set; }
        = static c => new Http2Script().Headers(c.Id, false, ":status: 200").Data(c.Id, c.Path, true);
    public bool AnswersEarly { get; init; }
    /// <summary>Gives a window back for what has come; false: never.</summary>
    public bool TakesBodies { get; set; } = true;
    public Func<Http2Peer, int, Task>? Script { get; set; }
    public int Connections => Volatile.Read(ref _connections);
    public IReadOnlyList<Http2Call> Calls { get { lock (_calls) return [.. _calls]; } }
    public Http2Call Call(string path) => Calls.Single(c => c.Path == path);
    public Http2Peer Peer => PeerAt(1);
    /// <summary>PINGs that came and were no answers.</summary>
    public int Pings => Volatile.Read(ref _pings);
    /// <summary>Connections that have not ended.</summary>
    public int Open => _peers.Values.Count(p => !p.Ended);

    public Http2Peer PeerAt(int connection) => _peers[connection];

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync();
                socket.NoDelay = true;
                _ = ServeAsync(socket, Interlocked.Increment(ref _connections));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // disposed
        }
    }

    private async Task ServeAsync(Socket socket, int number)
    {
        var peer = new Http2Peer(socket);
        _peers[number] = peer;
        try
        {
            await peer.TakePrefaceAsync();
            if (Script is { } script) { await script(peer, number); return; }
            await peer.SendAsync(new Http2Script().Settings(Settings));
            var calls = new Dictionary<int, Http2Call>();
            while (await peer.ReadAsync() is { } frame) await TakeAsync(peer, number, calls, frame);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // as far as it went
        }
        finally
        {
            peer.Close();
        }
    }

    private async Task TakeAsync(Http2Peer peer, int number, Dictionary<int, Http2Call> calls, Http2Frame frame)
    {
        if (frame is { Type: FrameType.Settings, Flags: 0 }) await peer.SendAsync(new Http2Script().SettingsAck());
        if (frame is { Type: FrameType.Ping, Flags: 0 })
        {
            Interlocked.Increment(ref _pings);
            await peer.SendAsync(new Http2Script().Frame(FrameType.Ping, FrameFlags.Ack, 0, frame.Payload));
        }
        if (frame.StreamId == 0) return;
        bool begins = !calls.TryGetValue(frame.StreamId, out var call) && frame.Type == FrameType.Headers;
        if (begins) calls.Add(frame.StreamId, call = new Http2Call(number, frame.StreamId, frame.Fields));
        if (call is null) return;
        call.Take(frame);
        if (begins) lock (_calls) _calls.Add(call);
        if (frame is { Type: FrameType.Data, Payload.Length: > 0 and var n } && TakesBodies)
            await peer.SendAsync(new Http2Script().Window(0, (uint)n).Window(frame.StreamId, (uint)n));
        if ((frame.Ends || (begins && AnswersEarly)) && Answer(call) is { } answer) await peer.SendAsync(answer);
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (var peer in _peers.Values) peer.Close();
        return ValueTask.CompletedTask;
    }
}
