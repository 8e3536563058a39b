using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Requests;

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
    private readonly UpstreamRequest _upstream;
    private bool _cancelled, _timedOut;

    public HttpCall(WorkerContext worker, Action<HttpCall> done)
    {
        _worker = worker;
        _done = done;
        _timer = new WheelTimer(static c => ((HttpCall)c!).OnTimeout(), this);
        _upstream = new UpstreamRequest(worker);
    }

    public HeaderMap Request { get; } = new();
    public ByteWriter RequestBody { get; } = new(256);
    public HeaderMap RequestTrailers { get; } = new();
    public HeaderMap Response { get; } = new();
    public HeaderMap ResponseTrailers { get; } = new();
    public ByteWriter ResponseBody { get; } = new(256);
    /// <summary>The answer is the proxy's own: none came from the cluster.</summary>
    public bool Failed { get; private set; }
    /// <summary>It goes by HTTP/2, whatever else the cluster speaks.</summary>
    public bool NeedsHttp2 { get; init; }
    /// <summary>There was no answer in time.</summary>
    public bool TimedOut => _timedOut;
    /// <summary>For the caller.</summary>
    public object? Tag { get; set; }

    /// <param name="cluster">Where.</param>
    /// <param name="timeoutMicros">0: none.</param>
    public void Start(Cluster cluster, long timeoutMicros)
    {
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
        _upstream.CountTimeout();
        Interrupt();
    }

    private void Interrupt()
    {
        _upstream.Stop();
        _upstream.Exchange?.InterruptWrite();
    }

    private async IoTask<bool> RunAsync(Cluster cluster)
    {
        string? failure;
        try
        {
            failure = Describe(await SendAsync(cluster));
        }
        catch (Exception e)
        {
            _worker.Reports.OnCrash(e);
            failure = "internal error";
        }
        _worker.Timers.Remove(_timer);
        if (failure is not null && !_cancelled) _upstream.CountAnswer(_timedOut ? 504 : 503);
        _upstream.End();
        _upstream.Forget();
        if (_cancelled) return false;
        if (failure is not null) SetFailure(failure);
        Answer();
        return failure is null;
    }

    private static string? Describe(in UpstreamFailure failure) => failure.Reason switch
    {
        FailureReason.None => null,
        FailureReason.NoEndpoint => "no healthy upstream",
        FailureReason.Overflow => "overflow",
        FailureReason.Connect => "connection failure",
        _ => "connection termination",
    };

    private void SetFailure(string reason)
    {
        Failed = true;
        Response.Clear();
        ResponseBody.Clear();
        Response.Set(HeaderId.Status, _timedOut ? "504"u8 : "503"u8);
        ResponseBody.Write(_timedOut ? "upstream request timeout"
            : "upstream connect error or disconnect/reset before headers. reset reason: " + reason);
    }

    // Not in this turn of the loop: whoever answers a failure with another call, and that fails at once too, would never let it end.
    private void Answer() => _worker.Post(static c =>
    {
        var call = (HttpCall)c!;
        if (!call._cancelled) call._done(call);
    }, this);

    private async IoTask<UpstreamFailure> SendAsync(Cluster cluster)
    {
        UpstreamFailure failure;
        if (!_upstream.TryBegin(cluster, isRepeatable: RequestBody.Length == 0 && RequestTrailers.Count == 0, isWhole: true,
            needsHttp2: NeedsHttp2))
            return UpstreamFailure.Overflow;
        do
        {
            failure = await _upstream.AcquireAsync(new PickContext { OnDemand = _upstream.OnDemandOf(Request) });
            if (!failure.IsNone)
            {
                _upstream.Finish(failure, 0);
                return failure;
            }
            failure = await ExchangeAsync(_upstream.Exchange!);
            if (!failure.IsNone && _cancelled) failure = UpstreamFailure.Cancelled;
        }
        while (_upstream.Finish(failure, _upstream.Exchange!.Status));
        return failure;
    }

    private async IoTask<UpstreamFailure> ExchangeAsync(ClientExchange up)
    {
        bool body = RequestBody.Length > 0;
        bool trailers = RequestTrailers.Count > 0; // only a body whose length is not said before can have them (RFC 9112 section 7.1.2)
        long length = trailers ? -1 : body ? RequestBody.Length : NeedsLength() ? 0 : -1;
        up.WriteHead(Request, length, hasBody: body || trailers, upgrade: false);
        if (body && await up.WriteBodyAsync(RequestBody.WrittenMemory) < 0) return UpstreamFailure.Closed;
        up.WriteEnd(trailers ? RequestTrailers : null);
        await up.FlushAsync(); // a failure shows in the read
        ResponseBody.Clear();
        do
        {
            if (await _upstream.ReadHeadAsync(Response) is { IsNone: false } failed) return failed;
        }
        while (up.Status is < 200 and not 101);
        if (up.Status == 101) return _upstream.NoAnswer(Response);
        up.BeginBody(Request.Get(HeaderId.Method).SequenceEqual("HEAD"u8), ResponseTrailers);
        while (!IsStopped)
        {
            switch (up.TryReadBody(out var piece))
            {
                case BodyResult.Data:
                    if (ResponseBody.Length + piece.Length > MaxResponseBody || _worker.Loop.Buffers.Budget.IsSpent)
                        return UpstreamFailure.GivenUp;
                    ResponseBody.Write(piece.Span);
                    break;
                case BodyResult.End:
                    return default;
                case BodyResult.NeedMore:
                    int n = await up.FillAsync();
                    if (n < 0 && n != -Libc.EIntr) return UpstreamFailure.Closed;
                    break;
                default:
                    return UpstreamFailure.Protocol;
            }
        }
        return UpstreamFailure.GivenUp;
    }

    private bool NeedsLength()
    {
        var method = Request.Get(HeaderId.Method);
        return method.SequenceEqual("POST"u8) || method.SequenceEqual("PUT"u8) || method.SequenceEqual("PATCH"u8);
    }
}
