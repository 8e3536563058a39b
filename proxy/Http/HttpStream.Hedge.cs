using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Requests;
using Managed.Proxy.Upstream.Retries;

namespace Managed.Proxy.Http;

/// <summary>
/// Several attempts of a request at a time (Envoy: hedge_policy; what Envoy's router does where an attempt takes longer than its
/// per_try_timeout). The stream's own attempt goes its usual way; others (<see cref="HedgedAttempt"/>) run beside it once the request is
/// whole. All of them come here with what they got, and here alone it is decided: the first answer that the retry policy has nothing
/// against is passed on, and the others are reset; another one is dropped as long as one may still come.
/// </summary>
public sealed partial class HttpStream
{
    private List<HedgedAttempt>? _hedges; // under way
    private HedgedAttempt? _winner; // whose answer is passed on next
    private Cluster? _raceCluster;
    private RouteEntry? _raceRoute;
    private PickContext _racePick;
    private UpstreamFailure _lastFailure;
    private int _firstHedges, _hedgesBegun;
    private bool _hedging, _hedgesTries, _mainRuns;

    private void PlanHedges(RouteEntry route)
    {
        var policy = route.Hedging;
        var asked = RequestHeaders.Get(HeaderId.XEnvoyHedgeOnPerTryTimeout);
        _hedgesTries = asked.SequenceEqual("true"u8) || (policy?.OnTryTimeout == true && !asked.SequenceEqual("false"u8));
        _firstHedges = policy?.FirstBeside(Worker.NextRandom()) ?? 0;
        _hedging = _hedgesTries || _firstHedges > 0;
    }

    // The stream's own first attempt has chosen its endpoint.
    private void BeginRace(Cluster cluster, RouteEntry route, in PickContext pick)
    {
        (_raceCluster, _raceRoute, _racePick, _mainRuns) = (cluster, route, pick, true);
        _hedges ??= [];
        if (!HasRequestBody) BeginFirstHedges();
    }

    private void BeginFirstHedges()
    {
        if (_firstHedges > 0) _upstream.NoteTriedBeside();
        for (; _firstHedges > 0 && _winner is null && !IsStopped; _firstHedges--) Hedge(null, pauseMicros: -1, tookLong: false);
    }

    // Another attempt; the request is whole.
    private void Hedge(ClusterState? place, long pauseMicros, bool tookLong)
    {
        var hedge = HedgedAttempt.Rent(Worker);
        hedge.Headers.CopyFrom(RequestHeaders);
        hedge.Headers.Remove(HeaderId.Expect);
        if (_sent.Length > 0) hedge.Body.Write(_sent.Written);
        if (RequestTrailers.Count > 0 && PassesTrailers && HasRequestBody) hedge.Trailers.CopyFrom(RequestTrailers);
        Manager.PrepareUpstream(this, hedge.Headers, _raceRoute!, Math.Max(1, Info.UpstreamAttempts) + _hedgesBegun++,
            _hedgesTries ? 0 : _tryMicros, tookLong);
        hedge.Prepare(this, _raceCluster!, _raceRoute!, _racePick, (_tryMicros, _tryIdleMicros), tellsFormer: Info.UpstreamAttempts == 0);
        _hedges!.Add(hedge);
        hedge.Start(place, pauseMicros);
    }

    /// <summary>A place for an attempt beside the stream's own. False: there is none.</summary>
    internal bool TryJoin(UpstreamRequest attempt, Cluster cluster)
    {
        bool begun = attempt.TryBegin(cluster, isRepeatable: false, isWhole: false, fromHttp2: Info.Protocol == HttpProtocol.Http2);
        attempt.JoinBeside(_upstream);
        return begun;
    }

    // The policy has another one, which begins beside the others.
    private bool TryHedge(HeaderMap? head, bool tookLong)
    {
        var verdict = _upstream.TakeBeside(head, out var place, out long pause);
        if (verdict == RetryVerdict.Again) Hedge(place, pause, tookLong);
        else Info.Flags |= verdict == RetryVerdict.Overflow ? ResponseFlags.UpstreamOverflow : ResponseFlags.UpstreamRetryLimitExceeded;
        return verdict == RetryVerdict.Again;
    }

    internal void OnSlowAttempt(HedgedAttempt hedge, bool idle)
    {
        if (_hedgesTries) OnSlowTry(hedge.Upstream); else hedge.Upstream.TimeOutTry(idle);
    }

    // It goes on, with another one beside it.
    private void OnSlowTry(UpstreamRequest slow)
    {
        if (!slow.NoteSlow() || IsStopped || _winner is not null || !_hedging || !_upstream.MayRetry) return;
        if (HasRequestBody && !_sentEnd) return; // an idle time-out within the body
        _upstream.NoteTriedBeside();
        slow.IsReplaced = TryHedge(null, tookLong: true);
    }

