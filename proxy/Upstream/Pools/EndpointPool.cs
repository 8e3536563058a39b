using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>
/// One worker's connections to one endpoint. A connection carries as many requests at once as its protocol and its peer let it; those with
/// room are taken from, the last used first, so that the rest can time out.
/// <para>Where a connection carries many, requests do not make one each: they wait for one together (<see cref="Line"/>,
/// <see cref="Connect"/>).</para>
/// </summary>
internal sealed partial class EndpointPool(WorkerContext worker, Endpoint endpoint, ClusterState state)
{
    private readonly List<UpstreamConnection> _ready = []; // with room for a request
    private readonly HashSet<UpstreamConnection> _open = [];
    private int _connecting;
    private int _total; // of the pools for single clients too
    private Dictionary<object, EndpointPool>? _byClient;
    private Dictionary<string, EndpointPool>? _byName;
    private EndpointPool? _parent; // in whose _byClient or _byName it is, by its key
    private string? _name;
    private object? _key;
    private ClientIdentity? _client;
    private ClientBinding? _from;
    private EndpointPool? _http2; // beside one of another protocol
    private bool _isHttp2;

    /// <summary>This worker's; made at its first use.</summary>
    public static EndpointPool Of(Endpoint endpoint, WorkerContext worker, ClusterState state)
        => (EndpointPool)(endpoint.Pools[worker.Id] ??= new EndpointPool(worker, endpoint, state));

    /// <summary>The endpoint or its cluster is gone: idle connections close, busy ones when they are done. On the worker.</summary>
    public static void Retire(Endpoint endpoint, WorkerContext worker) => ((EndpointPool?)endpoint.Pools[worker.Id])?.Retire();

    /// <summary>The same for an endpoint that stays: what is asked from now on goes by new connections. On the worker.</summary>
    public static void Renew(Endpoint endpoint, WorkerContext worker)
    {
        var former = (EndpointPool?)endpoint.Pools[worker.Id];
        endpoint.Pools[worker.Id] = null;
        former?.Retire();
    }

    /// <summary>
    /// The endpoint is not well: idle connections close, busy ones when their requests are done. On the worker.
    /// </summary>
    /// <param name="cut">Those whose bytes nobody here understands close at once.</param>
    public static void Drain(Endpoint endpoint, WorkerContext worker, bool cut) => ((EndpointPool?)endpoint.Pools[worker.Id])?.Drain(cut);

    public Endpoint Endpoint { get; } = endpoint;
    public ClusterState State { get; } = state;
    /// <summary>The endpoint or its cluster is gone: connections close when their request ends.</summary>
    public bool IsRetired { get; private set; }
    /// <summary>Those that are being made included.</summary>
    public int OpenConnections => Root._total;

    private EndpointPool Root { get { var root = this; while (root._parent is { } parent) root = parent; return root; } }

    /// <summary>This one, or the one for HTTP/2 beside it where the cluster alone does not say that it is spoken.</summary>
    public EndpointPool For(UpstreamHttp http, bool http2)
    {
        if (!http2 || http.Protocol is UpstreamProtocol.Http2 or UpstreamProtocol.Negotiated) return this;
        return _http2 ??= new EndpointPool(worker, Endpoint, State) { _isHttp2 = true, IsRetired = IsRetired };
    }

    /// <summary>
    /// This one, or the one beside it whose connections are for one client alone (its cluster tells endpoints of it), or begin where a
    /// client's do.
    /// </summary>
    /// <param name="client">Null: none.</param>
    /// <param name="socket">Of the cluster.</param>
    /// <param name="isTold">False: endpoints are not told of it all the same.</param>
    public EndpointPool For(ClientIdentity? client, UpstreamSocket? socket, bool isTold = true)
    {
        if (client is null) return this;
        bool tells = isTold && socket is { TellsClient: true };
        object? key = tells ? client : client.From;
        if (key is null) return this;
        _byClient ??= [];
        if (_byClient.TryGetValue(key, out var there)) return there;
        var made = new EndpointPool(worker, Endpoint, State)
        {
            _parent = this, _key = key, _client = tells ? client : null, _from = client.From, _isHttp2 = _isHttp2,
            IsRetired = IsRetired || (tells && client.IsOver),
        };
        if (made.IsRetired) return made; // what is made in it now is for what still runs
        _byClient.Add(key, made);
        // Nobody else can use its connections.
        if (tells) client.WhenOver(made.Leave);
        return made;
    }

