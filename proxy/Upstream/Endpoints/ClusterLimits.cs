using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>
/// What one version says of a cluster's connections and of how many there may be. Immutable: a request takes the limits of the version that
/// it began on, so that all of a version counts from one instant on.
/// </summary>
internal sealed class ClusterLimits
{
    /// <summary>Envoy's defaults.</summary>
    public static readonly ClusterLimits Default = new(new ClusterConfig());

    public ClusterLimits(ClusterConfig config)
    {
        var limits = config.CircuitBreakers.Thresholds.Count > 0 ? config.CircuitBreakers.Thresholds[0]
            : new CircuitBreakerThresholdsConfig();
        MaxConnections = limits.MaxConnections;
        TracksRemaining = limits.TrackRemaining;
        if (config.CircuitBreakers.PerHostThresholds is [{ MaxConnections: { } most }, ..]) MaxHostConnections = most;
        MaxPending = limits.MaxPendingRequests;
        MaxRequests = limits.MaxRequests;
        MaxRetries = limits.MaxRetries;
        if (limits.RetryBudget is { } budget)
            (RetryShare, MaxRetries) = (budget.BudgetPercent.Value / 100, budget.MinRetryConcurrency);
        ConnectTimeoutMicros = (long)config.ConnectTimeout.TotalMicroseconds;
        var common = config.HttpOptions?.CommonHttpProtocolOptions ?? config.CommonHttpProtocolOptions;
        IdleTimeoutMicros = (long)common.IdleTimeout.TotalMicroseconds;
        MaxRequestsPerConnection = common.MaxRequestsPerConnection;
        PreconnectRatio = config.PreconnectPolicy.PerUpstreamPreconnectRatio;
    }

    public long MaxConnections { get; init; }
    /// <summary>To one endpoint.</summary>
    public long MaxHostConnections { get; init; } = long.MaxValue;
    public bool TracksRemaining { get; init; }
    public long MaxPending { get; init; }
    public long MaxRequests { get; init; }
    /// <summary>With a <see cref="RetryShare"/> what there may be at least.</summary>
    public long MaxRetries { get; init; }
    /// <summary>Retries under way as a share of the requests under way; negative: there is no budget.</summary>
    public double RetryShare { get; init; } = -1;
    public long ConnectTimeoutMicros { get; init; }
    /// <summary>0: none.</summary>
    public long IdleTimeoutMicros { get; init; }
    /// <summary>Connections that there are to be for each request under way; 1: no more than one.</summary>
    public double PreconnectRatio { get; init; }
    /// <summary>0: as many as come.</summary>
    public int MaxRequestsPerConnection { get; init; }
}
