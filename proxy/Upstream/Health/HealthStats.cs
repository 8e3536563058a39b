using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Upstream.Health;

/// <summary>A cluster's counters of active health checks under Envoy's names.</summary>
internal sealed class HealthStats
{
    private static readonly StatGroup Names = new(
        ["attempt", "success", "failure", "network_failure", "passive_failure", "verify_cluster"], ["healthy", "degraded"], []);

    public readonly Counter Attempt, Success, Failure, NetworkFailure, PassiveFailure, VerifyCluster;
    public readonly Gauge Healthy, Degraded;

    public HealthStats(StatScope scope, string cluster)
    {
        var group = scope.Group($"cluster.{cluster}.health_check.", Names);
        Attempt = group.Counter("attempt");
        Success = group.Counter("success");
        Failure = group.Counter("failure");
        NetworkFailure = group.Counter("network_failure");
        PassiveFailure = group.Counter("passive_failure");
        VerifyCluster = group.Counter("verify_cluster");
        Healthy = group.Gauge("healthy");
        Degraded = group.Gauge("degraded");
    }
}
