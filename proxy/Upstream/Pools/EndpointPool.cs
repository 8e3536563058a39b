using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>One worker's connections to one endpoint; the last used is used first, so that the rest can time out.</summary>
internal sealed class EndpointPool(Worker worker, Endpoint endpoint, ClusterState state)
{
    private readonly List<UpstreamConnection> _idle = [];
    private readonly HashSet<UpstreamConnection> _open = [];
    private int _connecting;

    public Endpoint Endpoint { get; } = endpoint;
    public ClusterState State { get; } = state;
    /// <summary>The endpoint or its cluster is gone: connections close when their request ends.</summary>
    public bool IsRetired { get; private set; }
    /// <summary>Those that are being made included.</summary>
    public int OpenConnections => _open.Count + _connecting;

    public UpstreamConnection? TryTakeIdle()
    {
        while (_idle.Count > 0)
        {
            var connection = _idle[^1];
            _idle.RemoveAt(_idle.Count - 1);
            if (!connection.Transport.IsClosed) return connection;
        }
        return null;
    }

    /// <summary>
    /// A new connection, in the place that <see cref="ClusterState.TryEnterConnection"/> took; null and -errno (ETIMEDOUT after the connect
    /// time-out) when there is none to be had.
    /// </summary>
    public async IoTask<(UpstreamConnection? Connection, int Error)> ConnectAsync(ConnectAttempt attempt)
    {
        _connecting++;
        Interlocked.Increment(ref Endpoint.TotalConnections);
        worker.Stats.Increment(State.Stats.CxTotal);
        long began = worker.NowMicros;
        var transport = SocketTransport.Connect(worker.Loop, Endpoint.Address, out int errno);
        int result = -errno;
        if (transport is not null)
        {
            transport.Owner = State.Name;
            attempt.Begin(worker, transport, State.ConnectTimeoutMicros);
            result = await transport.ConnectedAsync();
            attempt.End(worker);
        }
        _connecting--;
        if (result < 0)
        {
            transport?.Close();
            Interlocked.Decrement(ref State.Connections);
            Interlocked.Increment(ref Endpoint.ConnectFailures);
            worker.Stats.Increment(result == -Libc.ETimedOut ? State.Stats.CxConnectTimeout : State.Stats.CxConnectFail);
            State.OnConnectionClosed(worker);
            return (null, result);
        }
        Interlocked.Increment(ref Endpoint.ActiveConnections);
        worker.Stats.Record(State.Stats.ConnectMs, worker.NowMicros - began);
        worker.Stats.Increment(State.Stats.CxActive);
        var connection = new UpstreamConnection(worker, this, transport!);
        _open.Add(connection);
        return (connection, 0);
    }

    public void Return(UpstreamConnection connection)
    {
        _idle.Add(connection);
        State.OnConnectionFree(worker);
    }

    public void RemoveIdle(UpstreamConnection connection) => _idle.Remove(connection);

    public bool Forgotten(UpstreamConnection connection) => !_open.Contains(connection);

    public void Closed(UpstreamConnection connection)
    {
        if (!_open.Remove(connection)) return;
        Interlocked.Decrement(ref State.Connections);
        Interlocked.Decrement(ref Endpoint.ActiveConnections);
        worker.Stats.Decrement(State.Stats.CxActive);
        worker.Stats.Increment(State.Stats.CxDestroy);
        State.OnConnectionClosed(worker);
    }

    /// <summary>Closes what is idle; what is busy closes when it is done.</summary>
    public void Retire()
    {
        IsRetired = true;
        while (TryTakeIdle() is { } idle) idle.Close();
    }
}

/// <summary>The way to give up a connection that is being made: by its time-out or by its stream.</summary>
internal sealed class ConnectAttempt
{
    private readonly WheelTimer _timer;
    private SocketTransport? _transport;

    public ConnectAttempt() => _timer = new WheelTimer(static a => ((ConnectAttempt)a!)._transport?.CancelWrite(Libc.ETimedOut), this);

    public void Begin(Worker worker, SocketTransport transport, long timeoutMicros)
    {
        _transport = transport;
        worker.Timers.Arm(_timer, timeoutMicros);
    }

    public void End(Worker worker)
    {
        _transport = null;
        worker.Timers.Remove(_timer);
    }

    public void Cancel() => _transport?.CancelWrite(Libc.ECanceled);
}
