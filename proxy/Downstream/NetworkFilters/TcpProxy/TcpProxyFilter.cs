using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

/// <summary>Connects to an endpoint and passes bytes both ways; half-closes and resets go through as they came.</summary>
internal sealed class TcpProxyFilter(TcpProxyConfig config, (Cluster Cluster, long UpTo)[] clusters, TcpStats stats, AccessLog? accessLog)
    : TerminalFilter
{
    private readonly long _idleMicros = (long)config.IdleTimeout.TotalMicroseconds;
    private readonly long _maxMicros = (long)(config.MaxDownstreamConnectionDuration ?? TimeSpan.Zero).TotalMicroseconds;

    public override async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        var worker = connection.Worker;
        worker.Stats.Increment(stats.CxTotal);
        worker.Stats.Increment(stats.CxActive);
        try
        {
            await new Session(this, connection).RunAsync();
        }
        finally
        {
            worker.Stats.Decrement(stats.CxActive);
        }
        return true;
    }

    private Cluster Pick(WorkerContext worker)
    {
        if (clusters.Length == 1) return clusters[0].Cluster;
        long point = (long)(worker.NextRandom() % (ulong)clusters[^1].UpTo);
        foreach (var (cluster, upTo) in clusters) if (point < upTo) return cluster;
        return clusters[^1].Cluster;
    }

    /// <summary>One connection's live side.</summary>
    private sealed class Session
    {
        private readonly TcpProxyFilter _filter;
        private readonly DownstreamConnection _connection;
        private readonly WorkerContext _worker;
        private readonly WheelTimer _idle, _max;
        private readonly StreamInfo _info = new();
        private readonly ConnectAttempt _attempt = new();
        private Tunnel? _tunnel;
        private long _lastActivity;
        private bool _gone;

        public Session(TcpProxyFilter filter, DownstreamConnection connection)
        {
            _filter = filter;
            _connection = connection;
            _worker = connection.Worker;
            _idle = new WheelTimer(static s => ((Session)s!).OnIdle(), this);
            _max = new WheelTimer(static s => ((Session)s!).OnMax(), this);
            connection.OnCut = static s => ((Session)s).Stop();
            connection.HookState = this;
            connection.Forwarding = _info;
            connection.Transport.PeerGone = static (s, half) => { if (!half) ((Session)s!).Stop(); };
            connection.Transport.PeerGoneState = this;
            _info.StartTime = _worker.NowMicros;
            _info.StartWallClock = _worker.WallMicros;
            _info.ConnectionId = connection.Id;
            connection.Describe(_info);
        }

        public async IoTask<bool> RunAsync()
        {
            var cluster = _filter.Pick(_worker);
            var state = cluster.State;
            _info.UpstreamCluster = cluster.Name;
            var upstream = await ConnectAsync(cluster, state);
            try
            {
                if (upstream is null) _connection.Transport.Close(reset: false);
                else await ForwardAsync(upstream);
            }
            finally
            {
                _worker.Timers.Remove(_idle);
                _worker.Timers.Remove(_max);
                upstream?.Close(reset: true); // when it is not closed already
            }
            _info.EndTime = _worker.NowMicros;
            _filter.AccessLog?.Log(_worker, _info);
            return true;
        }

        private async IoTask<bool> ForwardAsync(UpstreamConnection upstream)
        {
            _lastActivity = _worker.NowMicros;
            if (_filter._idleMicros > 0) _worker.Timers.Arm(_idle, _filter._idleMicros);
            if (_filter._maxMicros > 0) _worker.Timers.Arm(_max, _filter._maxMicros);
            _tunnel = new Tunnel(_worker.Loop, _connection.Transport, null, upstream.Transport, null,
                () => _lastActivity = _worker.NowMicros);
            if (!_gone) await _tunnel.RunAsync();
            _info.BytesReceived = _tunnel.FromFirst;
            _info.BytesSent = _tunnel.FromSecond;
            _worker.Stats.Add(_filter.Stats.RxBytes, _tunnel.FromFirst);
            _worker.Stats.Add(_filter.Stats.TxBytes, _tunnel.FromSecond);
            bool broken = _tunnel.IsBroken || _gone;
            upstream.Close(reset: broken);
            _connection.Transport.Close(reset: broken);
            return true;
        }

        private async IoTask<UpstreamConnection?> ConnectAsync(Cluster cluster, ClusterState state)
        {
            for (int attempt = 0; attempt < _filter.Config.MaxConnectAttempts && !_gone; attempt++)
            {
                var endpoint = cluster.LoadBalancer.Pick(cluster.Endpoints, _worker);
                if (endpoint is null)
                {
                    _info.Flags |= ResponseFlags.NoHealthyUpstream;
                    _worker.Stats.Increment(state.Stats.NoHealthy);
                    return null;
                }
                var pool = EndpointPool.Of(endpoint, _worker, state);
                if (!state.TryEnterConnection(pool.OpenConnections, cluster.Limits))
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
                    connection.Transport.PeerGone = static (s, half) => { if (!half) ((Session)s!).Stop(); };
                    connection.Transport.PeerGoneState = this;
                    _info.UpstreamTls = connection.Tls;
                    return connection;
                }
                _info.UpstreamFailure = _attempt.Reason ?? Libc.Describe(-error);
            }
            if (!_gone) _info.Flags |= ResponseFlags.UpstreamConnectionFailure;
            return null;
        }

        private void Stop()
        {
            _gone = true;
            _attempt.Cancel();
            _tunnel?.Stop();
        }

        private void OnIdle()
        {
            long left = _lastActivity + _filter._idleMicros - _worker.NowMicros;
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

    private TcpStats Stats => stats;
    private TcpProxyConfig Config => config;
    private AccessLog? AccessLog => accessLog;
}

/// <summary>Counters under Envoy's names.</summary>
internal sealed class TcpStats(StatScope stats, string prefix)
{
    public readonly Counter CxTotal = stats.Counter($"tcp.{prefix}.downstream_cx_total"),
        RxBytes = stats.Counter($"tcp.{prefix}.downstream_cx_rx_bytes_total"),
        TxBytes = stats.Counter($"tcp.{prefix}.downstream_cx_tx_bytes_total"), IdleTimeout = stats.Counter($"tcp.{prefix}.idle_timeout"),
        MaxDuration = stats.Counter($"tcp.{prefix}.max_downstream_connection_duration");
    public readonly Gauge CxActive = stats.Gauge($"tcp.{prefix}.downstream_cx_active");
}
