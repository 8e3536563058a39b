using System.Diagnostics;
using Managed.Proxy;

namespace Managed.AdminApi.Telemetry;

/// <summary>Whether this node wants traffic, in Envoy's words.</summary>
internal sealed class NodeState(ProxyServer proxy)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    public static string ProductVersion { get; } = typeof(NodeState).Assembly.GetName().Version!.ToString(3);

    public DateTimeOffset StartedAt { get; } = DateTimeOffset.UtcNow;

    public TimeSpan Uptime => Stopwatch.GetElapsedTime(_start);

    /// <summary>Set by <c>POST /healthcheck/fail</c>: the node still serves, but asks to get no new traffic.</summary>
    public bool HealthCheckFailed { get; set; }

    public string State => proxy.Current is null ? "INITIALIZING" : HealthCheckFailed || proxy.Draining ? "DRAINING" : "LIVE";
}
