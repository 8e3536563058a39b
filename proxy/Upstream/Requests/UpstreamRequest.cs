using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Pools;
using Managed.Proxy.Upstream.Retries;

namespace Managed.Proxy.Upstream.Requests;

/// <summary>
/// One request's way to a cluster [7], for whoever has one to send: a stream, a call of guest code. It takes places under the cluster's
/// limits, an endpoint and an exchange on a connection to it, gives all of it back, counts what is the cluster's to count, and alone
/// decides whether a failure is tried again. Reused; one request at a time.
/// <para>Protocol of use: <see cref="TryBegin"/>; then, until <see cref="Finish"/> says that it is over, <see cref="AcquireAsync"/>, the
/// exchange (<see cref="Exchange"/>; heads by <see cref="ReadHeadAsync"/>), Finish; at last <see cref="End"/>, also when TryBegin
/// refused. <see cref="Stop"/> at any time: whatever is awaited here ends soon.</para>
/// </summary>
internal sealed partial class UpstreamRequest(WorkerContext worker)
{
    /// <summary>
    /// More 1xx answers to one request are a fault of the endpoint: each costs the client a read, and there is no other end to them.
    /// A server sends one 100, and 102 or 103 a few times (RFC 8297 section 2 has it as often as it learns more).
    /// </summary>
    public const int MaxInformational = 20;

    private readonly ConnectAttempt _connect = new();
    private Cluster _cluster = null!;
    private AggregateCluster? _aggregate; // that the cluster is a part of
    private UInt128 _triedParts;
    private int _part;
    private (bool Needs, bool From) _asksHttp2;
    private UpstreamConnection? _connection;
    private PendingRequest? _waiting;
    private RetryState? _retries; // made for the first request that may be tried again
    private bool _entered, _holds, _owesAnswer, _repeatable, _fresh, _stopped, _http2, _mayRetry, _retried, _pauses;
    private int _informational, _attempts, _nameLength;
    private char[] _name = []; // of the server that it is for
    private FailureReason _tryOver;

    /// <summary>Of the request under way; null when there is none.</summary>
    public ClusterState? State { get; private set; }
    /// <summary>The endpoint that is, or was, asked; null before there is one.</summary>
    public Endpoint? Endpoint { get; private set; }
    /// <summary>From <see cref="AcquireAsync"/> to <see cref="Finish"/>.</summary>
    public ClientExchange? Exchange { get; private set; }
    public ulong ConnectionId => _connection!.Id;
    /// <summary>What was agreed on with the endpoint by TLS; null without it.</summary>
    public TlsConnection? Tls => _connection?.Tls;
    /// <summary>Why no connection could be made, where the system's error says too little; null when it does not.</summary>
    public string? ConnectReason => _connect.Reason;
    /// <summary>
    /// When a connection was asked for, when one was there, and when bytes of a head last came; worker-clock microseconds.
    /// </summary>
    public long AskedMicros { get; private set; }
    public long BeganMicros { get; private set; }
    public long HeardMicros { get; private set; }

    /// <summary>Whose request it is; null: ours. Before <see cref="AcquireAsync"/>.</summary>
    public ClientIdentity? Client { get; set; }
    /// <summary>Endpoints may be told of the client, where the cluster does.</summary>
    public bool TellsClient { get; set; } = true;

    /// <summary>
    /// All that was sent of it is there to be sent again: what the endpoint has certainly not begun with is then tried once more, whatever
    /// it is (RFC 9113 section 8.7).
    /// </summary>
    public bool IsWhole { get; set; }

