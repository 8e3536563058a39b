using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.Health;

/// <summary>What one check found.</summary>
internal enum CheckResult : byte
{
    Healthy,
    Degraded,
    /// <summary>The endpoint says itself that it is not well: it is believed at once.</summary>
    Unhealthy,
    /// <summary>It says so, and may be well again the next time.</summary>
    Retriable,
    /// <summary>No connection, or one that ended.</summary>
    Network,
    Timeout,
}

/// <summary>
/// Makes of what the checks of an endpoint find what it is: healthy, degraded, unhealthy (Envoy's rules). It has no clock, and one owner.
/// </summary>
internal sealed class HealthVerdict(Endpoint endpoint)
{
    private int _successes, _failures;
    private bool _first = true;

    /// <summary>Whether what the endpoint is has changed by it; <paramref name="healthy"/>: what it is now.</summary>
    public bool Take(CheckResult result, int healthyThreshold, int unhealthyThreshold, out bool healthy)
    {
        var before = endpoint.Flags;
        if (result <= CheckResult.Degraded) Succeed(result == CheckResult.Degraded, healthyThreshold);
        else Fail(result, unhealthyThreshold);
        endpoint.Clear(HealthFlags.PendingActiveHealthCheck);
        _first = false;
        var after = endpoint.Flags;
        healthy = (after & HealthFlags.FailedActiveHealthCheck) == 0;
        return Seen(before) != Seen(after);
    }

    private static HealthFlags Seen(HealthFlags flags)
    {
        foreach (var flag in (ReadOnlySpan<HealthFlags>)[HealthFlags.FailedActiveHealthCheck, HealthFlags.PendingActiveHealthCheck,
            HealthFlags.DegradedActiveHealthCheck])
            if ((flags & flag) != 0) return flag;
        return HealthFlags.None;
    }

    private void Succeed(bool degraded, int threshold)
    {
        _failures = 0;
        if ((endpoint.Flags & HealthFlags.FailedActiveHealthCheck) != 0 && (_first || ++_successes >= threshold))
            endpoint.Clear(HealthFlags.FailedActiveHealthCheck | HealthFlags.ActiveHealthCheckTimeout | HealthFlags.ExcludedByItself);
        if (degraded) endpoint.Set(HealthFlags.DegradedActiveHealthCheck); else endpoint.Clear(HealthFlags.DegradedActiveHealthCheck);
    }

    // The first check of one that nobody knows decides alone, whatever it finds.
    private void Fail(CheckResult result, int threshold)
    {
        _successes = 0;
        if ((endpoint.Flags & HealthFlags.FailedActiveHealthCheck) != 0) return;
        bool unknown = _first && (endpoint.Flags & HealthFlags.PendingActiveHealthCheck) != 0;
        if (result != CheckResult.Unhealthy && !unknown && ++_failures < threshold) return;
        _failures = 0;
        endpoint.Set(HealthFlags.FailedActiveHealthCheck | (result == CheckResult.Timeout ? HealthFlags.ActiveHealthCheckTimeout
            : HealthFlags.None));
    }
}
