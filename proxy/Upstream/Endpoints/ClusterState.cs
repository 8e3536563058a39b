using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>
/// What all workers and versions of a cluster share: what counts against its limits, its counters, and the requests that wait for a
/// connection. Carried from version to version as long as the name stays.
/// </summary>
internal sealed class ClusterState(string name, int workers)
{
    private readonly PendingRequest?[] _pending = new PendingRequest?[workers]; // the head of each line, which is no request itself

    public string Name => name;
    /// <summary>How many workers the process has.</summary>
    public int Workers => workers;

    /// <summary>The counters under the names of the version in service; before there was one there is nothing to count.</summary>
    public ClusterStats Stats { get; private set; } = null!;

    /// <summary>The names are a version's from now on; those that the one before has too keep their counts. Control thread.</summary>
    public void Count(ClusterStats stats) => Stats = stats;

    /// <summary>Of the version in service: for what belongs to no request, such as an idle connection.</summary>
    public volatile ClusterLimits Limits = ClusterLimits.Default;

    /// <summary>What outlier detection found in its last interval; null: there is none.</summary>
    public volatile SuccessRates? SuccessRates;

    // Shared by the workers: circuit-breaker limits are of the cluster, as Envoy's.
    public long Connections, Requests, Pending, Retries;

    /// <summary>
    /// Takes a place under max_connections, which the connection that is made in it gives back. Every worker may have one connection even
    /// at the limit, so that no worker starves (Envoy's rule).
    /// </summary>
    /// <param name="open">Connections that this worker has to the endpoint.</param>
    /// <param name="limits">Of the version that asks.</param>
    /// <param name="endpoint">Where it is to lead, which may have a limit too.</param>
    public bool TryEnterConnection(int open, ClusterLimits limits, Endpoint? endpoint = null)
    {
        bool fits = Interlocked.Increment(ref Connections) <= limits.MaxConnections || open == 0;
        if (endpoint is not null)
        {
            fits &= Interlocked.Increment(ref endpoint.Places) <= limits.MaxHostConnections || open == 0;
            if (!fits) Interlocked.Decrement(ref endpoint.Places);
        }
        if (fits) return true;
        Interlocked.Decrement(ref Connections);
        return false;
    }

    /// <summary>Waits for a connection of this worker to become free; false when too many wait already.</summary>
    /// <param name="worker">Whose line it is.</param>
    /// <param name="request">Who waits.</param>
    /// <param name="limits">Of the version that asks.</param>
    /// <param name="line">Another one than that for whatever becomes free.</param>
    public bool TryWait(WorkerContext worker, PendingRequest request, ClusterLimits limits, PendingRequest? line = null)
    {
        if (Interlocked.Increment(ref Pending) > limits.MaxPending)
        {
            Interlocked.Decrement(ref Pending);
            return false;
        }
        worker.Stats.Increment(Stats.RqPendingTotal);
        worker.Stats.Increment(Stats.RqPendingActive);
        (line ?? (_pending[worker.Id] ??= PendingRequest.NewLine())).Add(request);
        return true;
    }

    public void OnConnectionFree(WorkerContext worker) => WakeNext(worker);
    public void OnConnectionClosed(WorkerContext worker) => WakeNext(worker);

    /// <summary>It leaves the line; nothing when it is not in it.</summary>
    public void StopWaiting(WorkerContext worker, PendingRequest request)
    {
        if (!request.Queued) return;
        request.Leave();
        Left(worker);
    }

    private void WakeNext(WorkerContext worker)
    {
        if (_pending[worker.Id]?.Next is not { IsLine: false } next) return;
        next.Leave();
        Left(worker);
        next.Ready.Complete(true);
    }

    private void Left(WorkerContext worker)
    {
        Interlocked.Decrement(ref Pending);
        worker.Stats.Decrement(Stats.RqPendingActive);
    }

    /// <summary>Gives back a place under max_connections in which none was made.</summary>
    public void LeaveConnection(WorkerContext worker, Endpoint endpoint)
    {
        Interlocked.Decrement(ref Connections);
        Interlocked.Decrement(ref endpoint.Places);
        OnConnectionClosed(worker);
    }

    /// <summary>Takes a place under max_requests; give it back by <see cref="LeaveRequest"/>.</summary>
    /// <param name="limits">Of the version that asks.</param>
    public bool TryEnterRequest(ClusterLimits limits)
    {
        if (Interlocked.Increment(ref Requests) <= limits.MaxRequests) return true;
        Interlocked.Decrement(ref Requests);
        return false;
    }

    public void LeaveRequest() => Interlocked.Decrement(ref Requests);

    /// <summary>Takes a place under max_retries or the retry budget; give it back by <see cref="LeaveRetry"/>.</summary>
    /// <param name="limits">Of the version that asks.</param>
    public bool TryEnterRetry(ClusterLimits limits)
    {
        long most = limits.RetryShare < 0 ? limits.MaxRetries
            : Math.Max(limits.MaxRetries, (long)(limits.RetryShare * Volatile.Read(ref Requests)));
        if (Interlocked.Increment(ref Retries) <= most) return true;
        Interlocked.Decrement(ref Retries);
        return false;
    }

    public void LeaveRetry() => Interlocked.Decrement(ref Retries);
}

/// <summary>
/// A request in a cluster's line on one worker. The line is a ring through its head, so that who gives up waiting leaves nothing in it,
/// however long no connection becomes free. Not used again: one that was woken may still be referred to.
/// </summary>
internal sealed class PendingRequest
{
    private PendingRequest? _previous;

    public readonly IoSource<bool> Ready = new();
    /// <summary>Why the connection that it waited for was not made; -errno, 0: it was.</summary>
    public int Error { get; set; }
    public string? Reason { get; set; }
    public PendingRequest? Next { get; private set; }
    public bool IsLine { get; private init; }
    public bool Queued => Next is not null && !IsLine;

    public static PendingRequest NewLine()
    {
        var line = new PendingRequest { IsLine = true };
        return line._previous = line.Next = line;
    }

    /// <summary>Puts a request at the end of this line.</summary>
    public void Add(PendingRequest request)
    {
        (request._previous, request.Next) = (_previous, this);
        _previous!.Next = request;
        _previous = request;
    }

    public void Leave()
    {
        _previous!.Next = Next;
        Next!._previous = _previous;
        _previous = Next = null;
    }
}
