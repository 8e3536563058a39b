using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Requests;

namespace Managed.Proxy.Http;

/// <summary>
/// One request and its response, whatever codec carries them: what filters, router and access log see. Lives on one worker and is
/// reused; nothing of it may be kept after <see cref="HttpFilter.OnDestroy"/>.
/// <para>Design: two pieces of straight-line code. The main one runs the request's headers through the filters, forwards, and brings
/// the response back; a second one exists only while a request body is to be moved. Whatever happens in between (a timer, a filter that
/// resumes, a client that goes) sets a field and wakes them; they look at the fields and decide.</para>
/// <code>
///  client ─► [5.1] headers cleaned ─► [5.2] request filters ─► [6.1] route ─► [6.2] rewrites ─► [7.1] endpoint, connection
///                                                                                                   │ [7.2] request out
///  client ◄─ [5.4] bytes out  ◄────── [5.3] response filters ◄── (a reply of our own) ◄──────────── [7.3] response head in
/// </code>
/// </summary>
public sealed partial class HttpStream
{
    private readonly FilterPass _request, _response;
    private readonly Signal _main = new();
    private readonly WheelTimer _idleTimer, _routeTimer, _maxTimer, _requestTimer;
    private WheelTimer? _tryTimer, _tryIdleTimer; // of routes that limit an attempt
    private ServerExchange _down = null!;
    private UpstreamRequest _upstream;
    private ClientExchange? _up; // that the response comes from
    private RouteEntry? _route;
    private bool _routeKnown, _wakePending, _responseStarted, _upgraded;
    private long _lastActivity, _idleMicros;
    private StreamEnd _end;
    private readonly Action<StreamTrace>? _traceStarted;

    /// <summary>Why the stream cannot go on as it was.</summary>
    private enum StreamEnd : byte { None, ClientGone, RouteTimeout, RequestTimeout, IdleTimeout, MaxDuration, TryIdle, Cut }

    internal HttpStream(WorkerContext worker)
    {
        Worker = worker;
        _traceStarted = StreamTrace.SinkOf(worker);
        _upstream = new UpstreamRequest(worker);
        _replyBody = new ByteWriter(worker.Loop.Buffers);
        _sent = new ByteWriter(worker.Loop.Buffers);
        _request = new FilterPass(this, response: false);
        _response = new FilterPass(this, response: true);
        _idleTimer = new WheelTimer(static s => ((HttpStream)s!).OnIdleTimer(), this);
        _routeTimer = new WheelTimer(static s => ((HttpStream)s!).OnTimeout(StreamEnd.RouteTimeout), this);
        _requestTimer = new WheelTimer(static s => ((HttpStream)s!).OnTimeout(StreamEnd.RequestTimeout), this);
        _maxTimer = new WheelTimer(static s => ((HttpStream)s!).OnTimeout(StreamEnd.MaxDuration), this);
    }

    public WorkerContext Worker { get; }
    public StreamInfo Info { get; } = new();
    public HeaderMap RequestHeaders { get; } = new();
    public HeaderMap ResponseHeaders { get; } = new();
    public HeaderMap RequestTrailers { get; } = new();
    public HeaderMap ResponseTrailers { get; } = new();

    /// <summary>What its route gives the answer; 0: no limit.</summary>
    internal long RouteTimeoutMicros { get; private set; }
    /// <summary>The reply under way is for its longest life.</summary>
    internal bool IsOutOfTime { get; private set; }

    /// <summary>The version this stream began with and keeps to its end.</summary>
    public Generation Generation { get; private set; } = null!;
    internal ConnectionManager Manager { get; private set; } = null!;
    internal ServerExchange Down => _down;
    /// <summary>Envoy's <c>enable_trailers</c> is an option of HTTP/1: HTTP/2 has trailers always, and gRPC its status in them.</summary>
    private bool PassesTrailers => Manager.ForwardTrailers || Info.Protocol == HttpProtocol.Http2;
    /// <summary>The request is a HEAD: its answer has no body.</summary>
    internal bool IsHead => _down.IsHead;

