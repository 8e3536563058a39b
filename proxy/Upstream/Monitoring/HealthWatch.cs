using Managed.Proxy.Core;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Upstream.LoadBalancing;

namespace Managed.Proxy.Upstream.Monitoring;

/// <summary>
/// Asks the endpoints of all live clusters whether they are well, and ejects those that answer badly: on a loop and a thread of its own
/// beside the workers, once for the process. Both begin with the first cluster that wants it.
/// </summary>
internal sealed class HealthWatch(int workers, StatsRegistry stats, Overload overload, Reports reports) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ClusterMembers, ClusterHealth> _clusters = []; // the loop's
    private readonly HashSet<ClusterMembers> _known = []; // under the lock
    private WorkerContext? _loop;
    private Thread? _thread;
    private bool _stopped;

    /// <summary>The version in service of a cluster, or its endpoints, have changed. Null: it is not live any more. Any thread.</summary>
    public void Follow(ClusterMembers members, Cluster? cluster, IReadOnlyList<EndpointMember> endpoints)
    {
        lock (_lock)
        {
            if (_stopped || (cluster?.Health is null && !_known.Contains(members))) return;
            if (cluster?.Health is null) _known.Remove(members); else _known.Add(members);
            Loop().Post(static s =>
            {
                var (watch, m, c, e) = ((HealthWatch, ClusterMembers, Cluster?, IReadOnlyList<EndpointMember>))s!;
                watch.Apply(m, c, e);
            }, (this, members, cluster, endpoints));
        }
    }

    private void Apply(ClusterMembers members, Cluster? cluster, IReadOnlyList<EndpointMember> endpoints)
    {
        if (!_clusters.TryGetValue(members, out var health)) _clusters[members] = health = new ClusterHealth(_loop!, members);
        health.Follow(cluster, endpoints);
        if (cluster?.Health is null) _clusters.Remove(members);
    }

    private WorkerContext Loop()
    {
        if (_loop is not null) return _loop;
        _loop = new WorkerContext(workers, stats, overload, reports);
        _thread = new Thread(() => Run(_loop)) { Name = "health", IsBackground = true };
        _thread.Start();
        return _loop;
    }

    private void Run(WorkerContext loop)
    {
        try
        {
            loop.Loop.Run();
        }
        catch (Exception e)
        {
            reports.OnCrash(e); // what the loop runs is contained within it: this is the loop itself
        }
    }

    public void Dispose()
    {
        lock (_lock) _stopped = true;
        if (_loop is not { } loop) return;
        loop.Loop.Stop();
        if (_thread!.Join(TimeSpan.FromSeconds(2))) loop.Loop.Close();
    }
}
