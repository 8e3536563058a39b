using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>One worker's connections to one endpoint; the last used is used first, so that the rest can time out.</summary>
internal sealed class EndpointPool(WorkerContext worker, Endpoint endpoint, ClusterState state)
{
    private readonly List<UpstreamConnection> _idle = [];
    private readonly HashSet<UpstreamConnection> _open = [];
    private int _connecting;

    /// <summary>This worker's; made at its first use.</summary>
    public static EndpointPool Of(Endpoint endpoint, WorkerContext worker, ClusterState state)
        => (EndpointPool)(endpoint.Pools[worker.Id] ??= new EndpointPool(worker, endpoint, state));

    /// <summary>The endpoint or its cluster is gone: idle connections close, busy ones when they are done. On the worker.</summary>
    public static void Retire(Endpoint endpoint, WorkerContext worker) => ((EndpointPool?)endpoint.Pools[worker.Id])?.Retire();

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

    private void Retire()
    {
        IsRetired = true;
        while (TryTakeIdle() is { } idle) idle.Close();
    }
}