    /// <summary>What the filters do to this stream; null but in a sandbox.</summary>
    internal StreamTrace? Trace { get; private set; }

    internal string NameOf(HttpFilter filter) => _chain[filter.Index].Name;

    /// <summary>The matched route, computed at first use; null when none matches.</summary>
    public RouteEntry? Route
    {
        get
        {
            if (_routeKnown) return _route;
            _routeKnown = true;
            _route = Manager.RoutesOf(RequestHeaders)?.Match(RequestHeaders, Info, Worker.NextRandom());
            Info.RouteName = _route?.Name;
            Info.VirtualHostName = _route?.VirtualHostName;
            return _route;
        }
    }

    /// <summary>Forgets the matched route: the next use matches again with the headers as they are then.</summary>
    public void ClearRouteCache()
    {
        _routeKnown = false;
        _route = null;
    }

    internal object? RouteConfig(int index) => Route is { HasFilterConfigs: true } route ? route.FilterConfig(_chain[index].Name)
        : null;

    /// <summary>The filters of this stream, in the order of the chain.</summary>
    internal ReadOnlySpan<HttpFilter> Filters => _filters.AsSpan(0, _filterCount);

    /// <summary>The matched route as far as it is known: null before the first use, and when none matches.</summary>
    internal RouteEntry? MatchedRoute => _route;

    internal void ContinueRequest(int index) => Continue(index, response: false);

    internal void ContinueResponse(int index) => Continue(index, response: true);

    /// <inheritdoc cref="FilterPass.Continue"/>
    internal void Continue(HttpFilter filter, bool response, bool withBody)
    {
        if (IsOver(response)) return; // nobody is left to see what was held
        (response ? _response : _request).Continue(filter, withBody);
        Wake();
    }

    /// <summary>The filter wants no body or trailers of this direction any more.</summary>
    internal void SkipRest(HttpFilter filter, bool response) => (response ? _response : _request).SkipRest(filter);

    /// <summary><c>address</c> or <c>address:port</c> of the endpoint to prefer; strict: no other will do.</summary>
    internal string? OverrideHost;
    internal bool OverrideIsStrict;

    /// <summary>
    /// What the filter has stopped of the request's body so far, without the piece of the present call; null when nothing.
    /// </summary>
    internal ByteWriter? BufferedRequestBody(HttpFilter filter) => _request.BufferOf(filter);
    /// <summary>
    /// Where a filter may put a body that the message did not come with: within its headers hook, or while it holds the message.
    /// </summary>
    internal ByteWriter WritableBody(HttpFilter filter, bool response) => (response ? _response : _request).WritableOf(filter);
    /// <inheritdoc cref="FilterPass.Join"/>
    internal ByteWriter JoinBody(HttpFilter filter, bool response) => (response ? _response : _request).Join(filter);
    internal ByteWriter? BufferedResponseBody(HttpFilter filter) => _response.BufferOf(filter);

    /// <inheritdoc cref="FilterPass.PassOn"/>
    internal void PassOn(HttpFilter filter, bool response, int count, ReadOnlyMemory<byte>? instead)
    {
        if (IsOver(response)) return;
        (response ? _response : _request).PassOn(filter, count, instead);
        Wake();
    }

    /// <inheritdoc cref="FilterPass.Drop"/>
    internal void DropBody(HttpFilter filter, bool response, int count)
    {
        (response ? _response : _request).Drop(filter, count);
        Wake();
    }

    /// <summary>Bytes of a body that have passed all filters and were not taken yet.</summary>
    internal int PassedBytes(bool response) => (response ? _response : _request).OutLength;

    /// <summary>How much of a body filters may hold.</summary>
    internal int BufferLimit(bool response) => (response ? _response : _request).BufferLimit;

    /// <summary>So much of the request's body may be held, if that is more than the listener lets filters hold.</summary>
    internal void RaiseRequestLimit(long bytes)
        => _request.BufferLimit = (int)Math.Min(Math.Max(_request.BufferLimit, bytes), int.MaxValue / 4);

