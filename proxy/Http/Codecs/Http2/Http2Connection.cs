using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Managed.Proxy.Http.Codecs.Http2.Messages;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>
/// A connection that speaks HTTP/2 (RFC 9113), of either side.
/// <para>Design: one piece of straight-line code reads (<see cref="RunAsync"/>): it takes apart all frames that have come, which changes
/// fields and queues alone, and then, at one safe place, wakes the consumers of the streams that are concerned. Another one writes: at the
/// end of a turn it composes what all ready streams have to say, a frame of each in turn, into one buffer and sends that in one call; as
/// long as the kernel does not take it nothing more is composed. So the order of header blocks is that of the bytes, and a peer that does
/// not read stops its streams and nothing else.</para>
/// <para>What throws in a consumer is its own; what is wrong with the peer is a <see cref="FrameFault"/>.</para>
/// </summary>
internal abstract partial class Http2Connection
{
    /// <summary>
    /// Streams that are begun in one turn of the loop: some 0.2 ms of work where connections to their services are there.
    /// </summary>
    public const int StreamsPerTurn = 64;
    /// <summary>
    /// Streams that are begun, or ended with their connection, before anybody asks how long it took: each may open or close a connection
    /// to its service, and who has more of them than this does not keep the others on the loop waiting.
    /// </summary>
    public const int StreamsAtOnce = 16;

    private readonly EventLoop _loop;
    private readonly StatsCells _cells;
    private readonly Http2Stats _stats;
    private readonly FloodGuard _guard;
    private readonly HpackDecoder _decoder;
    private readonly HpackEncoder _encoder;
    private readonly HeadReader _heads;
    private readonly Dictionary<int, Http2Stream> _streams = [];
    private readonly List<Http2Stream> _begun = [], _woken = [], _ending = [];
    private readonly WheelTimer _keepAlive, _stall, _partial;
    private Http2Settings _peer = new();
    private Signal? _nextTurn;
    private bool _over, _lost, _disposed; // ending; nothing can be sent any more; all is given back
    private long _lastReceived;

    /// <param name="loop">It lives on.</param>
    /// <param name="cells">The worker's.</param>
    /// <param name="transport">Is closed by whoever runs it.</param>
    /// <param name="options">Ours.</param>
    /// <param name="stats">Where to count.</param>
    /// <param name="isServer">The peer is the client.</param>
    /// <param name="isSecure">The transport is one of TLS.</param>
    /// <param name="input">What was read of it already; the connection's from now on.</param>
    protected Http2Connection(
        EventLoop loop, StatsCells cells, Transport transport, Http2Options options, Http2Stats stats, bool isServer, bool isSecure,
            InputBuffer? input = null)
    {
        _loop = loop;
        _cells = cells;
        _stats = stats;
        Transport = transport;
        Options = options;
        IsServer = isServer;
        IsSecure = isSecure;
        Input = input ?? new InputBuffer(loop.Buffers);
        _out = new(loop.Buffers);
        _sending = new(loop.Buffers);
        _block = new(loop.Buffers);
        _guard = new FloodGuard(options, stats);
        _decoder = new HpackDecoder(loop.Buffers);
        _encoder = new HpackEncoder(loop.Buffers) { MaxTableSize = options.HpackTableSize, UsesHuffman = options.UsesHuffman };
        _heads = isServer
            ? new RequestReader(_decoder, loop.Buffers)
            {
                MaxBytes = options.MaxHeaderBytes, MaxFields = options.MaxHeaderFields, IsSecure = isSecure,
                    AllowsExtendedConnect = options.AllowConnect,
            }
            : new ResponseReader(_decoder, loop.Buffers) { MaxBytes = options.MaxHeaderBytes, MaxFields = options.MaxHeaderFields };
        _keepAlive = new WheelTimer(static c => ((Http2Connection)c!).OnKeepAlive(), this);
        _stall = new WheelTimer(static c => ((Http2Connection)c!).OnStall(), this);
        _partial = new WheelTimer(static c => ((Http2Connection)c!).OnPartial(), this);
    }

    public Transport Transport { get; }
    public Http2Options Options { get; }
    public bool IsServer { get; }
    /// <summary>The transport is one of TLS.</summary>
    public bool IsSecure { get; }
    /// <summary>What was read before the connection was known to be one of HTTP/2 may be in it already.</summary>
    public InputBuffer Input { get; }
    /// <summary>Those that are open and known to the peer.</summary>
    protected Dictionary<int, Http2Stream>.ValueCollection Streams => _streams.Values;
    /// <summary>What the peer has told us.</summary>
    public ref readonly Http2Settings Peer => ref _peer;
    /// <summary>Open in both directions or one.</summary>
    public int OpenStreams { get; private set; }
    /// <summary>Streams whose consumers have not finished.</summary>
    public int Attached { get; private set; }
    /// <summary>No stream is to be opened any more.</summary>
    public bool IsGoingAway { get; private set; }
    /// <summary>The peer's SETTINGS have come.</summary>
    public bool HasSettings => _settingsSeen;
    /// <summary>It is ending, or has ended: nothing more comes of it.</summary>
    public bool IsOver => _over;
    /// <summary>What it was closed for; None when it simply ended.</summary>
    public Http2Error CloseCode { get; private set; }
    public string CloseDetails { get; private set; } = "";

