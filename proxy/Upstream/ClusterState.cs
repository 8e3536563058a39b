using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Upstream;

/// <summary>
/// The live side of a cluster: endpoints, pools, limits, counters. Carried from version to version as long as the name and what
/// shapes connections stay the same; limits and policy are updated in place.
/// </summary>
internal sealed class ClusterState
{
    private readonly Queue<PendingRequest>?[] _pending = new Queue<PendingRequest>?[Worker.MaxWorkers];

    public ClusterState(string name, StatsRegistry stats)
    {
        Name = name;
        Stats = new ClusterStats(stats, name);
    }

    public string Name { get; }
    public ClusterStats Stats { get; }
    /// <summary>The endpoints as they are now; replaced as a whole by configuration and DNS.</summary>
    public volatile EndpointSet Endpoints = EndpointSet.Empty;

    // Shared by the workers: circuit-breaker limits are of the cluster, as Envoy's.
    public long Connections, Requests, Pending, Retries;
    public long MaxConnections = 1024, MaxPending = 1024, MaxRequests = 1024, MaxRetries = 3;
    public long ConnectTimeoutMicros = 5_000_000, IdleTimeoutMicros;
    public int MaxRequestsPerConnection;

    public void Configure(ClusterConfig config)
    {
        ConnectTimeoutMicros = (long)config.ConnectTimeout.TotalMicroseconds;
        IdleTimeoutMicros = (long)config.CommonHttpProtocolOptions.IdleTimeout.TotalMicroseconds;
        MaxRequestsPerConnection = config.CommonHttpProtocolOptions.MaxRequestsPerConnection;
        var limits = config.CircuitBreakers.Thresholds.Count > 0 ? config.CircuitBreakers.Thresholds[0] : new CircuitBreakerThresholdsConfig();
        MaxConnections = limits.MaxConnections;
        MaxPending = limits.MaxPendingRequests;
        MaxRequests = limits.MaxRequests;
        MaxRetries = limits.MaxRetries;
    }

    /// <summary>
    /// Whether this worker may open one more connection. Every worker may have one even at the limit, so that no worker starves
    /// (Envoy's rule).
    /// </summary>
    public bool MayConnect(EndpointPool pool) => Interlocked.Read(ref Connections) < MaxConnections || pool.OpenConnections == 0;

    /// <summary>Waits for a connection of this worker to become free; false when too many wait already.</summary>
    public bool TryWait(Worker worker, PendingRequest request)
    {
        if (Interlocked.Increment(ref Pending) > MaxPending)
        {
            Interlocked.Decrement(ref Pending);
            return false;
        }
        worker.Stats.Increment(Stats.RqPendingTotal);
        worker.Stats.Increment(Stats.RqPendingActive);
        request.Queued = true;
        (_pending[worker.Id] ??= new()).Enqueue(request);
        return true;
    }

    public void OnConnectionFree(Worker worker) => WakeNext(worker);
    public void OnConnectionClosed(Worker worker) => WakeNext(worker);

    public void StopWaiting(Worker worker, PendingRequest request)
    {
        if (!request.Queued) return;
        request.Queued = false; // stays in the queue as a husk and is passed over
        Left(worker);
    }

    private void WakeNext(Worker worker)
    {
        if (_pending[worker.Id] is not { } queue) return;
        while (queue.TryDequeue(out var next))
        {
            if (!next.Queued) continue;
            next.Queued = false;
            Left(worker);
            next.Ready.Complete(true);
            return;
        }
    }

    private void Left(Worker worker)
    {
        Interlocked.Decrement(ref Pending);
        worker.Stats.Decrement(Stats.RqPendingActive);
    }

    /// <summary>Takes a place under max_requests; give it back by <see cref="LeaveRequest"/>.</summary>
    public bool TryEnterRequest()
    {
        if (Interlocked.Increment(ref Requests) <= MaxRequests) return true;
        Interlocked.Decrement(ref Requests);
        return false;
    }

    public void LeaveRequest() => Interlocked.Decrement(ref Requests);
}

/// <summary>A request in a cluster's queue on one worker. Not reused: a woken husk may still be referred to.</summary>
internal sealed class PendingRequest
{
    public readonly IoSource<bool> Ready = new();
    public bool Queued;
}