    /// <summary>The cluster goes by a hash of the request.</summary>
    public bool UsesHash => _cluster.LoadBalancer.UsesHash;
    /// <summary>The cluster's endpoints are divided by their metadata.</summary>
    public bool IsDivided => _cluster.Division is not null;
    /// <summary>What says which server connections are for, where they are for one each; null: they are not.</summary>
    public UpstreamHttp? Naming
    {
        get
        {
            if (_aggregate is null) return _cluster.Http.NamesServer ? _cluster.Http : null;
            foreach (var part in _aggregate.Parts)
                if (part.Http.NamesServer) return part.Http;
            return null;
        }
    }
    /// <summary>Of a cluster that goes to whatever is asked for: the endpoint of a request; null: there is none.</summary>
    public Endpoint? OnDemandOf(HeaderMap request)
        => _cluster.OnDemand?.Of(request, Client?.Restored);
    /// <summary>A policy may have it sent again: what was sent of it is worth keeping.</summary>
    public bool MayRetry => _mayRetry;
    /// <summary>What became of the last wish to try it again.</summary>
    public RetryVerdict Verdict { get; private set; }

    /// <summary>Takes a place under max_requests. False: there is none, which is counted.</summary>
    /// <param name="cluster">Whom to ask.</param>
    /// <param name="isRepeatable">Sending it twice does what sending it once does, and all of it is there to be sent again.</param>
    /// <param name="isWhole">All of it is there to be sent again; see <see cref="IsWhole"/>.</param>
    /// <param name="fromHttp2">It came by HTTP/2: so it goes where the cluster has its clients' protocol.</param>
    /// <param name="needsHttp2">It goes by HTTP/2 whatever the cluster says.</param>
    public bool TryBegin(Cluster cluster, bool isRepeatable, bool isWhole = false, bool fromHttp2 = false, bool needsHttp2 = false)
    {
        (_aggregate, _triedParts) = (cluster.Aggregate, 0);
        if (_aggregate is not null) cluster = _aggregate.Choose(worker, 0, out _part);
        _cluster = cluster;
        _asksHttp2 = (needsHttp2, fromHttp2);
        _http2 = needsHttp2 || (fromHttp2 && cluster.Http.Protocol == UpstreamProtocol.Downstream);
        IsWhole = isRepeatable || isWhole;
        var state = State = cluster.State;
        _owesAnswer = true;
        _repeatable = isRepeatable;
        _fresh = _stopped = _mayRetry = _retried = _isBeside = false;
        (_attempts, _tryOver, Verdict) = (0, FailureReason.None, RetryVerdict.No);
        if (!state.TryEnterRequest(cluster.Limits))
        {
            worker.Stats.Increment(state.Stats.RqPendingOverflow);
            return false;
        }
        _entered = true;
        worker.Stats.Increment(state.Stats.RqTotal);
        worker.Stats.Increment(state.Stats.RqActive);
        return true;
    }

    /// <summary>
    /// After <see cref="TryBegin"/>: a route's policy and what the request's own headers ask for, which are taken from it.
    /// </summary>
    public void AllowRetries(RetryPolicy? policy, HeaderMap request)
    {
        if (policy is not null || RetryState.IsAsked(request))
            _mayRetry = (_retries ??= new RetryState(worker)).Begin(policy, request);
        RetryState.Consume(request);
    }

    /// <summary>More of the request has gone out than is kept: it is not sent again.</summary>
    /// <param name="always">Something else than a retry would have needed it.</param>
    public void AbandonRetries(bool always = false)
    {
        if (!_mayRetry && !always) return;
        _mayRetry = false;
        worker.Stats.Increment(State!.Stats.RetryAbandoned);
    }

    /// <summary>
    /// [7.1] An endpoint, a connection to it and an exchange on that, which is begun. Waits for a connection where there may be no more.
    /// </summary>
    public IoTask<UpstreamFailure> AcquireAsync(PickContext pick)
    {
        if (_stopped) return new IoTask<UpstreamFailure>(UpstreamFailure.GivenUp);
        IsReplaced = _isSlow = false;
        if (_aggregate is not null && _attempts > 0 && !MoveOn()) return new IoTask<UpstreamFailure>(UpstreamFailure.Overflow);
        // The usual case is over at once.
        if (Pick(pick) is not { } endpoint) return new IoTask<UpstreamFailure>(NobodyThere());
        Endpoint = endpoint;
        _attempts++;
        var pool = PoolOf(endpoint);
        AskedMicros = worker.NowMicros;
        // After a failure not on an idle connection: another one may be as dead. Of HTTP/2 they are watched while they are idle.
        if ((_fresh && !pool.Shares(_cluster.Http)) || pool.TryTake() is not { } connection) return ConnectAsync(pick, endpoint, pool);
        Begin(endpoint, connection);
        return default;
    }

