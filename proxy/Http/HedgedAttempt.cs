using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Requests;

namespace Managed.Proxy.Http;

/// <summary>
/// An attempt of a request beside the stream's own: it sends its own copy of the whole request, reads the first head that comes and asks
/// the stream (<see cref="HttpStream.Judge"/>) what becomes of it. The one that is taken leaves its exchange to the stream; all others end
/// here. Reused; on one worker.
/// </summary>
internal sealed class HedgedAttempt
{
    private const int MostFree = 256;
    private const int MostSkipped = 64 * 1024;

    private static readonly WorkerSlot<Stack<HedgedAttempt>> Free = new();

    private readonly WorkerContext _worker;
    private readonly HeaderMap _answerTrailers = new();
    private readonly Signal _pause = new();
    private readonly WheelTimer _timer, _idleTimer;
    private HttpStream? _stream; // null: nobody waits for it any more
    private RouteEntry _route = null!;
    private Cluster _cluster = null!;
    private ClusterState? _place; // under the cluster's retries
    private PickContext _pick;
    private long _pauseMicros, _tryMicros, _idleMicros;
    private bool _tellsFormer, _hasBody;

    private HedgedAttempt(WorkerContext worker)
    {
        _worker = worker;
        Upstream = new UpstreamRequest(worker);
        Body = new ByteWriter(worker.Loop.Buffers);
        _timer = new WheelTimer(static s => ((HedgedAttempt)s!).OnTimer(), this);
        _idleTimer = new WheelTimer(static s => ((HedgedAttempt)s!).OnIdle(), this);
    }

    public UpstreamRequest Upstream { get; private set; }
    public HeaderMap Headers { get; } = new();
    public HeaderMap Trailers { get; } = new();
    public HeaderMap Answer { get; } = new();
    public ByteWriter Body { get; }
    /// <summary>It was begun for another one that failed or took long.</summary>
    public bool IsRetry => _pauseMicros >= 0;

    public static HedgedAttempt Rent(WorkerContext worker)
    {
        var free = Free[worker] ??= new Stack<HedgedAttempt>();
        return free.TryPop(out var attempt) ? attempt : new HedgedAttempt(worker);
    }

    /// <param name="stream">Whose request it is; the request is copied already.</param>
    /// <param name="cluster">As the route has it.</param>
    /// <param name="route">Its route.</param>
    /// <param name="pick">What the request says about its endpoint.</param>
    /// <param name="limits">What an attempt may take, in all and without a byte; microseconds, 0: no limit.</param>
    /// <param name="tellsFormer">The host that an endpoint's takes the place of was not told before.</param>
    public void Prepare(HttpStream stream, Cluster cluster, RouteEntry route, in PickContext pick, (long Try, long Idle) limits,
        bool tellsFormer)
    {
        (_stream, _cluster, _route, _pick, _tellsFormer) = (stream, cluster, route, pick, tellsFormer);
        (_tryMicros, _idleMicros) = limits;
        _hasBody = Body.Length > 0 || Trailers.Count > 0;
        _pause.Reset();
    }

    /// <param name="place">Under the cluster's retries, which is given back here; null: it has none.</param>
    /// <param name="pauseMicros">How long to wait first; negative: it is one of those that the request begins with.</param>
    public void Start(ClusterState? place, long pauseMicros)
    {
        (_place, _pauseMicros) = (place, pauseMicros);
        RunAsync().Forget();
    }

    /// <summary>Another one was faster, or nobody waits for an answer any more.</summary>
    public void Stop()
    {
        _stream = null;
        _worker.Timers.Cancel(_timer);
        Upstream.Stop();
        Upstream.Exchange?.InterruptWrite();
        _pause.Set();
    }

    /// <summary>The one that was taken: its exchange for what the stream had.</summary>
    public UpstreamRequest Exchange(UpstreamRequest instead)
    {
        var own = Upstream;
        Upstream = instead;
        return own;
    }

    /// <summary>After it was taken: nothing of it is needed any more.</summary>
    public void Return()
    {
        _stream = null;
        _worker.Timers.Remove(_timer);
        _worker.Timers.Remove(_idleTimer);
        Body.Release();
        foreach (var map in (ReadOnlySpan<HeaderMap>)[Headers, Trailers, Answer, _answerTrailers])
        {
            map.Clear();
            map.Shrink();
        }
        (_pick, _route, _cluster) = (default, null!, null!);
        // Who stopped it may still be at it.
        _worker.Loop.Defer(static s => ((HedgedAttempt)s!).Keep(), this);
    }

