using Managed.Proxy.Core;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs.Http1;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>A connection to an endpoint, on one worker: idle in its pool, or carrying one request, or bytes that nobody here understands.</summary>
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
    public ulong Id { get; }
    /// <summary>Requests it has carried, the present one included.</summary>
    public int Requests { get; private set; }
    public bool IsIdle { get; private set; }
    /// <summary>It has already carried a request: a failure before the first response byte may be the endpoint's idle time-out.</summary>
    public bool IsReused => Requests > 1;

    /// <summary>Begins a request; over with <see cref="Finish"/>.</summary>
    public Http1ClientExchange Begin()
    {
        IsIdle = false;
        (Transport as SocketTransport)?.WatchIdle(false);
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
        int limit = Pool.State.MaxRequestsPerConnection;
        // More bytes than the response had, or an end: either makes the connection useless.
        if (!reusable || (limit > 0 && Requests >= limit) || Pool.IsRetired || Transport.HasUnread()) { Close(!complete); return; }
        _http!.Rest();
        IsIdle = true;
        (Transport as SocketTransport)?.WatchIdle(true);
        if (Pool.State.IdleTimeoutMicros > 0) _worker.Timers.Arm(_timer, Pool.State.IdleTimeoutMicros);
        Pool.Return(this);
    }

    public void Close(bool reset = false)
    {
        if (Transport.IsClosed && !IsIdle && Pool.Forgotten(this)) return;
        IsIdle = false;
        _worker.Timers.Remove(_timer);
        _http?.Rest();
        Transport.Close(reset);
        Pool.Closed(this);
    }

    private void OnIdleTimeout()
    {
        if (!IsIdle) return;
        Pool.RemoveIdle(this);
        Close();
    }

    private void OnPeerGone()
    {
        if (!IsIdle) return;
        Pool.RemoveIdle(this);
        Close();
    }
}