    // A further attempt may be at another of the clusters, whose limits and counters are its own. False: it has no room.
    private bool MoveOn()
    {
        var next = _aggregate!.Choose(worker, _triedParts, out _part);
        if (next == _cluster) return true;
        State!.LeaveRequest();
        worker.Stats.Decrement(State.Stats.RqActive);
        _entered = false;
        _cluster = next;
        _http2 = _asksHttp2.Needs || (_asksHttp2.From && next.Http.Protocol == UpstreamProtocol.Downstream);
        State = next.State;
        if (!State.TryEnterRequest(next.Limits))
        {
            worker.Stats.Increment(State.Stats.RqPendingOverflow);
            return false;
        }
        _entered = true;
        worker.Stats.Increment(State.Stats.RqTotal);
        worker.Stats.Increment(State.Stats.RqActive);
        return true;
    }

    private async IoTask<UpstreamFailure> ConnectAsync(PickContext pick, Endpoint endpoint, EndpointPool pool)
    {
        var (state, limits, http) = (State!, _cluster.Limits, _cluster.Http);
        while (true)
        {
            bool shares = pool.Shares(http), expects = shares && pool.ExpectsRoom;
            bool enters = !expects && state.TryEnterConnection(pool.OpenConnections, limits, endpoint);
            if (enters && !shares) break;
            if (!enters && !expects) worker.Stats.Increment(state.Stats.CxOverflow);
            var waiting = new PendingRequest();
            bool joins = enters || expects;
            if (!state.TryWait(worker, waiting, limits, joins ? pool.Line : null))
            {
                if (enters) state.LeaveConnection(worker, endpoint);
                worker.Stats.Increment(state.Stats.RqPendingOverflow);
                return UpstreamFailure.Overflow;
            }
            _waiting = waiting;
            if (enters) pool.Connect(limits, _cluster.Socket, http);
            bool free = await (joins ? pool.WaitAsync(waiting) : waiting.Ready.AsTask());
            _waiting = null;
            if (!free || _stopped) return UpstreamFailure.GivenUp;
            if (waiting.Error < 0)
            {
                worker.Stats.Increment(state.Stats.RqPendingFailureEject);
                _connect.Reason = waiting.Reason;
                return Unconnected(waiting.Error);
            }
            if (!joins)
            {
                if (Pick(pick) is not { } next) return NobodyThere();
                (Endpoint, endpoint, pool) = (next, next, PoolOf(next));
            }
            AskedMicros = joins ? AskedMicros : worker.NowMicros;
            if (_fresh && !shares || pool.TryTake() is not { } idle) continue;
            Begin(endpoint, idle);
            return default;
        }
        var (connection, error) = await pool.ConnectAsync(_connect, limits, _cluster.Socket, http);
        if (connection is null) return _stopped ? UpstreamFailure.GivenUp : Unconnected(error);
        if (_stopped)
        {
            connection.Abandon();
            return UpstreamFailure.GivenUp;
        }
        Begin(endpoint, connection);
        if (connection.HasRoom) pool.Return(connection); // others may come along
        return default;
    }

    private static UpstreamFailure Unconnected(int error) => error == -Libc.EProtoNoSupport ? UpstreamFailure.Protocol
        : new UpstreamFailure(FailureSide.Upstream, FailureReason.Connect, Errno: -error);

    private EndpointPool PoolOf(Endpoint endpoint) => EndpointPool.Of(endpoint, worker, State!).For(_cluster.Http, _http2)
        .For(Client, _cluster.Socket, TellsClient).ForServer(_cluster.Http.NamesServer ? _name.AsSpan(0, _nameLength) : default);

