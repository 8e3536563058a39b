using Managed.Proxy.Configuration;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.BandwidthLimit;

/// <summary>One direction: its bucket and Envoy's statistics under stat_prefix.http_bandwidth_limit.</summary>
internal sealed class BandwidthDirection(string prefix, StatScope stats, ByteBucket bucket, long fillMicros)
{
    private readonly Gauge _incoming = stats.Gauge(prefix + "incoming_size"), _allowed = stats.Gauge(prefix + "allowed_size");
    private readonly Counter _incomingTotal = stats.Counter(prefix + "incoming_total_size"),
        _allowedTotal = stats.Counter(prefix + "allowed_total_size");
    private readonly int[] _lastIncoming = new int[WorkerContext.MaxWorkers], _lastAllowed = new int[WorkerContext.MaxWorkers];

    public ByteBucket Bucket => bucket;
    public long FillMicros => fillMicros;
    public Counter Enabled { get; } = stats.Counter(prefix + "enabled");
    public Counter Enforced { get; } = stats.Counter(prefix + "enforced");
    public Gauge Pending { get; } = stats.Gauge(prefix + "pending");
    /// <summary>Milliseconds.</summary>
    public Histogram Duration { get; } = stats.Histogram(prefix + "transfer_duration");

    /// <summary>The size of the last piece that came.</summary>
    public void SetIncoming(WorkerContext worker, int bytes)
    {
        worker.Stats.Add(_incomingTotal, bytes);
        Set(worker, _incoming, ref _lastIncoming[worker.Id], bytes);
    }

    /// <summary>The size of the last piece that went on.</summary>
    public void SetAllowed(WorkerContext worker, int bytes)
    {
        worker.Stats.Add(_allowedTotal, bytes);
        Set(worker, _allowed, ref _lastAllowed[worker.Id], bytes);
    }

    private static void Set(WorkerContext worker, Gauge gauge, ref int last, int now)
    {
        worker.Stats.Add(gauge, now - last);
        last = now;
    }
}

/// <summary>What a chain's filter or a route's was built with; a direction that is not limited is null.</summary>
internal sealed class BandwidthSettings
{
    public BandwidthDirection? Request { get; private init; }
    public BandwidthDirection? Response { get; private init; }

    /// <summary>Null when errors were added.</summary>
    public static BandwidthSettings? Build(BandwidthLimitConfig config, FilterBuildContext context)
    {
        if (config.HasErrors) return null;
        var mode = config.RuntimeEnabled is { IsOn: false } ? BandwidthMode.Disabled : config.EnableMode;
        if (mode == BandwidthMode.Disabled) return new BandwidthSettings();
        if (config.LimitKbps is not { } limit)
        {
            context.Errors.ErrorAt(config.Node, "limit_kbps", ConfigCode.MissingField, "'limit_kbps' is missing");
            return null;
        }
        long fill = config.FillInterval.Ticks / TimeSpan.TicksPerMicrosecond;
        return new BandwidthSettings
        {
            Request = mode is BandwidthMode.Request or BandwidthMode.RequestAndResponse ? Of("request") : null,
            Response = mode is BandwidthMode.Response or BandwidthMode.RequestAndResponse ? Of("response") : null,
        };

        BandwidthDirection Of(string direction) => new($"{config.StatPrefix}.http_bandwidth_limit.{direction}_", context.Stats,
            context.Shared.GetOrAdd($"bandwidth/{context.Identity}/{direction}/{limit}/{fill}", () => new ByteBucket(limit * 1024, fill)),
            fill);
    }
}
