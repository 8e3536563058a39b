using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.Health;

/// <summary>
/// Ejects the endpoints of one cluster and takes them back (Envoy: outlier detection). One owner, who gives it the time; what it changes
/// is at the endpoints (<see cref="HealthFlags.FailedOutlierCheck"/>).
/// </summary>
/// <param name="stats">Its cells.</param>
/// <param name="random">For percentages and jitter.</param>
/// <param name="changed">Told of each endpoint that was ejected (with its reason) or taken back (null).</param>
internal sealed class OutlierDetector(StatsCells stats, Func<ulong> random, Action<Endpoint, EjectionType?> changed)
{
    private sealed class Host
    {
        public long EjectedAt, Jitter;
        public int Backoff; // how many times the base time the next ejection lasts
        public double AnswerRate = -1, AttemptRate = -1;
        public long Answers, Attempts;
    }

    private readonly Dictionary<Endpoint, Host> _hosts = [];
    private OutlierDetectionConfig _config = new();
    private OutlierStats _counts = null!;
    private int _ejected;

    /// <summary>Of the last interval.</summary>
    public SuccessRates Rates { get; private set; } = SuccessRates.Unknown;

    /// <summary>The settings and endpoints of a version; those that stay keep what they were. Returns those that do not.</summary>
    public void Follow(OutlierDetectionConfig config, OutlierStats counts, IReadOnlyList<Endpoint> endpoints, OutlierLimits limits)
    {
        if (_counts is not null && !ReferenceEquals(_counts, counts)) stats.Add(_counts.Active, -_ejected);
        if (!ReferenceEquals(_counts, counts)) stats.Add(counts.Active, _ejected);
        (_config, _counts) = (config, counts);
        var stays = endpoints.ToHashSet();
        foreach (var gone in _hosts.Keys.Where(e => !stays.Contains(e)).ToList()) Forget(gone);
        foreach (var endpoint in endpoints)
        {
            if (_hosts.TryAdd(endpoint, new Host())) endpoint.Outliers = new OutlierCounts(endpoint, limits);
            else endpoint.Outliers!.Limits = limits;
        }
    }

    /// <summary>There is no outlier detection any more: all that were ejected come back.</summary>
    public void End()
    {
        foreach (var endpoint in _hosts.Keys.ToList()) Forget(endpoint);
    }

    private void Forget(Endpoint endpoint)
    {
        if (IsEjected(endpoint)) TakeBack(endpoint, _hosts[endpoint]);
        endpoint.Outliers = null;
        _hosts.Remove(endpoint);
    }

    /// <summary>So many failures came one after another.</summary>
    public void OnFound(Endpoint endpoint, EjectionType type, long nowMicros)
    {
        if (!_hosts.TryGetValue(endpoint, out var host)) return; // it went meanwhile
        if (IsEjected(endpoint)) return;
        stats.Increment(_counts.Detected(type));
        if (type == EjectionType.Consecutive5xx) stats.Increment(_counts.Consecutive5xx);
        Eject(endpoint, host, type, nowMicros);
        endpoint.Outliers!.Reset(type);
    }

    /// <summary>An active health check has succeeded.</summary>
    public void OnHealthy(Endpoint endpoint)
    {
        if (_config.SuccessfulActiveHealthCheckUnejectHost && IsEjected(endpoint) && _hosts.TryGetValue(endpoint, out var host))
            TakeBack(endpoint, host);
    }

    /// <summary>An interval is over: whose time is over comes back, whose rate was too bad goes.</summary>
    public void OnInterval(long nowMicros)
    {
        long first = Micros(_config.BaseEjectionTime), most = MostMicros;
        foreach (var (endpoint, host) in _hosts)
        {
            if (!IsEjected(endpoint))
            {
                if (host.Backoff > 0) host.Backoff--;
            }
            else if (nowMicros - host.EjectedAt >= Math.Min(first * host.Backoff, most) + host.Jitter) TakeBack(endpoint, host);
            var (answers, good) = endpoint.Outliers!.TakeAnswers();
            var (attempts, connected) = endpoint.Outliers.TakeAttempts();
            (host.Answers, host.AnswerRate) = (answers, answers > 0 ? good * 100.0 / answers : -1);
            (host.Attempts, host.AttemptRate) = (attempts, attempts > 0 ? connected * 100.0 / attempts : -1);
        }
        bool local = _config.SplitExternalLocalOriginErrors;
        foreach (var (endpoint, host) in _hosts)
        {
            endpoint.Outliers!.SuccessRate = Shown(endpoint, host.Answers, host.AnswerRate);
            endpoint.Outliers.LocalOriginSuccessRate = local ? Shown(endpoint, host.Attempts, host.AttemptRate) : -1;
        }
        var (average, threshold) = Compare(static h => (h.Answers, h.AnswerRate), EjectionType.SuccessRate,
            EjectionType.FailurePercentage, nowMicros);
        var (localAverage, localThreshold) = !local ? (-1, -1) : Compare(static h => (h.Attempts, h.AttemptRate),
            EjectionType.LocalOriginSuccessRate, EjectionType.LocalOriginFailurePercentage, nowMicros);
        Rates = new SuccessRates(average, threshold, localAverage, localThreshold);
    }

