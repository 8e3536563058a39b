using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Pools;
using Managed.Proxy.Upstream.Requests;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

/// <summary>One connection's live side.</summary>
internal sealed class TcpSession
{
    private readonly TcpProxyFilter _filter;
    private readonly DownstreamConnection _connection;
    private readonly WorkerContext _worker;
    private readonly WheelTimer _idle, _max;
    private readonly StreamInfo _info = new();
    private readonly ConnectAttempt _attempt = new();
    private readonly Signal _goOn = new();
    private WheelTimer? _flush, _pause;
    private Tunnel? _tunnel;
    private HttpTunnel? _through;
    private long _lastActivity;
    private bool _gone;

    public TcpSession(TcpProxyFilter filter, DownstreamConnection connection)
    {
        _filter = filter;
        _connection = connection;
        _worker = connection.Worker;
        _idle = new WheelTimer(static s => ((TcpSession)s!).OnIdle(), this);
        _max = new WheelTimer(static s => ((TcpSession)s!).OnMax(), this);
        connection.OnCut = static s => ((TcpSession)s).Stop();
        connection.HookState = this;
        connection.Forwarding = _info;
        connection.Transport.PeerGone = static (s, half) => { if (!half) ((TcpSession)s!).Stop(); };
        connection.Transport.PeerGoneState = this;
        _info.StartTime = _worker.NowMicros;
        _info.StartWallClock = _worker.WallMicros;
        _info.ConnectionId = connection.Id;
        connection.Describe(_info);
    }

    public async IoTask<bool> RunAsync()
    {
        UpstreamConnection? upstream = null;
        try
        {
            if (_filter.LifeMicros(_worker) is > 0 and var life) _worker.Timers.Arm(_max, life);
            if (_filter.Tunneling is { } plan) await TunnelAsync(plan);
            else if ((upstream = await ReachAsync()) is not null)
            {
                await ForwardAsync(upstream.Transport, null);
                upstream.Close(reset: _tunnel!.IsBroken || _gone);
            }
            _connection.Transport.Close(reset: _tunnel is not null && (_tunnel.IsBroken || _gone));
        }
        finally
        {
            _worker.Timers.Remove(_idle);
            _worker.Timers.Remove(_max);
            if (_flush is not null) _worker.Timers.Remove(_flush);
            upstream?.Close(reset: true); // when it is not closed already
        }
        Log("TcpConnectionEnd");
        return true;
    }

    private Cluster? Choose(out SubsetCriteria? criteria)
    {
        if (_filter.Pick(_connection, out criteria) is { } cluster)
        {
            _info.UpstreamCluster = cluster.Name;
            return cluster;
        }
        _worker.Stats.Increment(_filter.Stats.NoRoute);
        _info.Flags |= ResponseFlags.NoClusterFound;
        return null;
    }

    private IoTask<UpstreamConnection?> ReachAsync()
    {
        if (Choose(out var criteria) is not { } cluster) return new IoTask<UpstreamConnection?>((UpstreamConnection?)null);
        if (cluster.Aggregate is { } several) cluster = several.Choose(_worker, 0, out _);
        return ConnectAsync(cluster, cluster.State, criteria);
    }

    // Through a proxy: each attempt asks an endpoint of it, and one that will not is one that failed.
    private async IoTask<bool> TunnelAsync(TcpTunneling plan)
    {
        if (Choose(out var criteria) is not { } cluster) return false;
        var through = _through = new HttpTunnel(plan, _worker);
        ulong? hash = _filter.HashOf(_connection);
        for (int attempt = 0; attempt < _filter.MaxConnectAttempts && !_gone; attempt++)
        {
            if (attempt > 0 && !await PauseAsync(attempt)) return false;
            var failure = await through.OpenAsync(cluster,
                new PickContext(null, false, hash) { OnDemand = OnDemandOf(cluster), Criteria = criteria }, _info, _connection.Client);
            if (failure.IsNone)
            {
                await PassAsync(through);
                return true;
            }
            _info.UpstreamFailure = through.Reason;
            _info.Flags |= failure.Reason switch
            {
                FailureReason.NoEndpoint => ResponseFlags.NoHealthyUpstream,
                FailureReason.Overflow => ResponseFlags.UpstreamOverflow,
                _ => default,
            };
            if (failure.Side != FailureSide.Upstream) break; // another attempt would find the same
        }
        const ResponseFlags ours = ResponseFlags.NoHealthyUpstream | ResponseFlags.UpstreamOverflow;
        if (!_gone && (_info.Flags & ours) == 0) _info.Flags |= ResponseFlags.UpstreamConnectionFailure;
        return false;
    }

    private async IoTask<bool> PassAsync(HttpTunnel through)
    {
        bool whole = false;
        try
        {
            Tell(HttpTunnel.HeadersKey, through.Headers);
            await ForwardAsync(through.Transport, through.Begun);
            whole = !_tunnel!.IsBroken && !_gone;
        }
        finally
        {
            whole = await through.CloseAsync(whole);
        }
        Tell(HttpTunnel.TrailersKey, through.Trailers);
        return whole;
    }

    // To the logs of this filter, and to what else sees the connection.
    private void Tell(string key, string? value)
    {
        if (value is null) return;
        _info.TrySetState(key, value);
        (_connection.State ??= new StreamInfo()).TrySetState(key, value);
    }

