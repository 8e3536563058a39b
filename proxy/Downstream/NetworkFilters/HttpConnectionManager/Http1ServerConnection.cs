using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>
/// A client's HTTP/1 connection [4]: head, stream, head, stream. At each request it takes the version that is current then; what it
/// has no successor for in that version it finishes on the old one and closes.
/// </summary>
internal sealed class Http1ServerConnection : Http1Wire
{
    /// <summary>Pipelined requests that are begun in one turn of the loop: some 0.2 ms of work.</summary>
    public const int RequestsPerTurn = 64;

    private readonly DownstreamConnection _downstream;

    protected override System.Net.IPEndPoint? Peer => _downstream.RemoteAddress;

    private readonly WorkerContext _worker;
    private readonly Http1Requests _free;
    private Http1Request? _request;
    private readonly WheelTimer _timer;
    private ConnectionManager _manager;
    private HttpStream? _stream;
    private int _requests;
    private bool _refused;
    private bool _waiting; // for the first byte of a request
    private long _waitingSince;
    private long _turn; // in which it began _inTurn requests that were waiting in Input
    private int _inTurn;
    private Signal? _nextTurn;

    public Http1ServerConnection(DownstreamConnection downstream, ConnectionManager manager) : base(downstream.Worker, downstream.Transport)
    {
        _downstream = downstream;
        _worker = downstream.Worker;
        _free = Http1Requests.Of(_worker);
        _manager = manager;
        Received = manager.Stats.CxRxBytes;
        _timer = new WheelTimer(static c => ((Http1ServerConnection)c!).OnTimer(), this);
        Transport.PeerGone = static (c, half) => ((Http1ServerConnection)c!).OnPeerGone(half);
        Transport.PeerGoneState = this;
        downstream.OnDrain = static c => ((Http1ServerConnection)c!).OnDrain();
        downstream.OnCut = static c => ((Http1ServerConnection)c!).OnCut();
        downstream.OnPressed = static c => ((Http1ServerConnection)c!).OnPressed();
        downstream.HookState = this;
    }

    /// <summary>A client that begins with HTTP/2's preface is left to another codec.</summary>
    public bool DetectsHttp2 { get; init; }
    /// <summary>It was one: nothing was answered, and what has come is in <see cref="Http1Wire.Input"/>.</summary>
    public bool IsHttp2 { get; private set; }

    public override bool ShouldClose => _downstream.IsDraining || _worker.Overload.EndsConnections
        || (_manager.MaxRequestsPerConnection > 0 && _requests >= _manager.MaxRequestsPerConnection)
        || (_manager.MaxConnectionMicros > 0 && _worker.NowMicros - _downstream.StartMicros >= _manager.MaxConnectionMicros);

    // A process that is told to end waits for idle clients just long enough for a request that is already on its way.
    private long DrainMicros => _downstream.IsHurried ? Math.Min(500_000, _downstream.IdleDrainMicros) : _downstream.IdleDrainMicros;

    public async IoTask<bool> RunAsync()
    {
        try
        {
            while (await NextRequestAsync())
            {
            }
        }
        finally
        {
            _worker.Timers.Remove(_timer);
            _request?.Exchange.Release(); // there is one only where something has thrown
            if (!IsHttp2) Input.Release();
        }
        return true;
    }

    private async IoTask<bool> NextRequestAsync()
    {
        // [4.1] Wait for bytes.
        if (Input.Length == 0)
        {
            if (!await FirstBytesAsync()) return false;
        }
        else if (IsTurnSpent()) await NextTurnAsync();
        if (_requests == 0 && DetectsHttp2 && await IsPrefaceAsync()) return false;
        // [4.2] Read the head.
        var request = BeginHead();
        HeadResult result;
        while ((result = request.Head.Read(Input)) == HeadResult.NeedMore)
        {
            // Its bytes wait alone: what a request takes is taken when the whole head is here.
            Input.Rewind(request.Head.HeadBytes);
            Return(request);
            int n = await MoreOfHeadAsync();
            if (n <= 0 && n != -Libc.ETimedOut)
            {
                if (n == 0) _manager.CountProtocolError(_worker);
                return false;
            }
            request = BeginHead();
            if (n > 0) continue;
            request.Head.Read(Input); // for the log
            return await EndAsync(request, await RefuseAsync(request, 408, "request_header_timeout"));
        }
        _worker.Timers.Cancel(_timer);
        return await EndAsync(request, await ServeAsync(request, result));
    }