    /// <summary>The response's trailers are told in another way: they do not go out, and stay for whoever logs.</summary>
    internal void KeepTrailersBack() => _keepsTrailers = true;

    /// <summary>Begins a stream whose request headers are in <see cref="RequestHeaders"/>.</summary>
    internal void Begin(ServerExchange down, ConnectionManager manager, Generation generation)
    {
        generation.EnterStream(Worker);
        _down = down;
        Manager = manager;
        Generation = generation;
        _filterCount = 0;
        _request.Begin();
        _response.Begin();
        _keepsSent = true;
        _request.BufferLimit = _response.BufferLimit = manager.BufferLimit;
        ResponseHeaders.Clear();
        ResponseTrailers.Clear();
        Info.RequestHeaders = RequestHeaders;
        Info.ResponseHeaders = ResponseHeaders;
        Info.ResponseTrailers = ResponseTrailers;
        Info.StartTime = Worker.NowMicros;
        Info.StartWallClock = Worker.WallMicros;
        Info.StreamId = Worker.NextId();
    }

    // The first of what may fail: within what gives back.
    private void Open()
    {
        // [5]
        Manager.OnRequest(this);
        Faults.Pass(FaultPoint.Exchange);
        if (_traceStarted is { } started) started(Trace = new StreamTrace());
        Touch();
        SetIdleTimeout(Manager.StreamIdleMicros);
        if (Manager.RequestMicros > 0 && _down.RequestHasBody) Worker.Timers.Arm(_requestTimer, Manager.RequestMicros);
        if (Manager.MaxStreamMicros > 0) Worker.Timers.Arm(_maxTimer, Manager.MaxStreamMicros);
    }

    /// <summary>
    /// Serves the request to the end of its response. False: the connection must close behind it. What throws in here has given back what
    /// the stream had; stream and connection are not to be used any more.
    /// </summary>
    internal async IoTask<bool> ServeAsync()
    {
        try
        {
            Open();
            if (Worker.Overload.RefusesRequests) OnMemoryShort();
            else if (Manager.PrepareRequest(this) && !(Worker.Challenges.Now is { } pending && AnswersChallenge(pending))) // [5.1]
            {
                AttachFilters();
                if (!IsStopped) _request.Headers(end: !_down.RequestHasBody); // [5.2]
                if (!_request.HeadersOut && !IsStopped && RequestHeaders.Has(HeaderId.Expect)) await InviteBodyAsync();
                while (!_request.HeadersOut && !IsStopped)
                {
                    if (_down.RequestHasBody) StartPump();
                    await _main.WaitAsync();
                }
            }
            bool complete = false;
            if (!IsStopped) complete = await ForwardAsync(); // [6]
            while (_redirects && !IsStopped) complete = await ServeAnewAsync();
            // A reply of our own may come out of any stage, also in place of an upstream's response that has not begun.
            // Filters that see a reply on its way out may answer with another one: each once.
            while (_reply == ReplyState.Asked && !_responseStarted && _end == StreamEnd.None)
                complete = _elsewhere ? await ServeElsewhereAsync() : await SendReplyAsync();
            await StopPumpAsync();
            bool reusable = complete && SkipRequestBody();
            Finish(complete);
            return reusable;
        }
        catch
        {
            Abandon();
            throw;
        }
    }

    // Nobody foresaw it: whoever else runs for the stream ends, and all that it has taken goes back.
    private void Abandon()
    {
        _end = StreamEnd.Cut;
        _pumpStop = true;
        _upstream.Stop();
        _connecting?.Cancel();
        Finish(complete: false);
        _pumpSignal.Set();
    }

    // A filter wants the body before the upstream is asked, and the client wants to be asked for it (RFC 9110 section 10.1.1).
    private async IoTask<bool> InviteBodyAsync()
    {
        RequestHeaders.Remove(HeaderId.Expect);
        if (await _down.WriteInformationalAsync(ResponseHeaders, 100)) return true;
        OnClientGone();
        return false;
    }

