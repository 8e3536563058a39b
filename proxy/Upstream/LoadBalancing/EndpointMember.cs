using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>An endpoint as a version has it: the same one may have another weight in the next.</summary>
internal readonly record struct EndpointMember(Endpoint Endpoint, int Weight, EndpointHealthStatus Health)
{
    public ConfigObject? LbMetadata { get; init; }
    /// <summary>How it is checked, where that is not as the cluster says.</summary>
    public EndpointHealthCheckConfig? Check { get; init; }
    /// <summary>0: the first.</summary>
    public int Priority { get; init; }
    /// <summary>Where it is, and the weight of that; null: nothing is said.</summary>
    public EndpointLocality? Locality { get; init; }
    public bool IsUnchecked => Check is { DisableActiveHealthCheck: true };
    public int EffectiveWeight => Endpoint.WeightOverride > 0 ? Endpoint.WeightOverride : Weight;
    public bool IsPending => (Endpoint.Flags & HealthFlags.PendingActiveHealthCheck) != 0;
    /// <summary>It took itself out of service: counted neither among those that are well nor among all.</summary>
    public bool IsExcluded => (Endpoint.Flags & HealthFlags.ExcludedByItself) != 0;
    /// <summary>An operator, or the configuration, has it get nothing whatever happens.</summary>
    public bool IsDrained => Endpoint.DrainOverride || Health == EndpointHealthStatus.Draining;

    /// <param name="unknown">Nothing was checked yet.</param>
    public bool IsHealthy(bool unknown) => IsAvailable(unknown) && !CallsItselfDegraded;
    public bool IsDegraded(bool unknown) => IsAvailable(unknown) && CallsItselfDegraded;

    /// <summary>What it counts as where a filter chooses it itself.</summary>
    /// <param name="unknown">Nothing was checked yet.</param>
    public EndpointHealthStatus StatusOf(bool unknown) => IsDrained ? EndpointHealthStatus.Draining
        : IsHealthy(unknown) ? EndpointHealthStatus.Healthy : IsDegraded(unknown) ? EndpointHealthStatus.Degraded
        : Health == EndpointHealthStatus.Timeout ? EndpointHealthStatus.Timeout : EndpointHealthStatus.Unhealthy;

    private bool CallsItselfDegraded
        => Health == EndpointHealthStatus.Degraded || (Endpoint.Flags & HealthFlags.DegradedActiveHealthCheck) != 0;

    private bool IsAvailable(bool unknown) => !IsDrained
        && Health is EndpointHealthStatus.Unknown or EndpointHealthStatus.Healthy or EndpointHealthStatus.Degraded
        && (Endpoint.Flags & (HealthFlags.FailedActiveHealthCheck | HealthFlags.FailedOutlierCheck)) == 0
        && (unknown || !IsPending);
}

/// <summary>Where some endpoints are. Equal by its name alone: <c>region/zone/sub_zone</c>.</summary>
/// <param name="Weight">Its share of the requests against other localities of its priority; 0: none.</param>
internal sealed record EndpointLocality(string Name, uint Weight)
{
    public bool Equals(EndpointLocality? other) => other?.Name == Name;
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);
}