    // RFC 9113 section 3.4. No request of HTTP/1 begins so: as long as it may become the preface it is waited for, as for a head.
    private async IoTask<bool> IsPrefaceAsync()
    {
        while (Http2Connection.MayBePreface(Input.Unread))
        {
            if (Input.Length >= Http2Connection.PrefaceLength) return IsHttp2 = true;
            if (await MoreOfHeadAsync() <= 0) return false;
        }
        return false;
    }

    private bool IsTurnSpent()
    {
        if (_turn != _worker.Loop.Turns) (_turn, _inTurn) = (_worker.Loop.Turns, 0);
        return ++_inTurn > RequestsPerTurn;
    }

    private Http1Request BeginHead()
    {
        var request = _request = _free.Rent();
        var (stream, head) = (request.Stream, request.Head);
        request.Exchange.Begin(this, stream.RequestHeaders, stream.RequestTrailers);
        head.MaxBytes = _manager.MaxHeadBytes;
        head.MaxFields = _manager.MaxFields;
        head.AllowAbsoluteUrl = _manager.AllowAbsoluteUrl;
        head.DefaultHost = _manager.DefaultHost;
        head.TakesConnect = _manager.TakesConnect;
        head.Scheme = _downstream.Tls is null ? HttpScheme : HttpsScheme;
        head.Begin(stream.RequestHeaders);
        return request;
    }

    private void Return(Http1Request request)
    {
        _request = null;
        _free.Return(request);
    }

    private IoTask<bool> EndAsync(Http1Request request, bool keep)
    {
        var exchange = request.Exchange;
        // Closing with bytes unread would reset; an ordinary end needs no such care.
        bool lingers = !keep && !exchange.CutShort && exchange.MustClose
            && (!exchange.BodyEnded || _refused || Input.Length > 0 || Transport.MayRead);
        bool reset = exchange.CutShort && exchange.ResponseIsCloseDelimited;
        Return(request);
        if (reset) Transport.Close(reset: true);
        else if (lingers) return LingerAsync();
        return new IoTask<bool>(keep);
    }

    // Until the first bytes of a request are here: as long as a connection may be idle; before its first request no longer than a head may
    // take.
    private async IoTask<bool> FirstBytesAsync()
    {
        Input.Release();
        while (true)
        {
            if (Transport.MayRead && Fill() is var read && read != -Libc.EAgain) return read > 0;
            Input.Release();
            if (IdleMicros() is > 0 and var idle) _worker.Timers.Arm(_timer, idle);
            _waiting = true;
            _waitingSince = _worker.NowMicros;
            int n = await Transport.ReadableAsync();
            _waiting = false;
            _worker.Timers.Cancel(_timer);
            if (n < 0) return false;
        }
    }

    private long IdleMicros()
    {
        if (_downstream.IsDraining) return DrainMicros;
        long idle = _manager.IdleMicros;
        if (_requests == 0) idle = Earlier(idle, _manager.RequestHeadersMicros);
        if (_manager.MaxConnectionMicros == 0) return idle;
        return Earlier(idle, Math.Max(1, _downstream.StartMicros + _manager.MaxConnectionMicros - _worker.NowMicros));
    }

    // 0 is no limit.
    private static long Earlier(long a, long b) => a == 0 ? b : b == 0 ? a : Math.Min(a, b);

    /// <summary>
    /// More of a head whose beginning is in <see cref="Http1Wire.Input"/>: positive when it is worth another look, 0 at the end, -errno.
    /// </summary>
    private async IoTask<int> MoreOfHeadAsync()
    {
        // In all from here: no byte pushes it on.
        if (!_timer.IsArmed && _manager.RequestHeadersMicros > 0) _worker.Timers.Arm(_timer, _manager.RequestHeadersMicros);
        int seen = Input.Length;
        while (true)
        {
            Input.Settle();
            if (!Transport.MayRead && await Transport.ReadableAsync() is < 0 and var error) return error;
            int before = Input.Length, n = Fill();
            if (n == -Libc.EAgain) continue;
            if (n <= 0 || IsWorthALook(before, seen)) return n;
        }
    }

    // A head is read from its beginning each time. So that one that comes in many pieces costs a few times its size at most: while it is
    // short, then with the lines of another eighth, at its end, and where it is too large.
    private bool IsWorthALook(int before, int seen)
    {
        var all = Input.Unread;
        if (all.Length <= 512 || all.Length > _manager.MaxHeadBytes) return true;
        if (!all[before..].Contains((byte)'\n')) return false;
        if (all.Length <= 4096 || all.Length >= seen + seen / 8) return true;
        var tail = all[Math.Max(0, before - 3)..];
        return tail.IndexOf("\n\r\n"u8) >= 0 || tail.IndexOf("\n\n"u8) >= 0;
    }

