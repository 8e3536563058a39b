using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>
/// One address of a cluster, alive as long as the cluster's state. Counters are shared by the workers (atomic adds): limits, least-request
/// and the operator's view need the whole.
/// </summary>
internal sealed class Endpoint(SocketAddressBytes address, string text, string hostName, string rewriteHost,
    int workers = WorkerContext.MaxWorkers)
{
    public SocketAddressBytes Address { get; } = address;
    /// <summary><c>address:port</c>.</summary>
    public string Text { get; } = text;
    /// <summary>The name it was resolved from; empty for a literal.</summary>
    public string HostName { get; } = hostName;
    /// <summary>Host for auto_host_rewrite; empty when there is none.</summary>
    public byte[] RewriteHost { get; } = System.Text.Encoding.ASCII.GetBytes(rewriteHost);
    public volatile int Weight = 1;
    public EndpointHealthStatus ConfiguredHealth;
    public volatile int WeightOverride = -1;
    public volatile bool DrainOverride;
    /// <summary>What the configuration says of it in the namespace envoy.lb; null when nothing.</summary>
    public volatile ConfigObject? LbMetadata;
    /// <summary>When it came, or was found healthy again; worker-clock microseconds. What is long ago counts for nothing.</summary>
    public long SinceMicros;
    private int _flags;
    /// <summary>What health checks and outlier detection say of it.</summary>
    public HealthFlags Flags => (HealthFlags)Volatile.Read(ref _flags);
    public void Set(HealthFlags flags) => Interlocked.Or(ref _flags, (int)flags);
    public void Clear(HealthFlags flags) => Interlocked.And(ref _flags, ~(int)flags);
    /// <summary>Why it is not healthy, for people; null when it is.</summary>
    public volatile string? Reason;
    /// <summary>Told, on a worker, of an answer in which it says that it is not well; null: it is not checked.</summary>
    public volatile Action<Endpoint>? SaysUnwell;
    /// <summary>What its answers are counted by; null: nobody does.</summary>
    public volatile OutlierCounts? Outliers;

    /// <summary>Each worker's connections to it, see <c>EndpointPool</c>.</summary>
    public readonly object?[] Pools = new object?[workers];

    /// <summary>Connections that are there or being made.</summary>
    public long Places;
    public long ActiveRequests, ActiveConnections, TotalConnections, ConnectFailures, TotalRequests, SuccessRequests, ErrorRequests,
        TimeoutRequests;

    /// <summary>Metadata of envoy.lb call it one.</summary>
    public bool IsCanary => LbMetadata?["canary"] is ConfigScalar { Text: "true" };

    /// <summary>All of these are among its metadata of envoy.lb.</summary>
    public bool HasMetadata(ConfigObject wanted)
    {
        if (LbMetadata is not { } given) return false;
        foreach (var (name, value) in wanted.Members)
            if (!value.SameAs(given[name])) return false;
        return true;
    }

    public int EffectiveWeight => WeightOverride > 0 ? WeightOverride : Weight;
    public bool IsHealthy
        => !DrainOverride && ConfiguredHealth is (EndpointHealthStatus.Unknown or EndpointHealthStatus.Healthy
            or EndpointHealthStatus.Degraded);
}