    // The head of the stream's own attempt is here, or none will come.
    private UpstreamFailure Race(in UpstreamFailure failure, ClientExchange up)
    {
        if (_winner is not null) return UpstreamFailure.Outrun;
        // A 1xx goes to the client, as in Envoy: what follows is this one's too.
        if (failure.IsNone && up.Status is < 200 and not 101) EndRace();
        return failure;
    }

    private bool WinsRace()
    {
        if (_upstream.Verdict != RetryVerdict.No && _hedges is { Count: > 0 })
        {
            NoteVerdict();
            _mainRuns = false;
            return false;
        }
        EndRace();
        return true;
    }

    /// <summary>An attempt beside the stream's own is over, or has a head. Null: it is taken; else how it ends.</summary>
    internal UpstreamFailure? Judge(HedgedAttempt hedge, in UpstreamFailure failure)
    {
        if (IsStopped || _winner is not null)
        {
            _hedges!.Remove(hedge);
            return UpstreamFailure.Outrun;
        }
        bool answers = failure.IsNone;
        int status = answers ? hedge.Upstream.Exchange!.Status : 0;
        bool wanted = answers ? status is >= 200 && _upstream.WantsAnother(status, hedge.Answer) : _upstream.WantsAnother(failure);
        if (answers && !wanted)
        {
            if (hedge.IsRetry) _upstream.CountSuccessBeside();
            return Win(hedge);
        }
        if (wanted && !hedge.Upstream.IsReplaced && TryHedge(answers ? hedge.Answer : null, tookLong: false))
        {
            _hedges!.Remove(hedge);
            return answers ? UpstreamFailure.Rejected : failure;
        }
        bool last = !_mainRuns && _hedges!.Count == 1;
        if (answers && last) return Win(hedge);
        _hedges!.Remove(hedge);
        if (answers) return UpstreamFailure.Discarded;
        _lastFailure = failure;
        if (last) Wake();
        return failure;
    }

    private UpstreamFailure? Win(HedgedAttempt hedge)
    {
        _winner = hedge;
        _hedges!.Remove(hedge);
        Wake();
        return null;
    }

    // The stream's own attempt has nothing to pass on: what the others have.
    private async IoTask<UpstreamFailure> FinishRaceAsync(UpstreamFailure failure, RouteEntry route)
    {
        if (_mainRuns) (_mainRuns, _lastFailure) = (false, failure);
        while (_winner is null && _hedges!.Count > 0 && !IsStopped) await _main.WaitAsync();
        if (IsStopped) return UpstreamFailure.GivenUp;
        if (_winner is not { } winner) return _lastFailure;
        TakeOver(winner);
        var up = _up = _upstream.Exchange!;
        if (_tryIdleMicros > 0) ArmTryIdle(_tryIdleMicros);
        failure = default;
        while (failure.IsNone && up.Status is < 200 and not 101)
        {
            bool passed = await _down.WriteInformationalAsync(ResponseHeaders, up.Status);
            if (!passed) OnClientGone();
            failure = passed ? await _upstream.ReadHeadAsync(ResponseHeaders) : UpstreamFailure.Cancelled;
        }
        if (failure.IsNone && route.InternalRedirects is not null && FollowsRedirect(up, route)) failure = UpstreamFailure.Redirected;
        if (failure.IsNone) failure = IsStopped ? UpstreamFailure.GivenUp : await PassOnAsync(up, route);
        Info.UpstreamWireBytesSent = up.WireBytesSent;
        Info.UpstreamWireBytesReceived = up.WireBytesReceived;
        EndTry();
        _up = null;
        if (!failure.IsNone && _end == StreamEnd.ClientGone) failure = UpstreamFailure.Cancelled;
        _upstream.Finish(failure, Info.ResponseCode);
        return failure;
    }

    private void TakeOver(HedgedAttempt winner)
    {
        _winner = null;
        EndRace();
        var first = _upstream;
        first.End();
        _upstream = winner.Exchange(first);
        _upstream.TakeOver(first);
        first.Forget();
        ResponseHeaders.CopyFrom(winner.Answer);
        winner.Return();
        DescribeEndpoint(_upstream.Endpoint!);
        DescribeExchange(_upstream.Exchange!);
        Info.UpstreamAsked = _upstream.AskedMicros;
    }

    // Whoever is still under way is reset.
    private void EndRace()
    {
        if (_hedges is { Count: > 0 } all)
        {
            foreach (var hedge in all) hedge.Stop();
            all.Clear();
        }
        if (_winner is { } winner)
        {
            _winner = null;
            winner.Drop(UpstreamFailure.Outrun);
        }
        Info.UpstreamAttempts += _hedgesBegun;
        (_firstHedges, _hedgesBegun) = (0, 0);
        (_hedging, _hedgesTries, _mainRuns) = (false, false, false);
        (_raceCluster, _raceRoute, _racePick) = (null, null, default);
    }

    private void CountRouteTimeout()
    {
        _upstream.CountTimeout();
        if (_hedges is not { Count: > 0 } all) return;
        foreach (var hedge in all) hedge.Upstream.CountSlow();
    }
}
