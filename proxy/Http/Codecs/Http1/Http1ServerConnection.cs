using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>
/// A client's HTTP/1 connection [4]: head, stream, head, stream. At each request it takes the version that is current then; what it
/// has no successor for in that version it finishes on the old one and closes.
/// </summary>
internal sealed class Http1ServerConnection
{
    private readonly DownstreamConnection _downstream;
    private readonly Worker _worker;
    private readonly WheelTimer _timer;
    private HttpConnectionManager _manager;
    private HttpStream? _stream;
    private int _requests;
    private bool _refused;
    private bool _waiting; // for the first byte of a request

    public Http1ServerConnection(DownstreamConnection downstream, HttpConnectionManager manager)
    {
        _downstream = downstream;
        _worker = downstream.Worker;
        _manager = manager;
        Input = new InputBuffer(_worker.Loop.Buffers);
        _timer = new WheelTimer(static c => ((Http1ServerConnection)c!).OnTimer(), this);
        Transport.PeerGone = static (c, half) => ((Http1ServerConnection)c!).OnPeerGone(half);
        Transport.PeerGoneState = this;
        downstream.OnDrain = static c => ((Http1ServerConnection)c!).OnDrain();
        downstream.OnCut = static c => ((Http1ServerConnection)c!).OnCut();
        downstream.HookState = this;
    }

    public Transport Transport => _downstream.Transport;
    public byte[] PeerText => _peerText ??= System.Text.Encoding.ASCII.GetBytes(_downstream.RemoteAddress?.Address.ToString() ?? "");
    private byte[]? _peerText;
    public InputBuffer Input { get; }

    /// <summary>The response under way is to be the last.</summary>
    public bool ShouldClose => _downstream.IsDraining || (_manager.MaxRequestsPerConnection > 0 && _requests >= _manager.MaxRequestsPerConnection)
        || (_manager.MaxConnectionMicros > 0 && _worker.NowMicros - _downstream.StartMicros >= _manager.MaxConnectionMicros);

    // A process that is told to end waits for idle clients just long enough for a request that is already on its way.
    private long DrainMicros => _downstream.IsHurried ? Math.Min(500_000, _downstream.IdleDrainMicros) : _downstream.IdleDrainMicros;

    public async IoTask<bool> RunAsync()
    {
        while (await NextRequestAsync())
        {
        }
        _worker.Timers.Remove(_timer);
        Input.Release();
        return true;
    }

    public void OnRead(int n)
    {
        Input.Filled(n);
        _manager.CountReceived(_worker, n);
    }

    private async IoTask<bool> NextRequestAsync()
    {
        if (Input.Length == 0)
        {
            Input.Release();
            if (!Transport.MayRead && !await WaitIdleAsync()) return false;
        }
        var exchange = _worker.RentExchange();
        exchange.Begin(this);
        bool keep = await ServeAsync(exchange);
        // Closing with bytes unread would reset; an ordinary end needs no such care.
        bool lingers = !keep && !exchange.CutShort && exchange.MustClose && (!exchange.BodyEnded || _refused || Input.Length > 0 || Transport.MayRead);
        bool reset = exchange.CutShort && exchange.ResponseIsCloseDelimited;
        _worker.ReturnExchange(exchange);
        if (keep) return true;
        if (reset) Transport.Close(reset: true);
        else if (lingers) await LingerAsync();
        return false;
    }

    private async IoTask<bool> WaitIdleAsync()
    {
        _waiting = true;
        long idle = _downstream.IsDraining ? DrainMicros : _manager.IdleMicros;
        if (_manager.MaxConnectionMicros > 0)
        {
            long left = Math.Max(1, _downstream.StartMicros + _manager.MaxConnectionMicros - _worker.NowMicros);
            idle = idle == 0 ? left : Math.Min(idle, left);
        }
        if (idle > 0) _worker.Timers.Arm(_timer, idle);
        int n = await Transport.ReadableAsync();
        _waiting = false;
        _worker.Timers.Cancel(_timer);
        return n >= 0;
    }

    private async IoTask<bool> ServeAsync(Http1ServerExchange exchange)
    {
        var stream = exchange.Stream;
        var head = exchange.Head;
        _manager.Configure(head, _downstream);
        head.Begin(stream.RequestHeaders);
        bool began = false;
        HeadResult result;
        while ((result = head.Read(Input)) == HeadResult.NeedMore)
        {
            if (began && !_timer.IsArmed && _manager.RequestHeadersMicros > 0) _worker.Timers.Arm(_timer, _manager.RequestHeadersMicros);
            int n = await Transport.ReadAsync(Input.Space());
            if (n > 0)
            {
                OnRead(n);
                began = true;
                continue;
            }
            _worker.Timers.Cancel(_timer);
            if (n == -Libc.ETimedOut) return await RefuseAsync(exchange, 408, "request_header_timeout");
            if (n == 0 && (Input.Length > 0 || head.HeadBytes > 0)) _manager.CountProtocolError(_worker);
            return false;
        }
        _worker.Timers.Cancel(_timer);
        Rebind();
        _requests++;
        if (result == HeadResult.Error) return await RefuseAsync(exchange, head.ErrorStatus, head.ErrorDetails);
        exchange.BeginBody();
        Identify(stream, head);
        stream.Begin(exchange, _manager, _downstream.Snapshot);
        _stream = stream;
        // A client that has sent its request and gone at once: nothing will tell of it again.
        if (Transport.IsBroken) stream.OnClientGone();
        bool complete = await stream.ServeAsync();
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
        info.DirectRemoteAddress = info.RemoteAddress = _downstream.RemoteAddress;
        info.LocalAddress = _downstream.LocalAddress;
        info.ListenerName = _downstream.Chain.Listener.Name;
        info.FilterChainName = _downstream.Chain.Name;
    }

    /// <summary>Answers what is not a request. It is seen by access log and counters, by no filter.</summary>
    private async IoTask<bool> RefuseAsync(Http1ServerExchange exchange, int status, string details)
    {
        var stream = exchange.Stream;
        if (stream.RequestHeaders.Has(HeaderId.Method) is false) stream.RequestHeaders.Clear();
        Identify(stream, exchange.Head);
        exchange.MustClose = true;
        _refused = true;
        _manager.CountProtocolError(_worker);
        await stream.RefuseAsync(exchange, _manager, _downstream.Snapshot, status, details);
        _worker.CountRequest();
        return false;
    }

    // The current version at the beginning of each request: one volatile read and a comparison when nothing changed.
    private void Rebind()
    {
        if (_downstream.Rebind() && _downstream.Chain.Terminal is HttpConnectionManager manager) _manager = manager;
    }

    /// <summary>
    /// Says end and reads on for a moment: closing with unread bytes would reset the connection and could destroy the answer on its way
    /// (RFC 9112 section 9.6).
    /// </summary>
    private async IoTask<bool> LingerAsync()
    {
        if (_manager.DelayedCloseMicros == 0) return false;
        Transport.ShutdownWrite();
        _worker.Timers.Arm(_timer, _manager.DelayedCloseMicros);
        Input.Release();
        while (true)
        {
            if (!Transport.MayRead && await Transport.ReadableAsync() < 0) break;
            var space = Input.Space();
            int n = Transport.TryRead(space.Span);
            if (n == -Libc.EAgain) continue;
            if (n <= 0) break;
        }
        _worker.Timers.Cancel(_timer);
        return true;
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

    private void OnCut()
    {
        if (_stream is { } stream) stream.Cut();
        else Transport.CancelRead(Libc.ECanceled);
    }
}
