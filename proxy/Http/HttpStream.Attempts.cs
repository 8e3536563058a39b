using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Retries;

namespace Managed.Proxy.Http;

/// <summary>The time that one of several attempts has, and what is left of it behind it.</summary>
public sealed partial class HttpStream
{
    // Of what an answer that is not passed on has brought, so much is skipped to keep its connection.
    private const int MostSkipped = 64 * 1024;

    private long _tryMicros, _tryIdleMicros, _retryBytes;

    // As the route says, or an internal client by its headers, which go no further.
    private void TakeTimeouts(RouteEntry route)
    {
        long all = route.TimeoutOf(RequestHeaders);
        (_tryMicros, _tryIdleMicros) = (route.Retries?.TryTimeoutMicros ?? 0, route.Retries?.TryIdleMicros ?? 0);
        if (RequestHeaders.Has(HeaderId.XEnvoyUpstreamRqTimeoutMs)) all = Milliseconds(HeaderId.XEnvoyUpstreamRqTimeoutMs, all);
        if (RequestHeaders.Has(HeaderId.XEnvoyUpstreamRqPerTryTimeoutMs))
            _tryMicros = Milliseconds(HeaderId.XEnvoyUpstreamRqPerTryTimeoutMs, _tryMicros);
        if (all > 0 && _tryMicros >= all) _tryMicros = 0;
        RouteTimeoutMicros = all;
    }

    private long Milliseconds(HeaderId id, long otherwise)
    {
        const long most = 10L * 365 * 24 * 3600 * 1000;
        long given = FieldSyntax.ParseLength(RequestHeaders.Get(id));
        RequestHeaders.Remove(id);
        return given < 0 ? otherwise : Math.Min(given, most) * 1000;
    }

    private List<byte[]>? _newCookies; // that the client is given with the answer

    private ulong? HashOf(RouteEntry route)
        => HashPolicy.Hash(route.Hashes, RequestHeaders, Info, Worker.RandomSource, Worker.Scratch, ref _newCookies);

    private SubsetCriteria? _criteria; // of a route together with what filters have left

    private SubsetCriteria? CriteriaOf(RouteEntry route)
    {
        if (Info.DynamicMetadata is not { } all || !all.TryGetValue("envoy.lb", out var values) || values.Count == 0) return route.Criteria;
        var criteria = _criteria ??= new SubsetCriteria();
        criteria.CopyFrom(route.Criteria);
        foreach (var (key, value) in values)
            if (SubsetCriteria.TextOf(value) is { } text) criteria.Set(key, text);
        criteria.Compose();
        return criteria;
    }

    internal void AddNewCookies()
    {
        if (_newCookies is not { } cookies) return;
        foreach (byte[] cookie in cookies) ResponseHeaders.Add(HeaderId.SetCookie, cookie);
    }

    private void ArmTryTimer()
    {
        if (_tryMicros == 0 || _upgraded) return;
        _tryTimer ??= new WheelTimer(static s => ((HttpStream)s!).OnTryTimeout(), this);
        Worker.Timers.Arm(_tryTimer, _tryMicros);
    }

    private void ArmTryIdle(long micros)
    {
        _tryIdleTimer ??= new WheelTimer(static s => ((HttpStream)s!).OnTryIdle(), this);
        Worker.Timers.Arm(_tryIdleTimer, micros);
    }

    private void EndTry()
    {
        if (_tryTimer is { } timer) Worker.Timers.Cancel(timer);
        if (_tryIdleTimer is { } idle) Worker.Timers.Cancel(idle);
    }

    private void OnTryTimeout()
    {
        if (IsStopped || _up is not { IsAnswered: false }) return;
        if (_hedgesTries) OnSlowTry(_upstream); else _upstream.TimeOutTry(idle: false);
    }

    private void OnTryIdle()
    {
        if (IsStopped || _up is not { } up || _upgraded) return;
        long left = Math.Max(Math.Max(_lastActivity, _upstream.BeganMicros), _upstream.HeardMicros) + _tryIdleMicros - Worker.NowMicros;
        if (left > 0) { ArmTryIdle(left); return; }
        bool answered = up.IsAnswered;
        if (_hedgesTries && !answered) { OnSlowTry(_upstream); return; }
        _upstream.TimeOutTry(idle: true);
        if (answered) OnTimeout(StreamEnd.TryIdle);
    }

    // An answer that nobody sees: where all of it is here its connection can go on.
    private void Skip(ClientExchange up)
    {
        up.BeginBody(_down.IsHead, ResponseTrailers);
        int skipped = 0;
        while (!up.BodyEnded && skipped < MostSkipped && up.TryReadBody(out var piece) == BodyResult.Data) skipped += piece.Length;
    }

    // Another attempt was wanted and there is none.
    private void NoteVerdict()
    {
        if (_upstream.Verdict == RetryVerdict.LimitExceeded) Info.Flags |= ResponseFlags.UpstreamRetryLimitExceeded;
        else if (_upstream.Verdict == RetryVerdict.Overflow) Info.Flags |= ResponseFlags.UpstreamOverflow;
    }
}
