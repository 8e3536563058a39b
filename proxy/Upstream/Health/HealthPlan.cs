using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Upstream.Health;

/// <summary>What a cluster of one version wants to know of its endpoints' health.</summary>
internal sealed class HealthPlan
{
    /// <summary>Null: endpoints are not asked.</summary>
    public HealthCheckPlan? Checks { get; private init; }
    public HealthStats? CheckStats { get; private init; }
    /// <summary>Null: their answers are not looked at.</summary>
    public OutlierDetectionConfig? Outliers { get; private init; }
    public OutlierStats? OutlierStats { get; private init; }

    /// <summary>Null when there is nothing to know, or errors were added.</summary>
    public static HealthPlan? Build(ClusterConfig config, UpstreamHttp http, ConfigErrors errors, StatScope names,
        AccessLogFiles? logs = null)
    {
        var checks = HealthCheckBuilder.Build(config, http, errors, logs);
        if (checks is null && config.OutlierDetection is null) return null;
        return new HealthPlan
        {
            Checks = checks, CheckStats = checks is null ? null : new HealthStats(names, config.Name),
            Outliers = config.OutlierDetection,
            OutlierStats = config.OutlierDetection is null ? null : new OutlierStats(names, config.Name),
        };
    }
}