    private async IoTask<bool> ServeAsync(Http1Request request, HeadResult result)
    {
        var (exchange, stream, head) = (request.Exchange, request.Stream, request.Head);
        Rebind(); // [4.3] Take the version that is current.
        _requests++;
        if (result == HeadResult.Error) return await RefuseAsync(request, head.ErrorStatus, head.ErrorDetails);
        exchange.BeginBody();
        if (!head.HasBody) Input.Settle(); // it may take long; the next request waits with what has come of it
        Identify(stream, head);
        stream.Begin(exchange, _manager, _downstream.Generation);
        _stream = stream;
        // A client that has sent its request and gone at once: nothing will tell of it again.
        if (Transport.IsBroken) stream.OnClientGone();
        bool complete = await stream.ServeAsync(); // [4.4] The stream, to its end.
        _stream = null;
        _worker.CountRequest();
        if (complete) return !exchange.MustClose;
        exchange.MustClose = true;
        return false;
    }

    private void Identify(HttpStream stream, RequestHead head)
    {
        var info = stream.Info;
        info.Protocol = head.Minor == 0 ? HttpProtocol.Http10 : HttpProtocol.Http11;
        info.ConnectionId = _downstream.Id;
        _downstream.Describe(info);
    }

    /// <summary>Answers what is not a request. It is seen by access log and counters, by no filter.</summary>
    private async IoTask<bool> RefuseAsync(Http1Request request, int status, string details)
    {
        var (exchange, stream) = (request.Exchange, request.Stream);
        if (stream.RequestHeaders.Has(HeaderId.Method) is false) stream.RequestHeaders.Clear();
        Identify(stream, exchange.Head);
        exchange.MustClose = true;
        _refused = true;
        _manager.CountProtocolError(_worker);
        await stream.RefuseAsync(exchange, _manager, _downstream.Generation, status, details);
        _worker.CountRequest();
        return false;
    }

    // The current version at the beginning of each request: one volatile read and a comparison when nothing changed.
    private void Rebind()
    {
        _downstream.Rebind(); // what drains may have moved before
        if (_downstream.Chain.Terminal is not HttpConnectionManagerFilter { Manager: var manager } || ReferenceEquals(manager, _manager))
            return;
        if (_manager.Stats.CxActive != manager.Stats.CxActive)
        {
            _worker.Stats.Decrement(_manager.Stats.CxActive);
            _worker.Stats.Increment(manager.Stats.CxActive);
        }
        _manager = manager;
        Received = manager.Stats.CxRxBytes;
    }

    /// <summary>Of the version that it is on.</summary>
    public HttpStats Stats => _manager.Stats;

    /// <summary>
    /// Says end and reads on for a moment: closing with unread bytes would reset the connection and could destroy the answer on its way
    /// (RFC 9112 section 9.6).
    /// </summary>
    private async IoTask<bool> LingerAsync()
    {
        if (_manager.DelayedCloseMicros == 0) return false;
        Transport.ShutdownWrite();
        _worker.Timers.Arm(_timer, _manager.DelayedCloseMicros);
        long end = _worker.NowMicros + _manager.DelayedCloseMicros;
        while (_worker.NowMicros < end)
        {
            Input.Release();
            if (!Transport.MayRead && await Transport.ReadableAsync() < 0) break;
            if (Fill() is <= 0 and not -Libc.EAgain) break;
        }
        _worker.Timers.Cancel(_timer);
        return false;
    }

    // Who sends many requests at once waits behind the others with the rest of them.
    private async IoTask<bool> NextTurnAsync()
    {
        _nextTurn ??= new Signal();
        _worker.Loop.NextTurn(static s => ((Signal)s!).Set(), _nextTurn);
        return await _nextTurn.WaitAsync();
    }

    private void OnTimer()
    {
        if (_waiting) _manager.CountIdleTimeout(_worker);
        Transport.CancelRead(Libc.ETimedOut);
    }

    private void OnPeerGone(bool half)
    {
        // A client may end its side and still wait for the answer; a reset ends everything.
        if (!half) _stream?.OnClientGone();
    }

    private void OnDrain()
    {
        // A request may be on its way on an idle connection: it still gets its answer, with a close, within this time.
        if (_waiting) _worker.Timers.Arm(_timer, DrainMicros);
    }

    private void OnPressed()
    {
        if (_stream is { } stream) stream.OnPressed();
        else if (_waiting && _worker.NowMicros - _waitingSince >= _worker.Overload.GraceMicros) OnTimer();
    }

    private void OnCut()
    {
        if (_stream is { } stream) stream.Cut();
        else Transport.CancelRead(Libc.ECanceled);
    }

    private static readonly ReadOnlyMemory<byte> HttpScheme = "http"u8.ToArray(), HttpsScheme = "https"u8.ToArray();
}