    private bool IsStopped => _reply == ReplyState.Asked || _end != StreamEnd.None;

    /// <summary>For the filter passes: whether this direction's iteration has lost its object.</summary>
    internal bool IsOver(bool response) => _end != StreamEnd.None || _reply == ReplyState.Asked || (!response && _reply != ReplyState.None);

    /// <summary>A filter threw: a bug in it, which costs this stream and nothing else.</summary>
    internal void OnFilterFailure(HttpFilter filter, Exception exception)
    {
        Worker.Reports.OnFilterFailure(filter.GetType().Name, exception);
        FailStream("filter_failure");
    }

    /// <summary>The stream cannot go on, through no fault of either side.</summary>
    internal void FailStream(string details)
    {
        if (_reply == ReplyState.Sending || _responseStarted) { _end = StreamEnd.Cut; Wake(); }
        else SendLocalReply(500, default, details, ResponseFlags.LocalReset);
    }

    /// <summary>The client is gone: what is still under way for it is given up.</summary>
    internal void OnClientGone()
    {
        if (_end == StreamEnd.None) _end = StreamEnd.ClientGone;
        Info.Flags |= ResponseFlags.DownstreamConnectionTermination;
        Wake();
    }

    /// <summary>The process is short of memory or connections: a body that hardly comes is not waited for.</summary>
    internal void OnPressed()
    {
        const long bytesPerSecond = 1024;
        long age = Worker.NowMicros - Info.StartTime;
        if (_down.BodyEnded || _upgraded || IsStopped || age < Worker.Overload.GraceMicros) return;
        if (Info.BytesReceived >= age * bytesPerSecond / 1_000_000) return;
        Manager.CountOverload(Worker);
        _down.EndConnection();
        SendLocalReply(408, StreamTimeoutText.Span, "overload", ResponseFlags.OverloadManagerTerminated);
    }

    /// <summary>The client is to open another connection for its next request.</summary>
    internal void EndConnection() => _down.EndConnection();

    /// <summary>The connection is to be closed now, whatever the stream does (drain deadline).</summary>
    internal void Cut()
    {
        if (_end == StreamEnd.None) _end = StreamEnd.Cut;
        Wake();
    }

    private void Finish(bool complete)
    {
        var timers = Worker.Timers;
        timers.Cancel(_idleTimer);
        timers.Cancel(_routeTimer);
        timers.Cancel(_maxTimer);
        timers.Cancel(_requestTimer);
        EndTry();
        try
        {
            if (_hedges is not null) EndRace();
            _upstream.End();
        }
        catch (Exception e)
        {
            Worker.Reports.OnCrash(e);
        }
        Info.EndTime = Worker.NowMicros;
        _down.FillInfo(Info);
        for (int i = 0; i < _filterCount; i++)
            if ((_places[i].Factory.Hooks & FilterHooks.Complete) != 0) Complete(_filters[i]);
        try
        {
            Manager.OnComplete(this, complete);
        }
        catch (Exception e)
        {
            Worker.Reports.OnCrash(e); // the access log: the stream is over all the same
        }
        ReturnFilters();
        if (_shadowCount > 0) ReleaseShadows();
        Generation.LeaveStream(Worker);
        Info.Reset();
        _end = StreamEnd.None;
        _reply = ReplyState.None;
        OverrideHost = null;
        _newCookies = null;
        IsStoredReply = false;
        _replyBody.Release();
        _sent.Release();
        _bodyEnded = _sentEnd = IsOutOfTime = _keepsTrailers = false;
        RouteTimeoutMicros = _tryMicros = _tryIdleMicros = 0;
        _request.End();
        _response.End();
        _redirects = _elsewhere = false;
        Replaces = null;
        _redirected = 0;
        _followed?.Clear();
        _routeKnown = _responseStarted = _wakePending = _upgraded = _connects = _tunnelEnded = false;
        _route = null;
        _up = null;
        _upstream.Forget();
        _main.Reset();
        RequestTrailers.Clear();
    }

