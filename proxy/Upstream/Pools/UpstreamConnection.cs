using Managed.Proxy.Core;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http1;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>
/// A connection to an endpoint, on one worker: idle in its pool, carrying requests, or bytes that nobody here understands.
/// </summary>
internal sealed class UpstreamConnection
{
    private readonly WorkerContext _worker;
    private readonly WheelTimer _timer;
    private Http1ClientExchange? _http;

    public UpstreamConnection(WorkerContext worker, EndpointPool pool, Transport transport)
    {
        _worker = worker;
        Pool = pool;
        Transport = transport;
        _timer = new WheelTimer(static c => ((UpstreamConnection)c!).OnIdleTimeout(), this);
        transport.PeerGone = static (c, _) => ((UpstreamConnection)c!).OnPeerGone();
        transport.PeerGoneState = this;
        Id = worker.NextId();
    }

    public EndpointPool Pool { get; }
    public Transport Transport { get; }
    /// <summary>Null without TLS.</summary>
    public TlsConnection? Tls { get; init; }
    public ulong Id { get; }
    /// <summary>Requests it has carried, those under way included.</summary>
    public int Requests { get; private set; }
    /// <summary>Requests under way, and how many there may be at once: one over HTTP/1.</summary>
    public int Active { get; private set; }
    public int Capacity => 1;
    public bool HasRoom => Active < Capacity;
    public bool IsIdle => Active == 0;
    /// <summary>It has already carried a request: a failure before the first response byte may be the endpoint's idle time-out.</summary>
    public bool IsReused => Requests > 1;

    /// <summary>Takes a place for one request, or for a tunnel.</summary>
    public void Enter() => Active++;

    /// <summary>Begins a request in a place that was taken; over with <see cref="Finish"/>.</summary>
    public ClientExchange Begin()
    {
        Transport.WatchIdle(false);
        _worker.Timers.Cancel(_timer);
        Requests++;
        var exchange = _http ??= new Http1ClientExchange(Transport, _worker.Loop.Buffers);
        exchange.Begin();
        return exchange;
    }

    /// <summary>The request is over. Keeps the connection for the next one when the protocol allows.</summary>
    public void Finish(bool complete)
    {
        bool reusable = complete && _http is { IsReusable: true } && !Transport.IsClosed;
        var limits = Pool.State.Limits;
        int limit = limits.MaxRequestsPerConnection;
        // More bytes than the response had, or an end: either makes the connection useless.
        if (!reusable || (limit > 0 && Requests >= limit) || Pool.IsRetired || Transport.HasUnread()) { Close(!complete); return; }
        bool kept = false;
        try
        {
            _http!.Rest();
            Active--;
            Transport.WatchIdle(true);
            if (limits.IdleTimeoutMicros > 0) _worker.Timers.Arm(_timer, limits.IdleTimeoutMicros);
            Pool.Return(this);
            kept = true;
        }
        finally
        {
            if (!kept) Close(reset: true);
        }
    }

    public void Close(bool reset = false)
    {
        if (Transport.IsClosed && Pool.Forgotten(this)) return;
        _worker.Timers.Remove(_timer);
        _http?.Rest();
        Transport.Close(reset);
        Pool.Closed(this);
    }

    private void OnIdleTimeout()
    {
        if (!IsIdle) return;
        Pool.RemoveReady(this);
        Close();
    }

    private void OnPeerGone()
    {
        if (!IsIdle) return;
        Pool.RemoveReady(this);
        Close();
    }
}
