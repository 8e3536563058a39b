using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.Retries;

/// <summary>What became of the wish to try again.</summary>
internal enum RetryVerdict : byte
{
    /// <summary>Nothing asks for it.</summary>
    No,
    Again,
    /// <summary>There were as many attempts as the policy allows.</summary>
    LimitExceeded,
    /// <summary>The cluster has as many retries under way as it may have.</summary>
    Overflow,
    /// <summary>It was tried again beside this attempt already.</summary>
    Replaced,
}

/// <summary>
/// The retries of one request: what its route and its headers ask for, how many are left, how long to wait, which endpoints were tried.
/// Reused; made for the first request of its owner that may be tried again.
/// </summary>
internal sealed class RetryState
{
    private readonly WorkerContext _worker;
    private readonly WheelTimer _timer;
    private readonly Signal _pause = new();
    private readonly List<Endpoint> _tried = [];
    private readonly List<uint> _moreCodes = [];
    private byte[] _headerNames = [];
    private RetryPolicy _policy = RetryPolicy.Default;
    private RetryConditions _on;
    private ClusterState? _holds;
    private uint _left;
    private int _decided;
    private long _askedMicros; // by the answer; 0: it has not

    public RetryState(WorkerContext worker)
    {
        _worker = worker;
        _timer = new WheelTimer(static s => ((RetryState)s!)._pause.Set(), this);
    }

    /// <summary>Whether a request asks for retries itself.</summary>
    public static bool IsAsked(HeaderMap request) => request.Has(HeaderId.XEnvoyRetryOn) || request.Has(HeaderId.XEnvoyRetryGrpcOn);

    /// <summary>What steers retries is for this proxy and goes no further.</summary>
    public static void Consume(HeaderMap request)
    {
        request.Remove(HeaderId.XEnvoyRetryOn);
        request.Remove(HeaderId.XEnvoyRetryGrpcOn);
        request.Remove(HeaderId.XEnvoyMaxRetries);
        request.Remove(HeaderId.XEnvoyRetriableStatusCodes);
        request.Remove(HeaderId.XEnvoyRetriableHeaderNames);
        request.Remove(HeaderId.XEnvoyHedgeOnPerTryTimeout);
    }

    /// <summary>Begins a request. False: nothing of it is tried again.</summary>
    public bool Begin(RetryPolicy? policy, HeaderMap request)
    {
        _policy = policy ?? RetryPolicy.Default;
        _on = _policy.On;
        _decided = _priorityAttempts = 0;
        TriedPriorities = _priorities = 0;
        _headerNames = [];
        _moreCodes.Clear();
        if (request.Has(HeaderId.XEnvoyRetryOn))
            _on |= RetryConditionNames.Parse(request.Get(HeaderId.XEnvoyRetryOn), ~RetryConditions.Grpc);
        if (request.Has(HeaderId.XEnvoyRetryGrpcOn))
            _on |= RetryConditionNames.Parse(request.Get(HeaderId.XEnvoyRetryGrpcOn), RetryConditions.Grpc);
        if (_on == RetryConditions.None || !MayBe(request)) return false;
        _left = _policy.Retries;
        if (request.Has(HeaderId.XEnvoyMaxRetries)
            && FieldSyntax.ParseLength(request.Get(HeaderId.XEnvoyMaxRetries)) is >= 0 and var most)
            _left = (uint)Math.Min(most, uint.MaxValue);
        var codes = request.Get(HeaderId.XEnvoyRetriableStatusCodes);
        while (FieldSyntax.NextMember(ref codes, out var code))
            if (FieldSyntax.ParseLength(code) is >= 100 and < 600 and var status) _moreCodes.Add((uint)status);
        if (request.Has(HeaderId.XEnvoyRetriableHeaderNames))
        {
            _headerNames = request.Get(HeaderId.XEnvoyRetriableHeaderNames).ToArray();
            Ascii.ToLowerInPlace(_headerNames, out _);
        }
        return true;
    }

    private bool MayBe(HeaderMap request)
    {
        foreach (var match in _policy.RequestHeaders)
            if (match.IsMatch(request)) return true;
        return _policy.RequestHeaders.Length == 0;
    }

    /// <summary>Whether this answer is one to be tried again.</summary>
    public bool Wants(int status, HeaderMap head)
    {
        // Whoever limits its clients is not to be asked again unless that is meant.
        if (head.Has(HeaderId.XEnvoyRatelimited)) return (_on & RetryConditions.RateLimited) != 0;
        if ((_on & RetryConditions.ServerError) != 0 && status >= 500) return true;
        if ((_on & RetryConditions.GatewayError) != 0 && status is >= 502 and <= 504) return true;
        if ((_on & RetryConditions.Retriable4xx) != 0 && status == 409) return true;
        if ((_on & RetryConditions.StatusCodes) != 0
            && (Array.IndexOf(_policy.StatusCodes, (uint)status) >= 0 || _moreCodes.Contains((uint)status))) return true;
        if ((_on & RetryConditions.Headers) != 0 && HasRetriableHeader(head)) return true;
        return (_on & RetryConditions.Grpc) != 0 && head.Has(HeaderId.GrpcStatus)
            && (_on & OfGrpc(FieldSyntax.ParseLength(head.Get(HeaderId.GrpcStatus)))) != 0;
    }

    /// <summary>Whether a request without an answer is one to be tried again.</summary>
    /// <param name="connect">No connection could be made.</param>
    /// <param name="refused">The endpoint says that it has not begun with it.</param>
    public bool WantsAfterReset(bool connect, bool refused)
        => (_on & (RetryConditions.Reset | RetryConditions.ServerError | RetryConditions.GatewayError)) != 0
        || (connect && (_on & (RetryConditions.ConnectFailure | RetryConditions.ResetBeforeRequest)) != 0)
        || (refused && (_on & RetryConditions.RefusedStream) != 0);