    /// <summary>Between two requests: lets go of what only an unusual one needed.</summary>
    internal void Shrink()
    {
        RequestHeaders.Shrink();
        ResponseHeaders.Shrink();
        RequestTrailers.Shrink();
        ResponseTrailers.Shrink();
    }

    /// <summary>Lets both pieces of straight-line code look at the fields again, later in this turn.</summary>
    private void Wake()
    {
        if (_wakePending) return;
        _wakePending = true;
        Worker.Loop.Defer(static s => ((HttpStream)s!).OnWake(), this);
    }

    private void OnWake()
    {
        if (!_wakePending) return;
        _wakePending = false;
        ulong id = Info.StreamId;
        _main.Set();
        if (Info.StreamId != id) return; // that was its end, and the connection waits for the next request
        _pumpSignal.Set();
        if (_tunnel is { } tunnel)
        {
            // Nothing that is resumed now concerns the bytes of a tunnel; an end does.
            if (_end != StreamEnd.None) tunnel.Stop();
            return;
        }
        if (IsStopped || _winner is not null)
        {
            if (_winner is not null) _up?.InterruptWrite();
            _upstream.Stop();
            _connecting?.Cancel();
        }
        else _up?.InterruptRead();
        if (Info.StreamId != id) return;
        if (_end != StreamEnd.None)
        {
            _up?.InterruptWrite();
            _down.InterruptWrite();
        }
        _down.InterruptRead();
    }

    private void Touch() => _lastActivity = Worker.NowMicros;

    private void SetIdleTimeout(long micros)
    {
        _idleMicros = micros;
        if (micros > 0) Worker.Timers.Arm(_idleTimer, micros); else Worker.Timers.Cancel(_idleTimer);
    }

    private void OnIdleTimer()
    {
        long left = Math.Max(_lastActivity, _upstream.HeardMicros) + _idleMicros - Worker.NowMicros;
        if (left > 0) { Worker.Timers.Arm(_idleTimer, left); return; }
        OnTimeout(StreamEnd.IdleTimeout);
    }

    private void OnTimeout(StreamEnd end)
    {
        if (_end != StreamEnd.None || _reply == ReplyState.Asked) return;
        IsOutOfTime = end == StreamEnd.MaxDuration;
        Manager.CountTimeout(Worker, end == StreamEnd.RouteTimeout, end == StreamEnd.IdleTimeout, end == StreamEnd.RequestTimeout);
        if (end == StreamEnd.RouteTimeout) CountRouteTimeout();
        (int status, string details, var flag, ReadOnlyMemory<byte> text) = end switch
        {
            StreamEnd.RouteTimeout => (504, "response_timeout", ResponseFlags.UpstreamRequestTimeout, UpstreamTimeoutText),
            StreamEnd.RequestTimeout => (408, "request_overall_timeout", ResponseFlags.None, StreamTimeoutText),
            StreamEnd.IdleTimeout => (_down.BodyEnded ? 504 : 408, "stream_idle_timeout", ResponseFlags.StreamIdleTimeout,
                StreamTimeoutText),
            StreamEnd.TryIdle => (504, "upstream_per_try_idle_timeout", ResponseFlags.StreamIdleTimeout, UpstreamTimeoutText),
            _ => (_down.BodyEnded ? 504 : 408, "max_duration_timeout", ResponseFlags.UpstreamMaxStreamDurationReached, StreamTimeoutText),
        };
        if (_responseStarted)
        {
            _end = end;
            Info.Flags |= flag;
            Info.Details = details;
        }
        else if (end is StreamEnd.RouteTimeout or StreamEnd.TryIdle) ReplyForUpstream(status, text.Span, details, flag);
        else SendLocalReply(status, text.Span, details, flag);
        Wake();
    }

    private static readonly ReadOnlyMemory<byte> UpstreamTimeoutText = "upstream request timeout"u8.ToArray();
    private static readonly ReadOnlyMemory<byte> StreamTimeoutText = "stream timeout"u8.ToArray();
}
