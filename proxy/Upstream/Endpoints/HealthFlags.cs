namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>What speaks against an endpoint (Envoy's host health flags); none: it is healthy as far as is known.</summary>
[Flags]
internal enum HealthFlags
{
    None = 0,
    FailedActiveHealthCheck = 1 << 0,
    FailedOutlierCheck = 1 << 1,
    DegradedActiveHealthCheck = 1 << 2,
    /// <summary>Its first check has not been done.</summary>
    PendingActiveHealthCheck = 1 << 3,
    /// <summary>With <see cref="FailedActiveHealthCheck"/>: no answer came in time.</summary>
    ActiveHealthCheckTimeout = 1 << 4,
    /// <summary>
    /// With <see cref="FailedActiveHealthCheck"/>: it said so itself (<c>x-envoy-immediate-health-check-fail</c>). It went on purpose, and
    /// does not count where it is asked how many of all are well: panic, and what a priority or a locality can carry.
    /// </summary>
    ExcludedByItself = 1 << 5,
}
