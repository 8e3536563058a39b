using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.Health;

/// <summary>A cluster's counters of ejections under Envoy's names.</summary>
internal sealed class OutlierStats
{
    private static readonly string[] Types = ["consecutive_5xx", "consecutive_gateway_failure", "consecutive_local_origin_failure",
        "success_rate", "local_origin_success_rate", "failure_percentage", "local_origin_failure_percentage"];

    private static readonly StatGroup Names = new(
        ["ejections_enforced_total", "ejections_overflow", "ejections_total", "ejections_consecutive_5xx", "ejections_success_rate",
            .. Types.Select(t => "ejections_detected_" + t), .. Types.Select(t => "ejections_enforced_" + t)],
        ["ejections_active"], []);

    public readonly Counter EnforcedTotal, Overflow, Total, Consecutive5xx, SuccessRate;
    public readonly Gauge Active;
    private readonly Counter[] _detected, _enforced;

    public OutlierStats(StatScope scope, string cluster)
    {
        var group = scope.Group($"cluster.{cluster}.outlier_detection.", Names);
        EnforcedTotal = group.Counter("ejections_enforced_total");
        Overflow = group.Counter("ejections_overflow");
        Total = group.Counter("ejections_total");
        Consecutive5xx = group.Counter("ejections_consecutive_5xx");
        SuccessRate = group.Counter("ejections_success_rate");
        Active = group.Gauge("ejections_active");
        _detected = [.. Types.Select(t => group.Counter("ejections_detected_" + t))];
        _enforced = [.. Types.Select(t => group.Counter("ejections_enforced_" + t))];
    }

    public Counter Detected(EjectionType type) => _detected[(int)type];
    public Counter Enforced(EjectionType type) => _enforced[(int)type];
    public static string NameOf(EjectionType type) => Types[(int)type];
}
