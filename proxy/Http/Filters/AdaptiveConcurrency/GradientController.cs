using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.AdaptiveConcurrency;

/// <summary>A gauge of something that all workers share: the last value that was set, by whichever worker.</summary>
internal sealed class SharedGauge(Gauge gauge)
{
    private long _last;

    public void Set(WorkerContext worker, long value) => worker.Stats.Add(gauge, value - Interlocked.Exchange(ref _last, value));
}

internal sealed record GradientStats(Counter Blocked, SharedGauge Limit, SharedGauge Gradient, SharedGauge Headroom, SharedGauge Minimum,
    SharedGauge Sample, SharedGauge Measuring);

internal sealed record GradientSettings(double Percentile, int Most, int Least, bool Pins, long UpdateMicros, long IntervalMicros,
    long FixedMicros, int Requests, double Jitter, int MeasuringLimit, double Buffer);

/// <summary>
/// How many requests may be under way, for all workers, without a lock. Whichever worker is the first to see that an interval is over finds
/// the limit anew (Envoy's gradient controller):
/// <code>
/// gradient = (minimum + buffer) / sample, 0.5 to 2          limit = limit * gradient + sqrt(limit * gradient)
/// minimum: the sample of some requests while the limit is low; every so often, and when the limit was the lowest five times in a row
/// </code>
/// </summary>
internal sealed class GradientController
{
    private const int LowestInARow = 5;

    private readonly GradientSettings _settings;
    private readonly TimeSamples _samples = new();
    private int _underWay, _limit, _busy, _lowest;
    private long _updateAt, _measureAt, _since, _minimum;
    private int _resumeAt; // the limit to go on with
    private volatile bool _measuring;

    public GradientController(GradientSettings settings)
    {
        _settings = settings;
        _limit = settings.Pins ? settings.MeasuringLimit : settings.Least;
        _minimum = settings.FixedMicros;
        _measureAt = settings.FixedMicros > 0 ? long.MaxValue : 0;
    }

    public int Limit => Volatile.Read(ref _limit);
    public int UnderWay => Volatile.Read(ref _underWay);
    public bool IsMeasuring => _measuring;
    /// <summary>Microseconds; 0 before it is known.</summary>
    public long Minimum => Volatile.Read(ref _minimum);

    /// <summary>False: there may be no more. Otherwise <see cref="Leave"/> once.</summary>
    public bool TryEnter(WorkerContext worker, GradientStats stats)
    {
        Look(worker, stats, worker.NowMicros);
        while (true)
        {
            int now = Volatile.Read(ref _underWay);
            if (now >= Limit)
            {
                worker.Stats.Increment(stats.Blocked);
                return false;
            }
            if (Interlocked.CompareExchange(ref _underWay, now + 1, now) == now) return true;
        }
    }

    /// <param name="worker">Where.</param>
    /// <param name="stats">The version's.</param>
    /// <param name="beganMicros">When it entered; how long it took is a sample. Negative: it is none.</param>
    public void Leave(WorkerContext worker, GradientStats stats, long beganMicros)
    {
        Interlocked.Decrement(ref _underWay);
        long now = worker.NowMicros;
        // What began before a measurement was under another limit.
        if (beganMicros >= 0 && beganMicros >= Volatile.Read(ref _since)) _samples.Add(now - beganMicros);
        Look(worker, stats, now);
    }

    private void Look(WorkerContext worker, GradientStats stats, long now)
    {
        bool due = _measuring ? _samples.Count >= _settings.Requests
            : now >= Volatile.Read(ref _updateAt) || now >= Volatile.Read(ref _measureAt);
        if (!due || Interlocked.CompareExchange(ref _busy, 1, 0) != 0) return;
        if (_measuring)
        {
            if (_samples.Count >= _settings.Requests) EndMeasuring(worker, stats, now);
        }
        else if (now >= _measureAt) BeginMeasuring(worker, stats, now);
        else if (now >= _updateAt) Update(worker, stats, now);
        Volatile.Write(ref _busy, 0);
    }

    private void BeginMeasuring(WorkerContext worker, GradientStats stats, long now)
    {
        _samples.TakePercentile(50);
        _resumeAt = Limit;
        if (_settings.Pins)
        {
            Set(worker, stats, _settings.MeasuringLimit);
            Volatile.Write(ref _since, now);
        }
        _lowest = 0;
        _measuring = true;
        stats.Measuring.Set(worker, 1);
    }

    private void EndMeasuring(WorkerContext worker, GradientStats stats, long now)
    {
        Volatile.Write(ref _minimum, Math.Max(1, _samples.TakePercentile(_settings.Percentile)));
        stats.Minimum.Set(worker, _minimum / 1000);
        Set(worker, stats, _resumeAt);
        double jitter = _settings.Jitter * (worker.NextRandom() % 1_000_000 / 1e6);
        Volatile.Write(ref _measureAt, now + (long)(_settings.IntervalMicros * (1 + jitter)));
        Volatile.Write(ref _updateAt, now + _settings.UpdateMicros);
        _measuring = false;
        stats.Measuring.Set(worker, 0);
    }

    private void Update(WorkerContext worker, GradientStats stats, long now)
    {
        Volatile.Write(ref _updateAt, now + _settings.UpdateMicros);
        if (_samples.Count == 0) return;
        long sample = Math.Max(1, _samples.TakePercentile(_settings.Percentile));
        stats.Sample.Set(worker, sample / 1000);
        double gradient = Math.Clamp(_minimum * (1 + _settings.Buffer) / sample, 0.5, 2);
        double limit = Math.Floor(Limit * gradient), headroom = Math.Sqrt(limit);
        stats.Gradient.Set(worker, (long)(gradient * 1000));
        stats.Headroom.Set(worker, (long)headroom);
        int next = (int)Math.Clamp(limit + headroom, _settings.Least, _settings.Most);
        Set(worker, stats, next);
        _lowest = next == _settings.Least ? _lowest + 1 : 0;
        if (_lowest >= LowestInARow && _settings.FixedMicros == 0) Volatile.Write(ref _measureAt, now);
    }

    private void Set(WorkerContext worker, GradientStats stats, int limit)
    {
        Volatile.Write(ref _limit, limit);
        stats.Limit.Set(worker, limit);
    }
}
