using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Requests;

namespace Managed.Proxy.Http.Mirroring;

/// <summary>
/// A copy of a request on its way to another cluster, beside the request itself, which never waits for it: what the copy's endpoint does
/// not take at once waits here, and with more of it than a request may keep the copy is given up. Its answer is read and thrown away.
/// Reused.
/// <para>Protocol of use: <see cref="Rent"/>, <see cref="Headers"/> filled, <see cref="Start"/>; for a body <see cref="Feed"/> and
/// <see cref="FeedEnd"/>; at the end of the request <see cref="Release"/>. On one worker.</para>
/// </summary>
internal sealed class Shadow
{
    private const int MostFree = 1024;
    // A route without a time-out waits for its own answer as long as bytes come; nobody looks at the copy's.
    private const long LongestMicros = 300_000_000;

    private static readonly WorkerSlot<Stack<Shadow>> Free = new();

    private readonly WorkerContext _worker;
    private readonly UpstreamRequest _upstream;
    private readonly HeaderMap _trailers = new(), _answer = new(), _answerTrailers = new();
    private readonly Signal _fed = new();
    private readonly WheelTimer _timer;
    private ByteWriter _waiting, _going;
    private Cluster _cluster = null!;
    private long _length, _limit, _timeoutMicros;
    private bool _hasBody, _isHead, _ended, _stopped, _timedOut, _runs, _isHeld;

    private Shadow(WorkerContext worker)
    {
        _worker = worker;
        _upstream = new UpstreamRequest(worker);
        (_waiting, _going) = (new ByteWriter(worker.Loop.Buffers), new ByteWriter(worker.Loop.Buffers));
        _timer = new WheelTimer(static s => ((Shadow)s!).OnTimeout(), this);
    }

    public HeaderMap Headers { get; } = new();

    public static Shadow Rent(WorkerContext worker)
    {
        var free = Free[worker] ??= new Stack<Shadow>();
        if (!free.TryPop(out var shadow)) shadow = new Shadow(worker);
        shadow._isHeld = true;
        return shadow;
    }

    /// <param name="cluster">Where it goes.</param>
    /// <param name="hasBody">A body or trailers follow.</param>
    /// <param name="length">Of the body; -1: unknown.</param>
    /// <param name="limit">Most bytes of the body that wait here.</param>
    /// <param name="timeoutMicros">From the end of the request; 0: five minutes.</param>
    public void Start(Cluster cluster, bool hasBody, long length, long limit, long timeoutMicros)
    {
        (_cluster, _hasBody, _length, _limit) = (cluster, hasBody, length, limit);
        _timeoutMicros = timeoutMicros > 0 ? timeoutMicros : LongestMicros;
        _ended = _stopped = _timedOut = false;
        _runs = true;
        _isHead = Headers.Get(HeaderId.Method).SequenceEqual("HEAD"u8);
        _fed.Reset();
        if (!hasBody) _worker.Timers.Arm(_timer, _timeoutMicros);
        RunAsync().Forget();
    }

    /// <summary>A piece of the body, which is copied.</summary>
    public void Feed(ReadOnlySpan<byte> piece)
    {
        if (!_runs || _stopped) return;
        if (_waiting.Length + (long)piece.Length > _limit || _worker.Loop.Buffers.Budget.IsSpent)
        {
            _worker.Stats.Increment(_cluster.State.Stats.RetryAbandoned);
            Stop();
            return;
        }
        _waiting.Write(piece);
        _fed.Set();
    }

    /// <summary>The body is whole.</summary>
    /// <param name="trailers">Behind it; null: none.</param>
    public void FeedEnd(HeaderMap? trailers)
    {
        if (!_runs || _stopped || _ended) return;
        if (trailers is not null) _trailers.CopyFrom(trailers);
        _ended = true;
        _worker.Timers.Arm(_timer, _timeoutMicros);
        _fed.Set();
    }

