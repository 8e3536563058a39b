using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Http.Calls;

/// <summary>
/// A request of the proxy's own to a cluster, on the worker that asks: for filters that wait for an answer from elsewhere. Fill
/// <see cref="Request"/> and <see cref="RequestBody"/>, then <see cref="Start"/>. The answer comes once, in a later turn of the loop, never
/// within Start, and not after <see cref="Cancel"/>. Whatever goes wrong is an answer with status 503, or 504 after the time-out.
/// </summary>
internal sealed class HttpCall
{
    /// <summary>A larger answer is a failure: it is held in memory whole.</summary>
    public const int MaxResponseBody = 1 << 20; // as Envoy's default buffer limit

    private readonly WorkerContext _worker;
    private readonly Action<HttpCall> _done;
    private readonly WheelTimer _timer;
    private readonly ConnectAttempt _connect = new();
    private Http1ClientExchange? _up;
    private PendingRequest? _waiting;
    private ClusterState _state = null!;
    private bool _cancelled, _timedOut;

    public HttpCall(WorkerContext worker, Action<HttpCall> done)
    {
        _worker = worker;
        _done = done;
        _timer = new WheelTimer(static c => ((HttpCall)c!).OnTimeout(), this);
    }

    public HeaderMap Request { get; } = new();
    public ByteWriter RequestBody { get; } = new(256);
    public HeaderMap RequestTrailers { get; } = new();
    public HeaderMap Response { get; } = new();
    public HeaderMap ResponseTrailers { get; } = new();
    public ByteWriter ResponseBody { get; } = new(256);
    /// <summary>The answer is the proxy's own: none came from the cluster.</summary>
    public bool Failed { get; private set; }
    /// <summary>For the caller.</summary>
    public object? Tag { get; set; }

    /// <param name="cluster">Where.</param>
    /// <param name="timeoutMicros">0: none.</param>
    public void Start(Cluster cluster, long timeoutMicros)
    {
        _state = cluster.State;
        if (timeoutMicros > 0) _worker.Timers.Arm(_timer, timeoutMicros);
        RunAsync(cluster).Forget();
    }

    /// <summary>Answers with a failure, in a later turn of the loop as all answers; in place of <see cref="Start"/>.</summary>
    public void Fail(string reason)
    {
        SetFailure(reason);
        Answer();
    }

    /// <summary>Gives the call up; there will be no answer.</summary>
    public void Cancel()
    {
        _cancelled = true;
        Interrupt();
    }

    private bool IsStopped => _cancelled || _timedOut;

    private void OnTimeout()
    {
        _timedOut = true;
        Interrupt();
    }

    private void Interrupt()
    {
        _connect.Cancel();
        if (_waiting is { Queued: true } waiting)
        {
            _state.StopWaiting(_worker, waiting);
            waiting.Ready.Complete(false);
        }
        _up?.InterruptRead();
        _up?.InterruptWrite();
    }

    private async IoTask<bool> RunAsync(Cluster cluster)
    {
        string? failure;
        if (!_state.TryEnterRequest())
        {
            _worker.Stats.Increment(_state.Stats.RqPendingOverflow);
            failure = "overflow";
        }
        else
        {
            _worker.Stats.Increment(_state.Stats.RqTotal);
            _worker.Stats.Increment(_state.Stats.RqActive);
            try { failure = await SendAsync(cluster); }
            catch (Exception e) { _worker.Reports.OnCrash(e); failure = "internal error"; }
            _state.LeaveRequest();
            _worker.Stats.Decrement(_state.Stats.RqActive);
        }
        _worker.Timers.Remove(_timer);
        if (_cancelled) return false;
        if (failure is not null)
        {
            _state.Stats.CountResponse(_worker.Stats, _timedOut ? 504 : 503);
            SetFailure(failure);
        }
        Answer();
        return failure is null;
    }

    private void SetFailure(string reason)
    {
        Failed = true;
        Response.Clear();
        ResponseBody.Clear();
        Response.Set(HeaderId.Status, _timedOut ? "504"u8 : "503"u8);
        ResponseBody.Write(_timedOut ? "upstream request timeout" : "upstream connect error or disconnect/reset before headers. reset reason: " + reason);
    }

    // Not in this turn of the loop: whoever answers a failure with another call, and that fails at once too, would never let it end.
    private void Answer() => _worker.Post(static c =>
    {
        var call = (HttpCall)c!;
        if (!call._cancelled) call._done(call);
    }, this);

