using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Codecs.Http2.Frames;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>
/// A connection to an endpoint, on one worker: idle in its pool, carrying requests, or bytes that nobody here understands. One of HTTP/2
/// reads by itself from its beginning to its end, and carries as many requests as both sides allow.
/// </summary>
internal sealed class UpstreamConnection
{
    private readonly WorkerContext _worker;
    private readonly WheelTimer _timer;
    private readonly Http2ClientConnection? _http2;
    private Http1ClientExchange? _http;
    private long _idleSince;
    private bool _closed, _told, _drains;

    /// <param name="worker">Whose it is.</param>
    /// <param name="pool">Likewise.</param>
    /// <param name="transport">Connected.</param>
    /// <param name="http2">It speaks HTTP/2, as this says; null: HTTP/1, or what the caller will.</param>
    /// <param name="tls">Null without TLS.</param>
    public UpstreamConnection(WorkerContext worker, EndpointPool pool, Transport transport, UpstreamHttp? http2 = null,
        TlsConnection? tls = null)
    {
        Tls = tls;
        _worker = worker;
        Pool = pool;
        Transport = transport;
        _timer = new WheelTimer(static c => ((UpstreamConnection)c!).OnIdleTimeout(), this);
        Id = worker.NextId();
        if (http2 is null)
        {
            transport.PeerGone = static (c, _) => ((UpstreamConnection)c!).OnPeerGone();
            transport.PeerGoneState = this;
            return;
        }
        _http2 = new Http2ClientConnection(worker.Loop, worker.Stats, transport, http2.Options, http2.Stats, isSecure: tls is not null)
            { Changed = static c => ((UpstreamConnection)c!).OnChanged(), ChangedState = this };
    }

    public EndpointPool Pool { get; }
    public Transport Transport { get; }
    /// <summary>Null without TLS.</summary>
    public TlsConnection? Tls { get; }
    public ulong Id { get; }
    public bool IsHttp2 => _http2 is not null;
    /// <summary>Requests it has carried, those under way included.</summary>
    public int Requests { get; private set; }
    /// <summary>Requests under way, and how many there may be at once: one over HTTP/1.</summary>
    public int Active { get; private set; }
    public int Capacity => _http2?.Capacity ?? 1;
    public bool HasRoom => Active < Capacity && !_closed && !Transport.IsClosed && !IsSpent;
    public bool IsIdle => Active == 0;
    /// <summary>It has already carried a request: a failure before the first response byte may be the endpoint's idle time-out.</summary>
    public bool IsReused => Requests > 1;
    /// <summary>It is among those of its pool that have room.</summary>
    public bool IsReady { get; set; }

    /// <summary>It carries bytes that nobody here understands.</summary>
    public bool IsOpaque { get; init; }

    private bool IsSpent => _drains || HadAll;

    private bool HadAll => Pool.State.Limits.MaxRequestsPerConnection is > 0 and var most && Requests >= most;

    /// <summary>Takes a place for one request, or for a tunnel.</summary>
    public void Enter() => Active++;

    /// <summary>Of HTTP/2: runs it, and waits for what the peer has to say first. False: it has ended.</summary>
    public IoTask<bool> SettleAsync()
    {
        RunHttp2Async().Forget();
        return _http2!.SettledAsync();
    }

    /// <summary>Begins a request in a place that was taken; over with <see cref="Finish"/>.</summary>
    public ClientExchange Begin()
    {
        Requests++;
        if (Active == 1) _worker.Timers.Cancel(_timer);
        if (_http2 is not { } http2)
        {
            Transport.WatchIdle(false);
            _http ??= new Http1ClientExchange(Transport, _worker.Loop.Buffers);
            _http.Begin();
            return _http;
        }
        long trusted = http2.Options.KeepAliveIdleMicros;
        if (trusted > 0 && Active == 1 && Requests > 1 && _worker.NowMicros - _idleSince >= trusted) http2.Ping();
        var exchange = Http2Exchanges.Of(_worker).Rent();
        exchange.Begin(http2);
        return exchange;
    }