    /// <summary>
    /// This one, or the one beside it whose connections are for requests to one server alone.
    /// </summary>
    /// <param name="name">In lower case; empty: none.</param>
    public EndpointPool ForServer(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty) return this;
        _byName ??= new Dictionary<string, EndpointPool>(StringComparer.Ordinal);
        if (_byName.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var there)) return there;
        string key = name.ToString();
        var made = new EndpointPool(worker, Endpoint, State)
        {
            _parent = this, _key = key, _name = key, _client = _client, _from = _from, _isHttp2 = _isHttp2, IsRetired = IsRetired,
        };
        if (!IsRetired) _byName.Add(key, made);
        return made;
    }

    private void Leave()
    {
        _parent!._byClient!.Remove(_key!);
        Retire();
    }

    // One for many clients goes with its last connection: names and addresses are as many as clients like.
    private void LeaveIfEmpty()
    {
        if (_key is null or ClientIdentity || _open.Count + _connecting + _waiting + _shared > 0) return;
        if (_key is string name)
        {
            if (_parent!._byName!.TryGetValue(name, out var named) && named == this) _parent._byName.Remove(name);
        }
        else if (_parent!._byClient!.TryGetValue(_key, out var there) && there == this) _parent._byClient.Remove(_key);
    }

    /// <summary>A connection with room, whose place for one request is taken; null when there is none.</summary>
    public UpstreamConnection? TryTake()
    {
        while (_ready.Count > 0)
        {
            var connection = _ready[^1];
            bool had = connection.HasRoom;
            if (had) connection.Enter();
            if (!connection.HasRoom) RemoveReady(connection);
            if (had) return connection;
        }
        return null;
    }

    /// <summary>
    /// A new connection, in the place that <see cref="ClusterState.TryEnterConnection"/> took; null and -errno (ETIMEDOUT after the connect
    /// time-out) when there is none to be had.
    /// </summary>
    /// <param name="attempt">The way to give it up.</param>
    /// <param name="limits">Of the version that asks.</param>
    /// <param name="socket">Likewise; null: bytes as they are.</param>
    /// <param name="http">Likewise; null: no protocol of ours is spoken.</param>
    public async IoTask<(UpstreamConnection? Connection, int Error)> ConnectAsync(ConnectAttempt attempt, ClusterLimits limits,
        UpstreamSocket? socket = null, UpstreamHttp? http = null)
    {
        var protocol = http is null ? UpstreamProtocol.Http1 : ProtocolOf(http);
        _connecting++;
        Root._total++;
        Interlocked.Increment(ref Endpoint.TotalConnections);
        worker.Stats.Increment(State.Stats.CxTotal);
        SocketTransport? transport = null;
        Transport? used = null;
        TlsConnection? tls = null;
        UpstreamConnection? connection = null;
        attempt.Reason = null;
        int result = -Libc.ECanceled;
        try
        {
            long began = worker.NowMicros;
            Faults.Pass(FaultPoint.PoolAcquire);
            transport = SocketTransport.Connect(worker.Loop, Endpoint.Address, out int errno, _from);
            result = -errno;
            if (transport is not null)
            {
                transport.Owner = State.Name;
                attempt.Begin(worker, transport, limits.ConnectTimeoutMicros);
                result = await transport.ConnectedAsync();
                if (result >= 0 && socket is not null) (used, tls, result, attempt.Reason) =
                    await socket.ConnectAsync(worker, transport, Endpoint, protocol != UpstreamProtocol.Http1, _client,
                        _name);
                else used = transport;
            }
            bool http2 = protocol == UpstreamProtocol.Http2 || (protocol == UpstreamProtocol.Negotiated && tls is { Alpn: "h2" });
            if (result >= 0 && http2 && socket is { OffersHttp2: true } && tls is { Alpn: not "h2" })
                (result, attempt.Reason) = (-Libc.EConnReset, "TLS: the endpoint does not take h2");
            if (result < 0) return (null, result);
            Faults.Pass(FaultPoint.Connected);
            worker.Stats.Record(State.Stats.ConnectMs, worker.NowMicros - began);
            var made = new UpstreamConnection(worker, this, used!, http2 ? http : null, tls) { IsOpaque = http is null };
            if (http2 && await SettleAsync(made, attempt) is < 0 and var unsettled) return (null, result = unsettled);
            made.Enter();
            _open.Add(made);
            connection = made;
            if (http is not null) worker.Stats.Increment(http2 ? State.Stats.CxHttp2 : State.Stats.CxHttp1);
            if (http is not null) _choseHttp1 = !http2;
        }
        finally
        {
            attempt.End(worker);
            _connecting--;
            if (connection is null) Failed(used ?? transport, result);
        }
        Interlocked.Increment(ref Endpoint.ActiveConnections);
        worker.Stats.Increment(State.Stats.CxActive);
        return (connection, 0);
    }

    // Gives its place back.
    private void Failed(Transport? transport, int result)
    {
        transport?.Close();
        Root._total--;
        LeaveIfEmpty();
        Interlocked.Decrement(ref State.Connections);
        Interlocked.Decrement(ref Endpoint.Places);
        Interlocked.Increment(ref Endpoint.ConnectFailures);
        worker.Stats.Increment(result == -Libc.ETimedOut ? State.Stats.CxConnectTimeout : State.Stats.CxConnectFail);
        State.OnConnectionClosed(worker);
    }

    /// <summary>It has room for one more again.</summary>
    public void Return(UpstreamConnection connection)
    {
        AddReady(connection);
        State.OnConnectionFree(worker);
    }

    private void AddReady(UpstreamConnection connection)
    {
        if (connection.IsReady) return;
        connection.IsReady = true;
        _ready.Add(connection);
    }

    private void RemoveReady(UpstreamConnection connection)
    {
        if (!connection.IsReady) return;
        connection.IsReady = false;
        if (_ready[^1] == connection) _ready.RemoveAt(_ready.Count - 1); else _ready.Remove(connection);
    }

    public bool Forgotten(UpstreamConnection connection) => !_open.Contains(connection);

    public void Closed(UpstreamConnection connection)
    {
        RemoveReady(connection);
        if (!_open.Remove(connection)) return;
        Root._total--;
        LeaveIfEmpty();
        Interlocked.Decrement(ref State.Connections);
        Interlocked.Decrement(ref Endpoint.Places);
        Interlocked.Decrement(ref Endpoint.ActiveConnections);
        Trim();
        worker.Stats.Decrement(State.Stats.CxActive);
        worker.Stats.Increment(State.Stats.CxDestroy);
        State.OnConnectionClosed(worker);
    }

    /// <summary>How many connections it has room for.</summary>
    internal int Room => _open.Capacity + _ready.Capacity;

    // The room that a crowd needed goes with it.
    private void Trim()
    {
        const int kept = 64;
        if (_open.Capacity > kept && _open.Count < _open.Capacity / 4) _open.TrimExcess(Math.Max(kept, _open.Count * 2));
        if (_ready.Capacity > kept && _ready.Count < _ready.Capacity / 4) _ready.Capacity = Math.Max(kept, _ready.Count * 2);
    }

    // What is closed resumes whoever reads from it, at once.
    private void Drain(bool cut)
    {
        foreach (var connection in _open.ToArray())
            if (_open.Contains(connection)) connection.Drain(cut);
        _http2?.Drain(cut);
        foreach (var pool in _byName?.Values.ToArray() ?? []) pool.Drain(cut);
        foreach (var pool in _byClient?.Values.ToArray() ?? []) pool.Drain(cut);
    }

    private void Retire()
    {
        IsRetired = true;
        _http2?.Retire();
        for (int i = _ready.Count - 1; i >= 0; i--)
            if (_ready[i].IsIdle) _ready[i].Close();
        foreach (var pool in _byName?.Values.ToArray() ?? []) pool.Retire();
        foreach (var pool in _byClient?.Values.ToArray() ?? []) pool.Retire();
    }
}