    /// <summary>The server that the request is for, without its port; before <see cref="AcquireAsync"/>.</summary>
    public void NameServer(ReadOnlySpan<byte> host)
    {
        int end = host.IsEmpty || host[^1] == (byte)']' ? -1 : host.LastIndexOf((byte)':');
        if (end >= 0) host = host[..end];
        if (host.Length > 2 && host[0] == (byte)'[') host = host[1..^1];
        if (_name.Length == 0) _name = new char[255];
        if (!host.IsEmpty && host.Length <= _name.Length
            && System.Text.Ascii.ToLower(host, _name, out _nameLength) == System.Buffers.OperationStatus.Done) return;
        // What is no name is one that no certificate has, rather than none, which nobody would look for.
        _name[0] = '.';
        _nameLength = 1;
    }

    private void Begin(Endpoint endpoint, UpstreamConnection connection)
    {
        Interlocked.Increment(ref endpoint.ActiveRequests);
        Interlocked.Increment(ref endpoint.TotalRequests);
        (Endpoint, _connection, _holds, _informational) = (endpoint, connection, true, 0);
        Exchange = connection.Begin();
        BeganMicros = worker.NowMicros;
        endpoint.Outliers?.Connected();
        if (_cluster.Limits.PreconnectRatio > 1) connection.Pool.Preconnect(_cluster.Limits, _cluster.Socket, _cluster.Http);
    }

    private UpstreamFailure NobodyThere()
    {
        worker.Stats.Increment(State!.Stats.NoHealthy);
        return UpstreamFailure.NoEndpoint;
    }

    private Endpoint? Pick(in PickContext pick)
    {
        var retries = _mayRetry ? _retries : _leader;
        UInt128 tried = retries?.TriedPriorities ?? 0;
        var chosen = _cluster.Pick(worker, pick, tried: tried);
        if (retries is null || (_attempts == 0 && _leader is null)) return chosen;
        for (int i = 1; i <= retries.OtherChoices && chosen is not null && retries.Avoids(chosen); i++)
            chosen = _cluster.Pick(worker, pick with { Host = null }, i, tried);
        return chosen;
    }

    /// <summary>
    /// Reads the next head: a 1xx, after which there is another, or the final one. <see cref="ClientExchange.Status"/> says which. When it
    /// fails nothing of a head is left in the map.
    /// </summary>
    public async IoTask<UpstreamFailure> ReadHeadAsync(HeaderMap into)
    {
        var exchange = Exchange!;
        exchange.BeginResponse(into);
        HeadResult result;
        while ((result = exchange.TryReadHead()) == HeadResult.NeedMore)
        {
            if (_stopped) return UpstreamFailure.GivenUp; // while something else was waited for
            if (_tryOver != FailureReason.None) return TryOver(into);
            int n = await exchange.FillAsync();
            if (_stopped) return UpstreamFailure.GivenUp;
            if (n > 0) HeardMicros = worker.NowMicros;
            else if (n != -Libc.EIntr) return Broken(into, n);
        }
        if (result == HeadResult.Done && exchange.IsAnswered)
        {
            Endpoint!.Outliers?.Answer(StatusOf(exchange, into));
            if (Endpoint.SaysUnwell is { } told && (Endpoint.Flags & HealthFlags.ExcludedByItself) == 0
                && into.TryGet(EndpointHealth.ImmediateFail, out _)) told(Endpoint);
        }
        bool floods = result == HeadResult.Done && exchange.Status is < 200 and not 101 && ++_informational > MaxInformational;
        if (floods) worker.Stats.Increment(State!.Stats.InformationalOverflow);
        return floods || result == HeadResult.Error ? NoAnswer(into) : default;
    }

    // Of a gRPC answer without a body its grpc-status, as Envoy has it.
    private static int StatusOf(ClientExchange exchange, HeaderMap head)
        => exchange.Status == 200 && head.Has(HeaderId.GrpcStatus)
            ? GrpcStatus.ToHttp((int)FieldSyntax.ParseLength(head.Get(HeaderId.GrpcStatus))) : exchange.Status;