    // As Envoy shows it: where enough came for one of the two rules, of one that is not ejected, among enough endpoints.
    private double Shown(Endpoint endpoint, long volume, double rate)
        => IsEjected(endpoint) || _hosts.Count < Math.Min(_config.SuccessRateMinimumHosts, _config.FailurePercentageMinimumHosts)
            || volume < Math.Min(_config.SuccessRateRequestVolume, _config.FailurePercentageRequestVolume) ? -1 : rate;

    // The mean of the rates that are compared, and what is too far below it; -1 where they are too few.
    private (double Average, double Threshold) Compare(Func<Host, (long Volume, double Rate)> of, EjectionType bySuccess,
        EjectionType byFailure, long nowMicros)
    {
        var known = _hosts.Where(h => !IsEjected(h.Key)).Select(h => (h.Key, h.Value, of(h.Value).Volume, of(h.Value).Rate))
            .Where(h => h.Rate >= 0).ToList();
        var compared = known.Where(h => h.Volume >= _config.SuccessRateRequestVolume).ToList();
        (double, double) compares = (-1, -1);
        if (compared.Count > 0 && compared.Count >= _config.SuccessRateMinimumHosts)
        {
            double mean = compared.Average(h => h.Rate);
            double deviation = Math.Sqrt(compared.Average(h => (h.Rate - mean) * (h.Rate - mean)));
            double threshold = mean - deviation * (_config.SuccessRateStdevFactor / 1000.0);
            compares = (mean, threshold);
            foreach (var (endpoint, host, _, rate) in compared)
            {
                if (rate >= threshold) continue;
                stats.Increment(_counts.SuccessRate);
                Detect(endpoint, host, bySuccess);
            }
        }
        var failing = known.Where(h => h.Volume >= _config.FailurePercentageRequestVolume).ToList();
        if (failing.Count == 0 || failing.Count < _config.FailurePercentageMinimumHosts) return compares;
        foreach (var (endpoint, host, _, rate) in failing)
            if (100.0 - rate >= _config.FailurePercentageThreshold) Detect(endpoint, host, byFailure);
        return compares;

        void Detect(Endpoint endpoint, Host host, EjectionType type)
        {
            stats.Increment(_counts.Detected(type));
            if (!IsEjected(endpoint)) Eject(endpoint, host, type, nowMicros);
        }
    }

    private void Eject(Endpoint endpoint, Host host, EjectionType type, long nowMicros)
    {
        bool may = 100.0 * _ejected / _hosts.Count < _config.MaxEjectionPercent || (_config.AlwaysEjectOneHost && _ejected == 0);
        if (!may)
        {
            stats.Increment(_counts.Overflow);
            return;
        }
        if (type is EjectionType.Consecutive5xx or EjectionType.SuccessRate) stats.Increment(_counts.Total);
        int percent = Enforcing(type);
        if (percent < 100 && (int)(random() % 100) >= percent) return;
        _ejected++;
        stats.Increment(_counts.Active);
        stats.Increment(_counts.EnforcedTotal);
        stats.Increment(_counts.Enforced(type));
        host.EjectedAt = nowMicros;
        if (host.Backoff < MostMicros / Math.Max(1, Micros(_config.BaseEjectionTime))) host.Backoff++;
        long jitter = Micros(_config.MaxEjectionTimeJitter);
        host.Jitter = jitter > 0 ? (long)(random() % (ulong)(jitter + 1)) : 0;
        endpoint.Set(HealthFlags.FailedOutlierCheck);
        endpoint.Reason = "ejected: " + OutlierStats.NameOf(type);
        changed(endpoint, type);
    }

    private void TakeBack(Endpoint endpoint, Host host)
    {
        host.EjectedAt = 0;
        _ejected--;
        stats.Decrement(_counts.Active);
        foreach (var type in (EjectionType[])[EjectionType.Consecutive5xx, EjectionType.ConsecutiveGatewayFailure,
            EjectionType.ConsecutiveLocalOriginFailure]) endpoint.Outliers?.Reset(type);
        endpoint.Clear(HealthFlags.FailedOutlierCheck);
        endpoint.Reason = null;
        changed(endpoint, null);
    }

    private int Enforcing(EjectionType type) => type switch
    {
        EjectionType.Consecutive5xx => _config.EnforcingConsecutive5xx,
        EjectionType.ConsecutiveGatewayFailure => _config.EnforcingConsecutiveGatewayFailure,
        EjectionType.ConsecutiveLocalOriginFailure => _config.EnforcingConsecutiveLocalOriginFailure,
        EjectionType.SuccessRate => _config.EnforcingSuccessRate,
        EjectionType.LocalOriginSuccessRate => _config.EnforcingLocalOriginSuccessRate,
        EjectionType.FailurePercentage => _config.EnforcingFailurePercentage,
        _ => _config.EnforcingFailurePercentageLocalOrigin,
    };

    private long MostMicros
        => Micros(_config.MaxEjectionTime ?? TimeSpan.FromTicks(Math.Max(TimeSpan.FromSeconds(300).Ticks, _config.BaseEjectionTime.Ticks)));

    private static bool IsEjected(Endpoint endpoint) => (endpoint.Flags & HealthFlags.FailedOutlierCheck) != 0;
    private static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
}