    private bool HasRetriableHeader(HeaderMap head)
    {
        foreach (var match in _policy.ResponseHeaders)
            if (match.IsMatch(head)) return true;
        ReadOnlySpan<byte> names = _headerNames;
        while (FieldSyntax.NextMember(ref names, out var name))
            if (head.TryGet(name, out _)) return true;
        return false;
    }

    private static RetryConditions OfGrpc(long status) => status switch
    {
        1 => RetryConditions.GrpcCancelled,
        4 => RetryConditions.GrpcDeadlineExceeded,
        8 => RetryConditions.GrpcResourceExhausted,
        13 => RetryConditions.GrpcInternal,
        14 => RetryConditions.GrpcUnavailable,
        _ => RetryConditions.None,
    };

    /// <summary>Takes a retry, if there is one left and the cluster has room for it; it is given back by <see cref="Leave"/>.</summary>
    /// <param name="head">Of the answer that is not taken; null when there is none.</param>
    public RetryVerdict Take(ClusterState cluster, ClusterLimits limits, HeaderMap? head)
    {
        var verdict = TakeBeside(cluster, limits, head);
        if (verdict == RetryVerdict.Again) _holds = cluster;
        return verdict;
    }

    /// <summary>Likewise, for an attempt beside others, which gives the place back itself.</summary>
    public RetryVerdict TakeBeside(ClusterState cluster, ClusterLimits limits, HeaderMap? head)
    {
        var stats = _worker.Stats;
        if (_left == 0)
        {
            stats.Increment(cluster.Stats.RqRetryLimitExceeded);
            return RetryVerdict.LimitExceeded;
        }
        _left--;
        if (!cluster.TryEnterRetry(limits))
        {
            stats.Increment(cluster.Stats.RqRetryOverflow);
            return RetryVerdict.Overflow;
        }
        _askedMicros = head is null ? 0 : AskedBy(head);
        stats.Increment(_askedMicros > 0 ? cluster.Stats.RqRetryBackoffRateLimited : cluster.Stats.RqRetryBackoffExponential);
        return RetryVerdict.Again;
    }

    // What the answer says of when to come back; 0: nothing that counts.
    private long AskedBy(HeaderMap head)
    {
        foreach (var header in _policy.ResetHeaders)
        {
            if (!header.Name.TryGet(head, out var text)) continue;
            long number = FieldSyntax.ParseLength(FieldSyntax.Trim(text));
            if (number is < 0 or > long.MaxValue / 2_000_000) continue;
            long micros = header.IsTimestamp ? number * 1_000_000 - _worker.WallMicros : number * 1_000_000;
            if (micros > 0 && micros <= _policy.MaxResetMicros) return micros;
        }
        return 0;
    }

    /// <summary>Waits until the next attempt is due, or <see cref="Wake"/>.</summary>
    public IoTask<bool> PauseAsync()
    {
        _pause.Reset();
        _worker.Timers.Arm(_timer, NextPause());
        return _pause.WaitAsync();
    }

    /// <summary>How long to wait before the attempt for which a place was taken last; microseconds.</summary>
    public long NextPause()
    {
        long longest = _policy.BaseMicros << Math.Min(_decided++, 20);
        if (longest <= 0 || longest > _policy.MaxMicros) longest = _policy.MaxMicros;
        return _askedMicros > 0 ? _askedMicros + (long)(_worker.NextRandom() % (ulong)(_askedMicros / 2 + 1))
            : (long)(_worker.NextRandom() % (ulong)longest);
    }

    public void Wake()
    {
        _worker.Timers.Cancel(_timer);
        _pause.Set();
    }

    /// <summary>The attempt has an outcome: the place that it had among the retries is free.</summary>
    public void Leave()
    {
        if (_holds is null) return;
        _holds.LeaveRetry();
        _holds = null;
    }

    /// <summary>Priorities that are left out, one bit each.</summary>
    public UInt128 TriedPriorities { get; private set; }

    private UInt128 _priorities;
    private int _priorityAttempts;

    /// <summary>So it was chosen for an attempt.</summary>
    /// <param name="priority">Its own; negative: it is not there any more.</param>
    public void TriedPriority(int priority)
    {
        if (_policy.PriorityUpdates == 0 || priority < 0) return;
        _priorities |= UInt128.One << priority;
        // As Envoy: what was tried counts each time that so many attempts were made.
        if (++_priorityAttempts % _policy.PriorityUpdates == 0) TriedPriorities = _priorities;
    }

    public bool AvoidsPriorities => _policy.PriorityUpdates > 0;

    public void Tried(Endpoint endpoint)
    {
        if (_policy.AvoidsPrevious && !_tried.Contains(endpoint)) _tried.Add(endpoint);
    }

    /// <summary>How often another endpoint may be chosen; 0: the first is as good as any.</summary>
    public int OtherChoices => _policy.ChoosesHosts ? _policy.HostAttempts : 0;

    /// <summary>Whether another endpoint would be better for a further attempt.</summary>
    public bool Avoids(Endpoint endpoint)
    {
        if (_policy.AvoidsPrevious && _tried.Contains(endpoint)) return true;
        if (_policy.AvoidsCanaries && endpoint.IsCanary) return true;
        foreach (var wanted in _policy.AvoidsMetadata)
            if (endpoint.HasMetadata(wanted)) return true;
        return false;
    }

    /// <summary>The request is over.</summary>
    public void End()
    {
        Leave();
        _worker.Timers.Remove(_timer);
        _tried.Clear();
    }
}