    // ---- whoever has the connection

    /// <summary>A stream for a request, its maps set; nothing else.</summary>
    protected abstract Http2Stream RentStream();
    /// <summary>Its head is complete: serve it. On the loop, outside of the codec.</summary>
    protected abstract void OnBegun(Http2Stream stream);
    /// <summary>Of a stream that was rented and came to nothing: it is finished already.</summary>
    protected abstract void OnUnused(Http2Stream stream);
    /// <summary>Reads from the transport into <see cref="Input"/>; see <see cref="InputBuffer.Fill"/>.</summary>
    protected virtual int Fill(bool large) => Input.Fill(Transport, large);
    /// <summary>The first stream has been attached (true), the last one has gone (false).</summary>
    protected virtual void OnBusy(bool busy) { }
    /// <summary>The peer's settings have come, for the first time or anew, or it goes away.</summary>
    protected virtual void OnPeerChanged() { }

    /// <summary>Serves the connection until it is over; the transport is to be closed then.</summary>
    public async IoTask<bool> RunAsync()
    {
        try
        {
            Begin();
            bool large = false; // what came filled the buffer: there is more
            while (!_over)
            {
                ReadFrames();
                await WakeAsync();
                if (_over) break;
                Input.Settle();
                TimePartial();
                if (!Transport.MayRead && await Transport.ReadableAsync() < 0) break;
                if (_over) break;
                int n = Fill(large);
                large = n >= BufferPool.SmallSize;
                if (n > 0) _lastReceived = _loop.NowMicros;
                else if (n != -Libc.EAgain) break;
            }
            await CloseAsync();
        }
        finally
        {
            Dispose();
        }
        return true;
    }

    private void Begin()
    {
        _guard.Begin(_loop.NowMicros);
        _lastReceived = _loop.NowMicros;
        if (!IsServer) _out.Write(Preface);
        WriteSettings();
        ArmKeepAlive();
        ScheduleWrite();
    }

    // The safe place: begins the streams whose heads have come and wakes those for which something has.
    private async IoTask<bool> WakeAsync()
    {
        int begun = 0;
        for (int i = 0; i < _begun.Count; i++)
        {
            if (!_begun[i].BeginPending) continue;
            if (++begun > StreamsPerTurn || (begun > StreamsAtOnce && _loop.IsTurnSpent))
            {
                begun = 1;
                await NextTurnAsync();
                if (!_begun[i].BeginPending) continue;
            }
            _begun[i].BeginPending = false;
            OnBegun(_begun[i]);
        }
        _begun.Clear();
        TellWoken();
        return true;
    }

    private void TellWoken()
    {
        for (int i = 0; i < _woken.Count; i++) Tell(_woken[i]);
        _woken.Clear();
    }

    private void TellSoon() => _loop.Defer(static c => ((Http2Connection)c!).TellWoken(), this);

    private void Tell(Http2Stream stream)
    {
        if (stream.Connection != this || !stream.WakePending) return;
        stream.WakePending = false;
        if (stream.IsReset || stream.IsStopped) stream.OnTakenOut();
        if (stream.Connection == this && stream is { IsReset: true, GonePending: true })
        {
            stream.GonePending = false;
            stream.Gone?.Invoke(stream.GoneState);
        }
        if (stream.Connection == this) stream.OnReadable();
    }

    private void Unuse(Http2Stream stream)
    {
        stream.Finish();
        OnUnused(stream);
    }

    private async IoTask<bool> NextTurnAsync()
    {
        _nextTurn ??= new Signal();
        _loop.NextTurn(static s => ((Signal)s!).Set(), _nextTurn);
        return await _nextTurn.WaitAsync();
    }

    private void Wake(Http2Stream stream)
    {
        if (stream.WakePending) return;
        stream.WakePending = true;
        _woken.Add(stream);
    }

    private void Dispose()
    {
        _over = _disposed = true;
        EndStreams(atMost: int.MaxValue); // there are some only where something has thrown
        _loop.Timers.Remove(_keepAlive);
        _loop.Timers.Remove(_stall);
        _loop.Timers.Remove(_partial);
        Input.Release();
        _block.Release();
        _decoder.Release();
        _encoder.Release();
        if (!_writing) ReleaseOut();
    }
}
