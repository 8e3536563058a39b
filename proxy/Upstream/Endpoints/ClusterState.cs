using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>
/// The live side of a cluster: endpoints, pools, limits, counters. Carried from version to version as long as the name and what
/// shapes connections stay the same; limits and policy are updated in place.
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
        DnsFamily = config.DnsLookupFamily;
        DnsRefresh = config.DnsRefreshRate;
        var limits = config.CircuitBreakers.Thresholds.Count > 0 ? config.CircuitBreakers.Thresholds[0] : new CircuitBreakerThresholdsConfig();
        MaxConnections = limits.MaxConnections;
        MaxPending = limits.MaxPendingRequests;
        MaxRequests = limits.MaxRequests;
        MaxRetries = limits.MaxRetries;
    }

    /// <summary>What DNS is asked for; empty when every address is literal.</summary>
    public IReadOnlyList<EndpointTarget> Targets => _active?.Targets ?? [];
    public DnsLookupFamily DnsFamily;
    public TimeSpan DnsRefresh = TimeSpan.FromSeconds(5);
    private readonly Dictionary<string, System.Net.IPAddress[]> _resolved = [];
    private readonly Lock _endpointsLock = new();
    private readonly Dictionary<string, Endpoint> _known = [];
    private volatile Cluster? _active;
    private Action<Endpoint>? _retire;

    /// <summary>How pools of an endpoint that is gone are told, on their workers.</summary>
    public void OnRetire(Action<Endpoint> retire) => _retire = retire;

    /// <summary>Takes the endpoints of a version; an endpoint that stays keeps its connections and counters. Control thread.</summary>
    public void Follow(Cluster cluster)
    {
        lock (_endpointsLock)
        {
            _active = cluster;
            Rebuild();
        }
    }

    /// <summary>An answer of DNS for a name; the last good answer stays when there is none.</summary>
    public void Resolved(string name, System.Net.IPAddress[] addresses)
    {
        lock (_endpointsLock)
        {
            if (_resolved.TryGetValue(name, out var before) && before.SequenceEqual(addresses)) return;
            _resolved[name] = addresses;
            Rebuild();
        }
    }

    /// <summary>Weight or drain by an operator, until the process ends or the endpoint goes. False: no such endpoint.</summary>
    public bool Override(string address, int? weight, bool? drain)
    {
        lock (_endpointsLock)
        {
            bool found = false;
            foreach (var endpoint in _known.Values)
            {
                if (endpoint.Text != address) continue;
                found = true;
                if (weight is { } w) endpoint.WeightOverride = w;
                if (drain is { } d) endpoint.DrainOverride = d;
            }
            if (found) Rebuild();
            return found;
        }
    }

    public void RetireAll()
    {
        lock (_endpointsLock)
        {
            foreach (var endpoint in _known.Values) _retire?.Invoke(endpoint);
            _known.Clear();
            _active = null;
        }
    }

    private void Rebuild()
    {
        if (_active is not { } cluster) return;
        var gone = new Dictionary<string, Endpoint>(_known);
        var next = new List<Endpoint>();
        foreach (var target in cluster.Targets)
        {
            if (target.Address is { } literal) Take(literal, target.Text, target);
            else if (_resolved.TryGetValue(target.HostName, out var addresses))
                foreach (var ip in addresses)
                {
                    var endPoint = new System.Net.IPEndPoint(ip, target.Port);
                    Take(Core.Transport.SocketAddressBytes.From(endPoint), endPoint.ToString(), target);
                }
        }
        cluster.Endpoints = new EndpointSet(next);
        foreach (var (key, endpoint) in gone)
        {
            _known.Remove(key);
            _retire?.Invoke(endpoint);
        }

        void Take(Core.Transport.SocketAddressBytes address, string text, EndpointTarget target)
        {
            string key = text + "|" + target.HostName;
            if (!_known.TryGetValue(key, out var endpoint)) _known[key] = endpoint = new Endpoint(address, text, target.HostName, target.RewriteHost, workers);
            else if (!gone.Remove(key)) return; // the same address twice
            endpoint.Weight = target.Weight;
            endpoint.ConfiguredHealth = target.Health;
            next.Add(endpoint);
        }
    }

    /// <summary>
    /// Takes a place under max_connections; <see cref="EndpointPool.ConnectAsync"/> uses it and gives it back. Every worker may have
    /// one connection even at the limit, so that no worker starves (Envoy's rule).
    /// </summary>
    public bool TryEnterConnection(EndpointPool pool)
    {
        if (Interlocked.Increment(ref Connections) <= MaxConnections || pool.OpenConnections == 0) return true;
        Interlocked.Decrement(ref Connections);
        return false;
    }

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