    /// <summary>The request is over. Keeps the connection for the next one when the protocol allows.</summary>
    /// <param name="complete">All of it went over both ways.</param>
    /// <param name="exchange">What <see cref="Begin"/> gave, if HTTP/2 is spoken.</param>
    public void Finish(bool complete, Http2ClientExchange? exchange = null)
    {
        if (exchange is not null)
        {
            exchange.Finish();
            Http2Exchanges.Of(_worker).Return(exchange);
            Leave();
            return;
        }
        bool reusable = complete && _http is { IsReusable: true } && !Transport.IsClosed;
        if (reusable && HadAll) _worker.Stats.Increment(Pool.State.Stats.CxMaxRequests);
        // More bytes than the response had, or an end: either makes the connection useless.
        if (!reusable || IsSpent || Pool.IsRetired || Transport.HasUnread()) { Close(!complete); return; }
        bool kept = false;
        try
        {
            _http!.Rest();
            Active--;
            Transport.WatchIdle(true);
            Rest();
            Pool.Return(this);
            kept = true;
        }
        finally
        {
            if (!kept) Close(reset: true);
        }
    }

    /// <summary>Of a connection that was made for others: it rests until they come.</summary>
    public void Vacate()
    {
        Active--;
        if (!IsHttp2) Transport.WatchIdle(true);
        Rest();
        Pool.Return(this);
    }

    /// <summary>Nothing new goes over it: it closes with what it carries, or at once.</summary>
    /// <param name="cut">Bytes that nobody understands end with it now.</param>
    public void Drain(bool cut)
    {
        if (IsOpaque)
        {
            if (cut) Close(reset: true);
            return;
        }
        _drains = true;
        if (IsIdle) Close();
    }

    /// <summary>Gives up a place in which nothing was begun, or whose exchange nobody knows the state of.</summary>
    public void Abandon()
    {
        if (IsHttp2) Leave(); else Close(reset: true);
    }

    /// <summary>Over HTTP/2 streams that are open are lost.</summary>
    public void Close(bool reset = false)
    {
        _http?.Rest();
        if (_closed || (Transport.IsClosed && Pool.Forgotten(this))) return;
        _worker.Timers.Remove(_timer);
        if (_http2 is { } http2)
        {
            _closed = true;
            if (reset || Active > 0) http2.Abort(Http2Error.None, ""); else http2.FinishDrain(); // the transport is closed behind it
        }
        else Transport.Close(reset);
        Pool.Closed(this);
    }

    // Of HTTP/2: a place is free.
    private void Leave()
    {
        Active--;
        if (_closed) return;
        NoteGoAway();
        bool last = IsSpent || Pool.IsRetired || Capacity == 0;
        if (last && IsIdle)
        {
            if (HadAll) _worker.Stats.Increment(Pool.State.Stats.CxMaxRequests);
            Close();
            return;
        }
        if (IsIdle) Rest();
        if (!last) Pool.Return(this);
    }

    private void Rest()
    {
        _idleSince = _worker.NowMicros;
        if (Pool.State.Limits.IdleTimeoutMicros is > 0 and var limit) _worker.Timers.Arm(_timer, limit);
    }

    private async IoTask<bool> RunHttp2Async()
    {
        try
        {
            await _http2!.RunAsync();
        }
        finally
        {
            _closed = true;
            _worker.Timers.Remove(_timer);
            if (_http2!.CloseCode != Http2Error.None) _worker.Stats.Increment(Pool.State.Stats.ProtocolError);
            Transport.Close();
            Pool.Closed(this);
            _http2.OnOver();
        }
        return true;
    }

    // The peer allows more or fewer streams, or goes away.
    private void OnChanged()
    {
        if (_closed || Pool.Forgotten(this)) return;
        NoteGoAway();
        if (_told && IsIdle) { Close(); return; }
        for (int free = Capacity - Active; free > 0 && HasRoom; free--) Pool.Return(this);
    }

    private void NoteGoAway()
    {
        if (_told || !_http2!.IsGoingAway) return;
        _told = true;
        _worker.Stats.Increment(Pool.State.Stats.CxCloseNotify);
    }

    private void OnIdleTimeout()
    {
        if (!IsIdle) return;
        _worker.Stats.Increment(Pool.State.Stats.CxIdleTimeout);
        Close();
    }

    private void OnPeerGone()
    {
        if (IsIdle) Close();
    }
}
