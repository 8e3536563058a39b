namespace Managed.Dashboard.AdminApi;

/// <summary>
/// An item of <c>GET /clusters/{name}/endpoints</c>. Health: healthy, unhealthy, degraded…; flags are Envoy's, the reason says them for
/// people.
/// </summary>
/// <param name="WeightOverride">A weight that was set at run time; null: that of the configuration holds.</param>
public sealed record EndpointStatus(string Address, string? HostName, string Health, int Weight, long ConnectionsActive,
    long RequestsActive, long RequestsTotal, long RequestsError, IReadOnlyList<string>? Flags, string? Reason, int? WeightOverride,
    bool DrainOverride);