    // Null when the answer is complete.
    private async IoTask<string?> SendAsync(Cluster cluster)
    {
        bool fresh = false;
        while (!IsStopped)
        {
            if (cluster.LoadBalancer.Pick(cluster.Endpoints, _worker) is not { } endpoint)
            {
                _worker.Stats.Increment(_state.Stats.NoHealthy);
                return "no healthy upstream";
            }
            var pool = EndpointPool.Of(endpoint, _worker, _state);
            var connection = fresh ? null : pool.TryTakeIdle();
            if (connection is null)
            {
                if (!_state.TryEnterConnection(pool.OpenConnections))
                {
                    _worker.Stats.Increment(_state.Stats.CxOverflow);
                    var waiting = new PendingRequest();
                    if (!_state.TryWait(_worker, waiting)) return "overflow";
                    _waiting = waiting;
                    bool free = await waiting.Ready.AsTask();
                    _waiting = null;
                    if (!free) return "overflow";
                    continue;
                }
                (connection, _) = await pool.ConnectAsync(_connect);
                if (connection is null) return "connection failure";
            }
            _up = connection.Begin();
            Interlocked.Increment(ref endpoint.ActiveRequests);
            Interlocked.Increment(ref endpoint.TotalRequests);
            long began = _worker.NowMicros;
            var (complete, retry) = await ExchangeAsync(_up, connection.IsReused);
            int status = _up.Head.Status;
            _up = null;
            connection.Finish(complete);
            Interlocked.Decrement(ref endpoint.ActiveRequests);
            if (complete)
            {
                _state.Stats.CountResponse(_worker.Stats, status);
                _worker.Stats.Record(_state.Stats.RqTime, _worker.NowMicros - began);
                Interlocked.Increment(ref status >= 500 ? ref endpoint.ErrorRequests : ref endpoint.SuccessRequests);
                return null;
            }
            Interlocked.Increment(ref endpoint.ErrorRequests);
            if (!retry || fresh) return "connection termination";
            fresh = true; // the idle connection was closed under the request
        }
        return "timeout";
    }

    private async IoTask<(bool Complete, bool Retry)> ExchangeAsync(Http1ClientExchange up, bool reused)
    {
        if (IsStopped) return (false, false);
        bool body = RequestBody.Length > 0;
        bool trailers = RequestTrailers.Count > 0; // only a chunked body can have them (RFC 9112 section 7.1.2)
        up.WriteHead(Request, trailers ? -1 : body ? RequestBody.Length : NeedsLength() ? 0 : -1, chunked: trailers, upgrade: false);
        if (body && await up.WriteBodyAsync(RequestBody.WrittenMemory) < 0) return (false, reused && !up.ReceivedAnything && !body);
        up.WriteEnd(trailers ? RequestTrailers : null);
        await up.FlushAsync(); // a failure shows in the read
        Response.Clear();
        ResponseBody.Clear();
        up.BeginResponse(Response);
        while (true)
        {
            var result = up.TryReadHead();
            if (IsStopped || result == HeadResult.Error) return (false, false);
            if (result == HeadResult.NeedMore)
            {
                int n = await up.FillAsync();
                if (IsStopped) return (false, false);
                if (n == -Libc.EIntr || n > 0) continue;
                return (false, reused && !up.ReceivedAnything && !body);
            }
            if (up.Head.Status >= 200) break;
            if (up.Head.Status == 101) return (false, false);
            if (!up.CountInformational())
            {
                _worker.Stats.Increment(_state.Stats.InformationalOverflow);
                return (false, false);
            }
            up.BeginResponse(Response);
        }
        up.BeginBody(Request.Get(HeaderId.Method).SequenceEqual("HEAD"u8), ResponseTrailers);
        while (!IsStopped)
        {
            switch (up.TryReadBody(out var piece))
            {
                case BodyResult.Data:
                    if (ResponseBody.Length + piece.Length > MaxResponseBody || _worker.Loop.Buffers.Budget.IsSpent) return (false, false);
                    ResponseBody.Write(piece.Span);
                    break;
                case BodyResult.End:
                    return (true, false);
                case BodyResult.NeedMore:
                    int n = await up.FillAsync();
                    if (n < 0 && n != -Libc.EIntr) return (false, false);
                    break;
                default:
                    return (false, false);
            }
        }
        return (false, false);
    }

    private bool NeedsLength()
    {
        var method = Request.Get(HeaderId.Method);
        return method.SequenceEqual("POST"u8) || method.SequenceEqual("PUT"u8) || method.SequenceEqual("PATCH"u8);
    }
}