    private void Keep()
    {
        if (Free[_worker]!.Count < MostFree) Free[_worker]!.Push(this);
    }

    private async IoTask<bool> RunAsync()
    {
        UpstreamFailure failure;
        try
        {
            failure = await SendAsync();
        }
        catch (Exception e)
        {
            _worker.Reports.OnCrash(e);
            failure = UpstreamFailure.GivenUp;
        }
        _worker.Timers.Cancel(_timer);
        _worker.Timers.Cancel(_idleTimer);
        _place?.LeaveRetry();
        _place = null;
        if (_stream is { } stream)
        {
            if (stream.Judge(this, failure) is not { } verdict) return true;
            failure = verdict;
        }
        else failure = UpstreamFailure.Outrun;
        if (Upstream.Exchange is { IsAnswered: true } exchange && failure.Reason is FailureReason.Rejected or FailureReason.Discarded)
            Skip(exchange);
        Drop(failure);
        return true;
    }

    /// <summary>It ends here.</summary>
    public void Drop(in UpstreamFailure failure)
    {
        if (Upstream.State is not null)
        {
            Upstream.Finish(failure, 0);
            Upstream.End();
            Upstream.Forget();
        }
        Return();
    }

    private async IoTask<UpstreamFailure> SendAsync()
    {
        if (_pauseMicros > 0)
        {
            _worker.Timers.Arm(_timer, _pauseMicros);
            await _pause.WaitAsync();
        }
        if (_stream is not { } stream) return UpstreamFailure.Outrun;
        Upstream.Client = stream.Info.Client;
        Upstream.TellsClient = stream.Manager.TellsClient;
        if (!stream.TryJoin(Upstream, _cluster)) return UpstreamFailure.Overflow;
        if (Upstream.Naming is not null) Upstream.NameServer(Headers.Get(HeaderId.Authority));
        var acquired = Upstream.AcquireAsync(_pick);
        Upstream.NoteTriedBeside();
        var failure = await acquired;
        if (!failure.IsNone) return failure;
        if (_stream is null) return UpstreamFailure.Outrun;
        var (up, endpoint) = (Upstream.Exchange!, Upstream.Endpoint!);
        if (_route.AutoHostRewrite && endpoint.RewriteHost.Length > 0) _route.RewriteHost(Headers, endpoint.RewriteHost, _tellsFormer);
        up.WriteHead(Headers, Body.Length > 0 || !_hasBody && stream.Down.DeclaredEmptyBody ? Body.Length : -1, _hasBody, upgrade: false);
        if (_idleMicros > 0) _worker.Timers.Arm(_idleTimer, _idleMicros);
        if (Body.Length > 0) await up.WriteBodyAsync(Body.WrittenMemory); // a failure shows in the read
        if (_stream is null) return UpstreamFailure.Outrun;
        up.WriteEnd(Trailers.Count > 0 ? Trailers : null);
        if (_tryMicros > 0) _worker.Timers.Arm(_timer, _tryMicros);
        await up.FlushAsync();
        return await Upstream.ReadHeadAsync(Answer);
    }

    // First the pause is over, later the attempt's time.
    private void OnTimer()
    {
        if (Upstream.Exchange is null) _pause.Set();
        else _stream?.OnSlowAttempt(this, idle: false);
    }

    private void OnIdle()
    {
        long left = Math.Max(Upstream.BeganMicros, Upstream.HeardMicros) + _idleMicros - _worker.NowMicros;
        if (left > 0) _worker.Timers.Arm(_idleTimer, left);
        else _stream?.OnSlowAttempt(this, idle: true);
    }

    private void Skip(ClientExchange up)
    {
        up.BeginBody(isHead: Headers.Get(HeaderId.Method).SequenceEqual("HEAD"u8), _answerTrailers);
        int skipped = 0;
        while (!up.BodyEnded && skipped < MostSkipped && up.TryReadBody(out var piece) == BodyResult.Data) skipped += piece.Length;
    }
}
