using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Retries;

namespace Managed.Proxy.Upstream.Requests;

/// <summary>
/// Attempts of one request beside each other, each with an object of its own. What the retry policy says is asked of the first one, which
/// counts the retries of all; the others make one attempt and no more.
/// </summary>
internal sealed partial class UpstreamRequest
{
    private RetryState? _leader; // of the request whose attempt this is beside
    private bool _isBeside, _isSlow;

    /// <summary>Another attempt was begun in the place of this one, which goes on: it is not tried again.</summary>
    public bool IsReplaced { get; set; }

    /// <summary>After <see cref="TryBegin"/>: it is one attempt of what <paramref name="first"/> began with, and owes no answer.</summary>
    public void JoinBeside(UpstreamRequest first)
    {
        _isBeside = true;
        _owesAnswer = false;
        _leader = first._mayRetry ? first._retries : null;
    }

    /// <summary>Its endpoint counts as tried for those that come after it.</summary>
    public void NoteTriedBeside()
    {
        if ((_mayRetry ? _retries : _leader) is { } retries) NoteTried(retries);
    }

    /// <summary>Its answer is the one that the request gets: it owes it now in place of the one that began.</summary>
    public void TakeOver(UpstreamRequest first)
    {
        (_owesAnswer, first._owesAnswer) = (first._owesAnswer, false);
        _isBeside = false;
        _leader = null;
    }

    /// <summary>The attempt takes too long and goes on: its endpoint is told, once. False: it was.</summary>
    public bool NoteSlow()
    {
        if (_isSlow || Exchange is not { IsAnswered: false }) return false;
        _isSlow = true;
        Endpoint!.Outliers?.Fail(timeout: true);
        return true;
    }

    /// <summary>Whether the policy would have this answer of an attempt beside this one tried again.</summary>
    public bool WantsAnother(int status, HeaderMap head) => _mayRetry && _retries!.Wants(status, head);

    /// <summary>Likewise of one that got none.</summary>
    public bool WantsAnother(in UpstreamFailure failure) => _mayRetry && failure.Side == FailureSide.Upstream
        && _retries!.WantsAfterReset(failure.Reason == FailureReason.Connect, failure.Reason == FailureReason.Refused);

    /// <summary>Takes a retry for an attempt beside this one; the place is given back by <see cref="ClusterState.LeaveRetry"/>.</summary>
    /// <param name="head">Of the answer that is not taken; null when there is none.</param>
    /// <param name="place">Whose it is; null when none was taken.</param>
    /// <param name="pauseMicros">How long the attempt has to wait.</param>
    public RetryVerdict TakeBeside(HeaderMap? head, out ClusterState? place, out long pauseMicros)
    {
        (place, pauseMicros) = (null, 0);
        var verdict = _retries!.TakeBeside(State!, _cluster.Limits, head);
        if (verdict != RetryVerdict.Again) return verdict;
        (place, pauseMicros) = (State, _retries.NextPause());
        worker.Stats.Increment(State!.Stats.RqRetry);
        return verdict;
    }

    /// <summary>A retry beside this one has an answer that is passed on.</summary>
    public void CountSuccessBeside() => worker.Stats.Increment(State!.Stats.RqRetrySuccess);
}
