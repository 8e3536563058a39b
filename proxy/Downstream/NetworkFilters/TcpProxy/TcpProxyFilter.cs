using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.LoadBalancing;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

/// <summary>Connects to an endpoint and passes bytes both ways; half-closes and resets go through as they came.</summary>
/// <param name="targets">Those that the configuration names.</param>
/// <param name="criteria">Of the endpoints of others.</param>
/// <param name="all">Those of the version, for connections that say themselves where they go.</param>
internal sealed class TcpProxyFilter(TcpProxyConfig config, TcpTarget[] targets, SubsetCriteria? criteria,
    IReadOnlyDictionary<string, Cluster> all, TcpStats stats, AccessLog? accessLog, TcpTunneling? tunneling) : TerminalFilter
{
    /// <summary>Through a proxy that speaks HTTP; null: straight to the endpoint.</summary>
    public TcpTunneling? Tunneling => tunneling;
    public TcpStats Stats => stats;
    public AccessLog? AccessLog => accessLog;
    public int MaxConnectAttempts => config.MaxConnectAttempts;
    public long IdleMicros { get; } = (long)config.IdleTimeout.TotalMicroseconds;
    /// <summary>Between two lines of the log; 0: only the last is written.</summary>
    public long FlushMicros { get; } =
        (long)(config.AccessLogOptions?.AccessLogFlushInterval ?? config.AccessLogFlushInterval ?? TimeSpan.Zero).TotalMicroseconds;
    public bool LogsWhenConnected => config.AccessLogOptions?.FlushAccessLogOnConnected ?? config.FlushAccessLogOnConnected;

    public override async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        var worker = connection.Worker;
        worker.Stats.Increment(stats.CxTotal);
        worker.Stats.Increment(stats.CxActive);
        try
        {
            await new TcpSession(this, connection).RunAsync();
        }
        finally
        {
            worker.Stats.Decrement(stats.CxActive);
        }
        return true;
    }

    /// <summary>Where a connection goes; null when it names a cluster that there is not.</summary>
    public Cluster? Pick(DownstreamConnection connection, out SubsetCriteria? asked)
    {
        asked = criteria;
        string? named = connection.ClusterOverride ?? (connection.ClusterIsServerName && connection.ServerName.Length > 0
            ? connection.ServerName : null);
        if (named is not null) return all.GetValueOrDefault(named);
        var target = targets[^1];
        if (targets.Length > 1)
        {
            long point = (long)(connection.Worker.NextRandom() % (ulong)target.UpTo);
            foreach (var one in targets)
                if (point < one.UpTo)
                {
                    target = one;
                    break;
                }
        }
        asked = target.Criteria;
        return target.Cluster;
    }

    /// <summary>For clusters that go by it; null: there is none to go by.</summary>
    public ulong? HashOf(DownstreamConnection connection)
    {
        if (config.HashPolicy.Count == 0 || connection.RemoteAddress is not { } client) return null;
        Span<byte> text = stackalloc byte[64];
        return client.Address.TryFormat(text, out int length) ? XxHash.Of(text[..length]) : null;
    }

    /// <summary>How long a connection may live, longer by a random part so that not all end together; 0: for ever.</summary>
    public long LifeMicros(WorkerContext worker)
    {
        double most = (config.MaxDownstreamConnectionDuration ?? TimeSpan.Zero).TotalMicroseconds,
            jitter = config.MaxDownstreamConnectionDurationJitterPercentage?.Value ?? 0;
        return (long)(most * (1 + jitter / 100 * (worker.NextRandom() % 1000 / 1000.0)));
    }

    /// <summary>A random part of a time that doubles with each attempt (Envoy's full jitter).</summary>
    /// <param name="attempt">From 1.</param>
    public long BackOffMicros(WorkerContext worker, int attempt)
    {
        if (config.BackoffOptions is not { } backOff) return 0;
        double first = backOff.BaseInterval.TotalMicroseconds, most = (backOff.MaxInterval ?? backOff.BaseInterval * 10).TotalMicroseconds;
        long cap = (long)Math.Min(most, first * Math.Pow(2, Math.Min(attempt - 1, 40)));
        return cap <= 0 ? 0 : (long)(worker.NextRandom() % (ulong)cap);
    }
}
