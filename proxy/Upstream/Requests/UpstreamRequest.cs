using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Upstream.Requests;

/// <summary>
/// One request's way to a cluster [7], for whoever has one to send: a stream, a call of guest code. It takes places under the cluster's
/// limits, an endpoint and an exchange on a connection to it, gives all of it back, counts what is the cluster's to count, and alone
/// decides whether a failure is tried again. Reused; one request at a time.
/// <para>Protocol of use: <see cref="TryBegin"/>; then, until <see cref="Finish"/> says that it is over, <see cref="AcquireAsync"/>, the
/// exchange (<see cref="Exchange"/>; heads by <see cref="ReadHeadAsync"/>), Finish; at last <see cref="End"/>, also when TryBegin
/// refused. <see cref="Stop"/> at any time: whatever is awaited here ends soon.</para>
/// </summary>
internal sealed class UpstreamRequest(WorkerContext worker)
{
    /// <summary>
    /// More 1xx answers to one request are a fault of the endpoint: each costs the client a read, and there is no other end to them.
    /// A server sends one 100, and 102 or 103 a few times (RFC 8297 section 2 has it as often as it learns more).
    /// </summary>
    public const int MaxInformational = 20;

    private readonly ConnectAttempt _connect = new();
    private Cluster _cluster = null!;
    private UpstreamConnection? _connection;
    private PendingRequest? _waiting;
    private bool _entered, _holds, _owesAnswer, _repeatable, _fresh, _stopped, _http2;
    private int _informational, _nameLength;
    private char[] _name = []; // of the server that it is for

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