    // Before a further attempt. False: the client has gone meanwhile.
    private async IoTask<bool> PauseAsync(int attempt)
    {
        if (_filter.BackOffMicros(_worker, attempt) is > 0 and var pause)
        {
            _pause ??= new WheelTimer(static s => ((TcpSession)s!)._goOn.Set(), this);
            _worker.Timers.Arm(_pause, pause);
            await _goOn.WaitAsync();
            _worker.Timers.Remove(_pause);
        }
        return !_gone;
    }

    private async IoTask<bool> ForwardAsync(Transport upstream, InputBuffer? begun)
    {
        _lastActivity = _worker.NowMicros;
        if (_filter.IdleMicros > 0) _worker.Timers.Arm(_idle, _filter.IdleMicros);
        _tunnel = new Tunnel(_worker.Loop, _connection.Transport, null, upstream, begun, () => _lastActivity = _worker.NowMicros);
        if (_filter.LogsWhenConnected) Log("TcpUpstreamConnected");
        if (_filter.FlushMicros > 0)
        {
            _flush = new WheelTimer(static s => ((TcpSession)s!).OnFlush(), this);
            _worker.Timers.Arm(_flush, _filter.FlushMicros);
        }
        if (!_gone) await _tunnel.RunAsync();
        Count();
        _worker.Stats.Add(_filter.Stats.RxBytes, _tunnel.FromFirst);
        _worker.Stats.Add(_filter.Stats.TxBytes, _tunnel.FromSecond);
        return true;
    }

    private async IoTask<UpstreamConnection?> ConnectAsync(Cluster cluster, ClusterState state, SubsetCriteria? criteria)
    {
        ulong? hash = _filter.HashOf(_connection);
        for (int attempt = 0; attempt < _filter.MaxConnectAttempts && !_gone; attempt++)
        {
            if (attempt > 0 && !await PauseAsync(attempt)) return null;
            var endpoint = cluster.Pick(_worker, new PickContext(null, false, hash)
                { OnDemand = OnDemandOf(cluster), Criteria = criteria });
            if (endpoint is null)
            {
                _info.Flags |= ResponseFlags.NoHealthyUpstream;
                _worker.Stats.Increment(state.Stats.NoHealthy);
                return null;
            }
            var pool = EndpointPool.Of(endpoint, _worker, state).For(_connection.Client, cluster.Socket);
            if (!state.TryEnterConnection(pool.OpenConnections, cluster.Limits, endpoint))
            {
                _info.Flags |= ResponseFlags.UpstreamOverflow;
                _worker.Stats.Increment(state.Stats.CxOverflow);
                return null;
            }
            _info.UpstreamAttempts++;
            _info.UpstreamHost = endpoint.Text;
            _info.UpstreamRemoteAddress = endpoint.Address.EndPoint;
            var (connection, error) = await pool.ConnectAsync(_attempt, cluster.Limits, cluster.Socket);
            if (connection is not null)
            {
                endpoint.Outliers?.Connected(isAll: true);
                connection.Transport.PeerGone = static (s, half) => { if (!half) ((TcpSession)s!).Stop(); };
                connection.Transport.PeerGoneState = this;
                _info.UpstreamTls = connection.Tls;
                return connection;
            }
            if (!_gone) endpoint.Outliers?.Fail(timeout: error == -Libc.ETimedOut);
            _info.UpstreamFailure = _attempt.Reason ?? Libc.Describe(-error);
        }
        if (!_gone) _info.Flags |= ResponseFlags.UpstreamConnectionFailure;
        return null;
    }

    // By the server that the client asks for, or by where its connection was going.
    private Endpoint? OnDemandOf(Cluster cluster)
    {
        if (cluster.OnDemand is not { } plan) return null;
        if (plan.Dns is null) return _connection.Client.Restored is { } restored ? plan.OfAddress(restored) : null;
        return plan.OfHost(System.Text.Encoding.ASCII.GetBytes(_connection.ServerName),
            _connection.ServerPort > 0 ? _connection.ServerPort : 443);
    }

    private void Count()
    {
        if (_tunnel is null) return;
        _info.BytesReceived = _tunnel.FromFirst;
        _info.BytesSent = _tunnel.FromSecond;
    }

    private void Log(string type)
    {
        if (_filter.AccessLog is not { } log) return;
        Count();
        _info.EndTime = _worker.NowMicros;
        _info.LogType = type;
        log.Log(_worker, _info);
    }

    private void OnFlush()
    {
        Log("TcpPeriodic");
        _worker.Timers.Arm(_flush!, _filter.FlushMicros);
    }

    private void Stop()
    {
        _gone = true;
        _attempt.Cancel();
        _through?.Stop();
        _goOn.Set();
        _tunnel?.Stop();
    }

    private void OnIdle()
    {
        long left = _lastActivity + _filter.IdleMicros - _worker.NowMicros;
        if (left > 0) { _worker.Timers.Arm(_idle, left); return; }
        _worker.Stats.Increment(_filter.Stats.IdleTimeout);
        _info.Flags |= ResponseFlags.StreamIdleTimeout;
        Stop();
    }

    private void OnMax()
    {
        _worker.Stats.Increment(_filter.Stats.MaxDuration);
        _info.Flags |= ResponseFlags.DurationTimeout;
        Stop();
    }
}
