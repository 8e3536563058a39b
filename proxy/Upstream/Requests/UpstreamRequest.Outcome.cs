using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Retries;

namespace Managed.Proxy.Upstream.Requests;

/// <summary>How an attempt ended: what is counted for it, and whether there is another.</summary>
internal sealed partial class UpstreamRequest
{
    /// <summary>
    /// The attempt is over, and its exchange, if it had one, given back. True: the request is to be sent again, after
    /// <see cref="PauseAsync"/>.
    /// </summary>
    /// <param name="failure">How it failed; none: all of it went over both ways.</param>
    /// <param name="status">Of the answer as it was passed on; counts when nothing failed.</param>
    public bool Finish(in UpstreamFailure failure, int status)
    {
        if (failure.Side == FailureSide.Upstream && Endpoint?.Outliers is { } outliers) CountOutlier(outliers, failure);
        bool again = TriesAgain(failure);
        if (Exchange is not null) GiveBack(failure, status, again);
        if (!again) return false;
        worker.Stats.Increment(State!.Stats.RqRetry);
        worker.Stats.Increment(State.Stats.RqTotal);
        _retried = true;
        _tryOver = FailureReason.None;
        return true;
    }

    private void CountOutlier(OutlierCounts outliers, in UpstreamFailure failure)
    {
        if (failure.Reason is FailureReason.TryTimeout or FailureReason.TryIdle) outliers.Fail(timeout: true);
        else if (failure.Reason != FailureReason.Rejected) outliers.Fail(timeout: false);
    }

    // First as the policy says; what it says nothing of and the endpoint has not seen is sent once more, at once.
    private bool TriesAgain(in UpstreamFailure failure)
    {
        _pauses = false;
        if (failure.Side != FailureSide.Upstream || _isBeside || IsReplaced) return false;
        bool taken = failure.Reason == FailureReason.Rejected;
        if (_mayRetry && !taken)
        {
            _retries!.Leave();
            taken = _retries.WantsAfterReset(failure.Reason == FailureReason.Connect, failure.Reason == FailureReason.Refused);
            Verdict = taken ? _retries.Take(State!, _cluster.Limits, head: null) : RetryVerdict.No;
            if (taken && Verdict != RetryVerdict.Again) return false;
            _fresh |= taken && failure.Reason is FailureReason.Closed or FailureReason.Reset;
        }
        if (taken)
        {
            _pauses = true;
            NoteTried(_retries!);
            return true;
        }
        if (!failure.IsRetryable || _fresh) return false;
        return _fresh = true;
    }

    private void NoteTried(RetryState retries)
    {
        if (Endpoint is { } endpoint) retries.Tried(endpoint);
        if (!retries.AvoidsPriorities) return;
        // Of clusters in a row a priority is a cluster.
        if (_aggregate is not null) _triedParts |= UInt128.One << _part;
        else if (Endpoint is not null) retries.TriedPriority(_cluster.Endpoints.PriorityOf(Endpoint));
    }

    /// <summary>Waits as long as the policy has it wait before the next attempt. False: it was given up meanwhile.</summary>
    public IoTask<bool> PauseAsync() => _pauses ? WaitAsync() : new IoTask<bool>(!_stopped);

    private async IoTask<bool> WaitAsync()
    {
        if (!_stopped) await _retries!.PauseAsync();
        return !_stopped;
    }

    private void GiveBack(in UpstreamFailure failure, int status, bool again)
    {
        var (stats, counts, exchange, endpoint) = (worker.Stats, State!.Stats, Exchange!, Endpoint!);
        bool complete = failure.IsNone, rejected = failure.Reason == FailureReason.Rejected,
            redirected = failure.Reason == FailureReason.Redirected, outrun = failure.Reason == FailureReason.Outrun,
            skipped = rejected || redirected || failure.Reason == FailureReason.Discarded;
        Leave(endpoint);
        if (!complete) status = exchange.Status;
        stats.Add(counts.TxBytes, exchange.WireBytesSent);
        stats.Add(counts.RxBytes, exchange.WireBytesReceived);
        _connection!.Finish(complete || (skipped && exchange.BodyEnded), exchange as Http2ClientExchange);
        if (complete)
        {
            if (_retried && !_mayRetry) stats.Increment(counts.RqRetrySuccess);
            CountAnswer(status);
            stats.Record(counts.RqTime, worker.NowMicros - BeganMicros);
            Interlocked.Increment(ref status >= 500 ? ref endpoint.ErrorRequests : ref endpoint.SuccessRequests);
        }
        else
        {
            // Whoever was slower than another attempt has done nothing wrong.
            if (!outrun) Interlocked.Increment(ref redirected ? ref endpoint.SuccessRequests : ref endpoint.ErrorRequests);
            if (rejected) counts.CountRetried(stats, status);
            if (outrun || failure.Reason == FailureReason.Discarded) stats.Increment(counts.TxReset);
            else if (!again && !(rejected && _isBeside))
            {
                // An answer that came and went no further than this: cut on its way, or replaced by a filter.
                if (status >= 200) CountAnswer(status);
                if (!redirected) stats.Increment(failure.Reason == FailureReason.Cancelled ? counts.RqCancelled : counts.RxReset);
            }
        }
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

    /// <summary>The answer is a redirect that was to be followed here; whether it is.</summary>
    public void CountRedirect(bool follows)
        => worker.Stats.Increment(follows ? State!.Stats.RedirectSucceeded : State!.Stats.RedirectFailed);

    /// <summary>The answer did not come in the time that it had.</summary>
    public void CountTimeout()
    {
        if (_owesAnswer) worker.Stats.Increment(State!.Stats.RqTimeout);
        CountSlow();
    }

    /// <summary>Likewise, of an attempt beside the one that owes the answer.</summary>
    public void CountSlow()
    {
        if (Exchange is not { IsAnswered: false }) return;
        Interlocked.Increment(ref Endpoint!.TimeoutRequests);
        if (!_isSlow) Endpoint.Outliers?.Fail(timeout: true);
    }
}