    /// <summary>Takes a place under max_requests. False: there is none, which is counted.</summary>
    /// <param name="cluster">Whom to ask.</param>
    /// <param name="isRepeatable">Sending it twice does what sending it once does, and all of it is there to be sent again.</param>
    /// <param name="isWhole">All of it is there to be sent again; see <see cref="IsWhole"/>.</param>
    /// <param name="fromHttp2">It came by HTTP/2: so it goes where the cluster has its clients' protocol.</param>
    /// <param name="needsHttp2">It goes by HTTP/2 whatever the cluster says.</param>
    public bool TryBegin(Cluster cluster, bool isRepeatable, bool isWhole = false, bool fromHttp2 = false, bool needsHttp2 = false)
    {
        _cluster = cluster;
        _http2 = needsHttp2 || (fromHttp2 && cluster.Http.Protocol == UpstreamProtocol.Downstream);
        IsWhole = isRepeatable || isWhole;
        var state = State = cluster.State;
        _owesAnswer = true;
        _repeatable = isRepeatable;
        _fresh = _stopped = false;
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
    /// [7.1] An endpoint, a connection to it and an exchange on that, which is begun. Waits for a connection where there may be no more.
    /// </summary>
    public IoTask<UpstreamFailure> AcquireAsync(PickContext pick)
    {
        if (_stopped) return new IoTask<UpstreamFailure>(UpstreamFailure.GivenUp);
        // The usual case is over at once.
        if (Pick(pick) is not { } endpoint) return new IoTask<UpstreamFailure>(NobodyThere());
        var pool = PoolOf(endpoint);
        AskedMicros = worker.NowMicros;
        // After a failure not on an idle connection: another one may be as dead. Of HTTP/2 they are watched while they are idle.
        if ((_fresh && !pool.Shares(_cluster.Http)) || pool.TryTake() is not { } connection) return ConnectAsync(pick, endpoint, pool);
        Begin(endpoint, connection);
        return default;
    }

    private async IoTask<UpstreamFailure> ConnectAsync(PickContext pick, Endpoint endpoint, EndpointPool pool)
    {
        var (state, limits, http) = (State!, _cluster.Limits, _cluster.Http);
        while (true)
        {
            bool shares = pool.Shares(http), expects = shares && pool.ExpectsRoom;
            bool enters = !expects && state.TryEnterConnection(pool.OpenConnections, limits);
            if (enters && !shares) break;
            if (!enters && !expects) worker.Stats.Increment(state.Stats.CxOverflow);
            var waiting = new PendingRequest();
            bool joins = enters || expects;
            if (!state.TryWait(worker, waiting, limits, joins ? pool.Line : null))
            {
                if (enters) state.LeaveConnection(worker);
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
                (endpoint, pool) = (next, PoolOf(next));
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
        .For(Client, _cluster.Socket, TellsClient).ForServer(_name.AsSpan(0, _nameLength));

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
    }

    private UpstreamFailure NobodyThere()
    {
        worker.Stats.Increment(State!.Stats.NoHealthy);
        return UpstreamFailure.NoEndpoint;
    }

    private Endpoint? Pick(in PickContext pick)
    {
        if (pick.Host is { } wanted)
        {
            foreach (var endpoint in _cluster.Endpoints.Healthy)
                if (endpoint.Text == wanted || (endpoint.Text.StartsWith(wanted, StringComparison.Ordinal)
                    && endpoint.Text.LastIndexOf(':') == wanted.Length)) return endpoint;
            if (pick.IsStrict) return null;
        }
        return _cluster.LoadBalancer.Pick(_cluster.Endpoints, worker);
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
            int n = await exchange.FillAsync();
            if (_stopped) return UpstreamFailure.GivenUp;
            if (n > 0) HeardMicros = worker.NowMicros;
            else if (n != -Libc.EIntr) return Broken(into, n);
        }
        bool floods = result == HeadResult.Done && exchange.Status is < 200 and not 101 && ++_informational > MaxInformational;
        if (floods) worker.Stats.Increment(State!.Stats.InformationalOverflow);
        return floods || result == HeadResult.Error ? NoAnswer(into) : default;
    }

    // An idle connection that the endpoint closes while a request is on its way has not seen the request.
    private UpstreamFailure Broken(HeaderMap into, int n)
    {
        into.Clear();
        var exchange = Exchange!;
        bool silent = !exchange.ReceivedAnything;
        // Over HTTP/2 an endpoint that closes says which requests it has not seen; of others nobody knows.
        bool unseen = exchange.IsHttp2 ? exchange.IsRefused && IsWhole : silent && _repeatable && _connection!.IsReused;
        return new UpstreamFailure(FailureSide.Upstream, silent && n != 0 ? FailureReason.Reset : FailureReason.Closed,
            IsRetryable: unseen && !_fresh);
    }

    /// <summary>What came cannot be passed on, and what comes next cannot be believed: counted, and the head forgotten.</summary>
    public UpstreamFailure NoAnswer(HeaderMap head)
    {
        head.Clear();
        worker.Stats.Increment(State!.Stats.ProtocolError);
        return UpstreamFailure.Protocol;
    }

    /// <summary>The exchange is over and given back. True: the request is to be sent again.</summary>
    /// <param name="failure">How it failed; none: all of it went over both ways.</param>
    /// <param name="status">Of the answer as it was passed on; counts when nothing failed.</param>
    public bool Finish(in UpstreamFailure failure, int status)
    {
        var (stats, counts, exchange, endpoint) = (worker.Stats, State!.Stats, Exchange!, Endpoint!);
        bool complete = failure.IsNone, again = failure.IsRetryable && !_fresh;
        Leave(endpoint);
        if (!complete) status = exchange.Status;
        stats.Add(counts.TxBytes, exchange.WireBytesSent);
        stats.Add(counts.RxBytes, exchange.WireBytesReceived);
        _connection!.Finish(complete, exchange as Http2ClientExchange);
        if (complete)
        {
            if (_fresh) stats.Increment(counts.RqRetrySuccess);
            CountAnswer(status);
            stats.Record(counts.RqTime, worker.NowMicros - BeganMicros);
            Interlocked.Increment(ref status >= 500 ? ref endpoint.ErrorRequests : ref endpoint.SuccessRequests);
        }
        else
        {
            Interlocked.Increment(ref endpoint.ErrorRequests);
            if (!again)
            {
                // An answer that came and went no further than this: cut on its way, or replaced by a filter.
                if (status >= 200) CountAnswer(status);
                stats.Increment(failure.Reason == FailureReason.Cancelled ? counts.RqCancelled : counts.RxReset);
            }
        }
        if (!again) return false;
        stats.Increment(counts.RqRetry);
        _fresh = true;
        return true;
    }

    /// <summary>
    /// Once for each request, whoever made the answer: the cluster owes one, and ours in its place counts as its own, as in Envoy.
    /// </summary>
    public void CountAnswer(int status)
    {
        if (!_owesAnswer) return;
        _owesAnswer = false;
        State!.Stats.CountResponse(worker.Stats, status);
    }

    /// <summary>The answer did not come in the time that it had.</summary>
    public void CountTimeout()
    {
        if (_owesAnswer) worker.Stats.Increment(State!.Stats.RqTimeout);
        if (Exchange is not null) Interlocked.Increment(ref Endpoint!.TimeoutRequests);
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
        Client = null;
        _nameLength = 0;
        _owesAnswer = false;
    }

    /// <summary>Whoever asked has given it up.</summary>
    public void Stop()
    {
        _stopped = true;
        _connect.Cancel();
        if (_waiting is { Queued: true } waiting)
        {
            State!.StopWaiting(worker, waiting);
            waiting.Ready.Complete(false);
        }
        Exchange?.InterruptRead();
    }
}