    /// <summary>Nothing more comes from the request. Without its end the copy is no request either.</summary>
    public void Release()
    {
        if (_runs && _hasBody && !_ended) Stop(); // held until here: it may be over within
        _isHeld = false;
        if (!_runs) Return();
    }

    private void OnTimeout()
    {
        _timedOut = true;
        _upstream.CountTimeout();
        Stop();
    }

    private void Stop()
    {
        if (_stopped) return;
        _stopped = true;
        _upstream.Stop();
        _upstream.Exchange?.InterruptWrite();
        _fed.Set();
    }

    private async IoTask<bool> RunAsync()
    {
        try
        {
            var failure = await SendAsync();
            if (failure.Side is FailureSide.Proxy or FailureSide.Upstream || _timedOut) _upstream.CountAnswer(_timedOut ? 504 : 503);
        }
        catch (Exception e)
        {
            _worker.Reports.OnCrash(e);
        }
        _upstream.End();
        _upstream.Forget();
        _worker.Timers.Remove(_timer);
        _runs = false;
        if (!_isHeld) Return();
        return true;
    }

    private void Return()
    {
        _waiting.Release();
        _going.Release();
        foreach (var map in (ReadOnlySpan<HeaderMap>)[Headers, _trailers, _answer, _answerTrailers])
        {
            map.Clear();
            map.Shrink();
        }
        if (Free[_worker]!.Count < MostFree) Free[_worker]!.Push(this);
    }

    private async IoTask<UpstreamFailure> SendAsync()
    {
        if (!_upstream.TryBegin(_cluster, isRepeatable: !_hasBody, isWhole: !_hasBody)) return UpstreamFailure.Overflow;
        if (_upstream.Naming is not null) _upstream.NameServer(Headers.Get(HeaderId.Authority));
        UpstreamFailure failure;
        do
        {
            failure = await _upstream.AcquireAsync(new PickContext { OnDemand = _upstream.OnDemandOf(Headers) });
            if (failure.IsNone) failure = await ExchangeAsync(_upstream.Exchange!);
        }
        while (_upstream.Finish(failure, _upstream.Exchange?.Status ?? 0));
        return failure;
    }

    private async IoTask<UpstreamFailure> ExchangeAsync(ClientExchange up)
    {
        up.WriteHead(Headers, _length, _hasBody, upgrade: false);
        if (_hasBody && !await SendBodyAsync(up)) return _stopped ? UpstreamFailure.GivenUp : UpstreamFailure.Closed;
        up.WriteEnd(_trailers.Count > 0 ? _trailers : null);
        await up.FlushAsync(); // a failure shows in the read
        do
        {
            if (await _upstream.ReadHeadAsync(_answer) is { IsNone: false } failed) return failed;
        }
        while (up.Status is < 200 and not 101);
        if (up.Status == 101) return _upstream.NoAnswer(_answer);
        up.BeginBody(_isHead, _answerTrailers);
        while (!_stopped)
        {
            switch (up.TryReadBody(out _))
            {
                case BodyResult.Data: break;
                case BodyResult.End: return default;
                case BodyResult.NeedMore:
                    int n = await up.FillAsync();
                    if (n < 0 && n != -Libc.EIntr) return UpstreamFailure.Closed;
                    break;
                default: return UpstreamFailure.Protocol;
            }
        }
        return UpstreamFailure.GivenUp;
    }

    private async IoTask<bool> SendBodyAsync(ClientExchange up)
    {
        while (!_stopped)
        {
            if (_waiting.Length > 0)
            {
                (_waiting, _going) = (_going, _waiting);
                bool sent = await up.WriteBodyAsync(_going.WrittenMemory) >= 0;
                _going.Release();
                if (!sent) return false;
                continue;
            }
            if (_ended) return true;
            if (await up.FlushAsync() < 0) return false;
            if (_waiting.Length == 0 && !_ended && !_stopped) await _fed.WaitAsync();
        }
        return false;
    }
}
