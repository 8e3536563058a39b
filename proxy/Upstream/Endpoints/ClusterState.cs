using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>
/// What all workers and versions of a cluster share: its limits, what counts against them, its counters, and the requests that wait for
/// a connection. Carried from version to version as long as the name stays; limits are updated in place.
/// </summary>
internal sealed class ClusterState(string name, int workers)
{
    private readonly Queue<PendingRequest>?[] _pending = new Queue<PendingRequest>?[workers];

    public string Name => name;
    /// <summary>How many workers the process has.</summary>
    public int Workers => workers;
    /// <summary>From the publication of a version on; before there is nothing to count.</summary>
    public ClusterStats Stats { get; private set; } = null!;

    /// <summary>The names are that version's; those that another has too keep their counts. Before its publication, control thread.</summary>
    public void Count(StatScope names) => Stats = new ClusterStats(names, name);

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
    /// Takes a place under max_connections, which the connection that is made in it gives back. Every worker may have one connection even
    /// at the limit, so that no worker starves (Envoy's rule).
    /// </summary>
    /// <param name="open">Connections that this worker has to the endpoint.</param>
    public bool TryEnterConnection(int open)
    {
        if (Interlocked.Increment(ref Connections) <= MaxConnections || open == 0) return true;
        Interlocked.Decrement(ref Connections);
        return false;
    }

    /// <summary>Waits for a connection of this worker to become free; false when too many wait already.</summary>
    public bool TryWait(WorkerContext worker, PendingRequest request)
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

    public void OnConnectionFree(WorkerContext worker) => WakeNext(worker);
    public void OnConnectionClosed(WorkerContext worker) => WakeNext(worker);

    public void StopWaiting(WorkerContext worker, PendingRequest request)
    {
        if (!request.Queued) return;
        request.Queued = false; // stays in the queue as a husk and is passed over
        Left(worker);
    }

    private void WakeNext(WorkerContext worker)
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

    private void Left(WorkerContext worker)
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