    private UpstreamFailure TryOver(HeaderMap into)
    {
        into.Clear();
        return new UpstreamFailure(FailureSide.Upstream, _tryOver);
    }

    /// <summary>The attempt under way has taken too long: its head will not come any more.</summary>
    /// <param name="idle">Too long without a byte.</param>
    public void TimeOutTry(bool idle)
    {
        if (Exchange is not { } exchange || _tryOver != FailureReason.None) return;
        _tryOver = idle ? FailureReason.TryIdle : FailureReason.TryTimeout;
        worker.Stats.Increment(idle ? State!.Stats.RqTryIdleTimeout : State!.Stats.RqTryTimeout);
        Interlocked.Increment(ref Endpoint!.TimeoutRequests);
        exchange.InterruptWrite();
        exchange.InterruptRead();
    }

    /// <summary>
    /// The head of an answer is here: whether it is not to be passed on, for another attempt is made. <see cref="Verdict"/> says why
    /// not where the policy would have it.
    /// </summary>
    public bool Rejects(HeaderMap head)
    {
        if (!_mayRetry) return false;
        _retries!.Leave();
        bool wanted = _retries.Wants(Exchange!.Status, head);
        Verdict = !wanted ? RetryVerdict.No : IsReplaced ? RetryVerdict.Replaced : _retries.Take(State!, _cluster.Limits, head);
        if (!wanted && _retried) worker.Stats.Increment(State!.Stats.RqRetrySuccess);
        return Verdict == RetryVerdict.Again;
    }

    // An idle connection that the endpoint closes while a request is on its way has not seen the request.
    private UpstreamFailure Broken(HeaderMap into, int n)
    {
        into.Clear();
        var exchange = Exchange!;
        bool silent = !exchange.ReceivedAnything;
        // Over HTTP/2 an endpoint that closes says which requests it has not seen; of others nobody knows.
        bool unseen = exchange.IsHttp2 ? exchange.IsRefused && IsWhole : silent && _repeatable && _connection!.IsReused;
        var reason = exchange.IsRefused ? FailureReason.Refused : exchange.IsResetByPeer ? FailureReason.StreamReset
            : silent && n != 0 ? FailureReason.Reset : FailureReason.Closed;
        return new UpstreamFailure(FailureSide.Upstream, reason, IsRetryable: unseen && !_fresh);
    }

    /// <summary>What came cannot be passed on, and what comes next cannot be believed: counted, and the head forgotten.</summary>
    public UpstreamFailure NoAnswer(HeaderMap head)
    {
        head.Clear();
        worker.Stats.Increment(State!.Stats.ProtocolError);
        return UpstreamFailure.Protocol;
    }

    private void Leave(Endpoint endpoint)
    {
        Exchange = null;
        _holds = false;
        Interlocked.Decrement(ref endpoint.ActiveRequests);
    }

    /// <summary>Gives back the place under max_requests, and an exchange that nobody has finished.</summary>
    public void End()
    {
        if (Exchange is not null) Finish(UpstreamFailure.GivenUp, 0);
        else if (_holds)
        {
            Leave(Endpoint!); // something threw before the exchange began
            _connection!.Abandon();
        }
        _retries?.End();
        _mayRetry = false;
        if (!_entered) return;
        _entered = false;
        State!.LeaveRequest();
        worker.Stats.Decrement(State.Stats.RqActive);
    }

    /// <summary>After the last answer was counted: nothing of the request is left.</summary>
    public void Forget()
    {
        State = null;
        Endpoint = null;
        _connection = null;
        _leader = null;
        Client = null;
        _nameLength = 0;
        _owesAnswer = false;
    }

    /// <summary>Whoever asked has given it up.</summary>
    public void Stop()
    {
        _stopped = true;
        _retries?.Wake();
        _connect.Cancel();
        if (_waiting is { Queued: true } waiting)
        {
            State!.StopWaiting(worker, waiting);
            waiting.Ready.Complete(false);
        }
        Exchange?.InterruptRead();
    }
}
