using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.ExtProc;

/// <summary>
/// Sends what its mode says to a service, over one gRPC stream for each request, and does what the service answers. The request and the
/// response are a <see cref="ProcessorSide"/> each; here is what they share: the stream, its end, failures.
/// </summary>
internal sealed class ExtProcFilter : HttpFilter
{
    private const long FullMicros = 5_000; // between two looks whether the client has taken what is there for it

    private readonly ProcessorSide _request, _response;
    private readonly WheelTimer _full;
    private readonly Queue<(ProcessorSide? Side, int Length)> _sent = new();
    private GrpcCall? _call;
    private ProcessingMode _mode;
    private ProcessorService _service;
    private MetadataOptionsConfig _metadata;
    private HeaderMutations _additions = HeaderMutations.None;
    private byte[]? _immediate;
    private bool _allowsFailure;

    public ExtProcFilter(ExtProcSettings settings, WorkerContext worker)
    {
        Settings = settings;
        _service = settings.Service;
        _metadata = settings.Config.MetadataOptions;
        _request = new ProcessorSide(this, response: false, worker);
        _response = new ProcessorSide(this, response: true, worker);
        _full = new WheelTimer(static f => ((ExtProcFilter)f!).LookForRoom(), this);
    }

    public ExtProcSettings Settings { get; }
    /// <summary>The service is not asked any more.</summary>
    public bool IsOver { get; private set; }
    /// <summary>For a message to be written and sent at once.</summary>
    public ByteWriter Message { get; } = new(1024);

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        Begin();
        bool ends = endStream || headers.Has(HeaderId.Upgrade) || headers.Get(HeaderId.Method).SequenceEqual("CONNECT"u8);
        return _request.OnHeaders(headers, ends);
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
        => _request.IsSilent(IsOver) ? BodyStatus.Continue : _request.OnBody(body, endStream);

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
        => _request.IsSilent(IsOver) ? TrailersStatus.Continue : _request.OnTrailers(trailers);

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (IsOver) return HeadersStatus.Continue;
        if (Stream.IsOver(response: false)) _request.Abandon();
        return _response.OnHeaders(headers, endStream);
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
        => _response.IsSilent(IsOver) ? BodyStatus.Continue : _response.OnBody(body, endStream);

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
        => _response.IsSilent(IsOver) ? TrailersStatus.Continue : _response.OnTrailers(trailers);

    public override void OnDestroy()
    {
        Close();
        Stream.Worker.Timers.Cancel(_full);
        _request.Reset();
        _response.Reset();
        _sent.Clear();
        _service = Settings.Service;
        _metadata = Settings.Config.MetadataOptions;
        _additions = HeaderMutations.None;
        _immediate = null;
        IsOver = false;
        Message.Release(keep: 64 * 1024);
    }

    // The most specific level that says something about a thing says it.
    private void Begin()
    {
        _mode = Settings.Mode;
        _allowsFailure = Settings.Config.FailureModeAllow;
        if (Stream.Route is { HasFilterConfigs: true } route)
        {
            var levels = route.FilterConfigs(Stream.NameOf(this));
            for (int i = levels.Length - 1; i >= 0; i--)
            {
                if (levels[i] is not ExtProcOverrides says) continue;
                if (says.Mode is { } mode) _mode = Settings.Config.ObservabilityMode ? mode.ForObserver() : mode;
                _service = says.Service ?? _service;
                _metadata = says.Metadata ?? _metadata;
                _allowsFailure = says.FailureModeAllow ?? _allowsFailure;
                if (!says.Additions.IsEmpty) _additions = says.Additions;
            }
        }
        (_request.Mode, _response.Mode) = (_mode.Request, _mode.Response);
    }

    /// <summary>
    /// Sends a message about a side, over a stream that is begun where there is none. False: that failed, which is dealt with.
    /// </summary>
    /// <param name="message">The part about the side; the rest is put behind it.</param>
    /// <param name="response">About the response.</param>
    /// <param name="first">The side's first.</param>
    /// <param name="tells">Whom to tell that it is with the connection.</param>
    /// <param name="length">What to tell.</param>
    public bool Send(ByteWriter message, bool response, bool first, ProcessorSide? tells, int length)
    {
        if (IsOver) return false;
        bool begins = _call is null;
        ProcessingRequest.Context(message, Stream, _metadata.ForwardingNamespaces.Untyped,
            !first ? [] : response ? Settings.ResponseAttributes : Settings.RequestAttributes, begins ? _mode : null, Settings.Config);
        var call = _call ?? Open();
        if (call.IsClosed) return true; // its end is on the way
        bool tooMuch = Settings.Config.ObservabilityMode && call.Size > Stream.BufferLimit(response);
        if (tooMuch || Stream.Worker.Loop.Buffers.Budget.IsSpent || !call.Send(message.Written, end: false))
        {
            Count(Settings.Stats.StreamsFailed);
            Fail(Settings.StatusOnError, "ext_proc_error_message_not_sent");
            return false;
        }
        if (_mode.IsDuplex) _sent.Enqueue((tells, length));
        Count(Settings.Stats.MessagesSent);
        return true;
    }

    private GrpcCall Open()
    {
        Count(Settings.Stats.StreamsStarted);
        var call = _call = new GrpcCall(Stream.Worker, streaming: true,
            static (c, news, status, _) => ((ExtProcFilter)c.Tag!).OnNews(c, news, status)) { Tag = this, TellsSent = _mode.IsDuplex };
        var metadata = new HeaderMap();
        var scratch = Stream.Worker.Scratch;
        _service.Metadata.Apply(metadata, Stream.Info, scratch);
        _additions.Apply(metadata, Stream.Info, scratch);
        call.Start(Stream.Generation.Clusters.GetValueOrDefault(_service.Cluster), _service.Authority, ExtProcSettings.Path, metadata);
        return call;
    }

    private void OnNews(GrpcCall call, GrpcNews news, int status)
    {
        if (!ReferenceEquals(call, _call)) return;
        switch (news)
        {
            case GrpcNews.Message:
                if (!Settings.Config.ObservabilityMode)
                {
                    Count(Settings.Stats.MessagesReceived);
                    OnMessage(call.Message);
                    if (_call is null) return;
                }
                LookForRoom();
                break;
            case GrpcNews.Sent when _sent.TryDequeue(out var sent):
                sent.Side?.OnSent(sent.Length);
                break;
            case GrpcNews.Close when status == 0:
                call.End(0, []);
                _call = null;
                Count(Settings.Stats.StreamsClosed);
                if (_request.HasGivenAway || _response.HasGivenAway) Fail(Settings.StatusOnError, "ext_proc_error_stream_closed");
                else GoOnAlone();
                break;
            case GrpcNews.Close:
                call.End(status, []);
                _call = null;
                Count(Settings.Stats.StreamsFailed);
                Fail(Settings.StatusOnError, $"ext_proc_error_gRPC_error_{status}");
                break;
        }
    }

    // What the service gives must not pile up where nobody takes it.
    private void LookForRoom()
    {
        if (_call is not { } call) return;
        if (Stream.PassedBytes(response: false) <= Stream.BufferLimit(response: false)
            && Stream.PassedBytes(response: true) <= Stream.BufferLimit(response: true))
            call.MakeRoom();
        else Stream.Worker.Timers.Arm(_full, FullMicros);
    }

    private void OnMessage(byte[] message)
    {
        if (!ProcessingResponse.TryRead(message, out var answer))
        {
            Count(Settings.Stats.StreamsFailed);
            Fail(Settings.StatusOnError, "ext_proc_error_gRPC_error_13");
            return;
        }
        if (answer.MoreMicros >= 0)
        {
            GiveTime(answer.MoreMicros);
            return;
        }
        TakeMetadata(answer.Metadata);
        if (answer.Kind == AnswerKind.Immediate)
        {
            Reply(answer.Body);
            return;
        }
        var side = answer.Kind is AnswerKind.RequestHeaders or AnswerKind.RequestBody or AnswerKind.RequestTrailers ? _request : _response;
        if (answer.Kind != AnswerKind.None && side.OnAnswer(answer)) return;
        Count(Settings.Stats.Spurious);
        Fail(Settings.StatusOnError, "ext_proc_error_spurious_message");
    }

    private void GiveTime(long micros)
    {
        Count(Settings.Stats.TimeoutOverrides);
        bool may = micros >= 1000 && micros <= Settings.MaxMessageMicros;
        if (!may || !(_request.TryGiveTime(micros) || _response.TryGiveTime(micros))) Count(Settings.Stats.TimeoutOverridesIgnored);
    }

    private void TakeMetadata(ReadOnlySpan<byte> metadata)
    {
        if (metadata.IsEmpty || _metadata.ReceivingNamespaces.Untyped.Count == 0
            || !ProtoValue.TryReadStruct(metadata, out var spaces)) return;
        foreach (string space in _metadata.ReceivingNamespaces.Untyped)
            if (spaces.GetValueOrDefault(space) is Dictionary<string, object?> values)
                foreach (var (key, value) in values) Stream.Info.MetadataOf(space)[key] = value;
    }

    /// <summary>A service that is allowed to has another mode for what is left.</summary>
    public void Override(in ProcessingResponse answer, bool response)
    {
        var config = Settings.Config;
        if (!answer.HasMode || !config.AllowModeOverride || config.SendBodyWithoutWaitingForHeaderResponse || _mode.IsDuplex
            || answer.Override() is not { } mode) return;
        bool may = config.AllowedOverrideModes.Count == 0;
        foreach (var allowed in config.AllowedOverrideModes) may |= IsSame(allowed, mode);
        if (!may) return;
        _mode = _mode.With(mode);
        if (!response) _request.Mode = _mode.Request;
        _response.Mode = _mode.Response;
    }

    private static bool IsSame(ProcessingModeConfig one, ProcessingModeConfig other)
        => (one.ResponseHeaderMode, one.RequestBodyMode, one.ResponseBodyMode, one.RequestTrailerMode, one.ResponseTrailerMode)
            == (other.ResponseHeaderMode, other.RequestBodyMode, other.ResponseBodyMode, other.RequestTrailerMode,
                other.ResponseTrailerMode);

    /// <summary>Changes headers or trailers. False: the change is an error, and the request has failed.</summary>
    public bool Mutate(ReadOnlySpan<byte> mutation, HeaderMap headers, MutationTarget target, bool replaces)
    {
        bool ok = Settings.Rules.Apply(mutation, headers, target, replaces, out int rejected);
        if (rejected > 0) Stream.Worker.Stats.Add(Settings.Stats.Rejected, rejected);
        if (!ok) Fail(Settings.StatusOnError, "ext_proc_error_header_mutation", mayGoOn: false);
        return ok;
    }

    /// <summary>After a change of the request's headers.</summary>
    public void ClearRoute(in CommonAnswer answer)
    {
        switch (Settings.CacheAction)
        {
            case RouteCacheAction.Retain:
                if (answer.ClearsRoute) Count(Settings.Stats.ClearDisabled);
                break;
            case RouteCacheAction.Clear:
                if (answer.HasHeaders) Stream.ClearRouteCache();
                break;
            default:
                if (answer is { ClearsRoute: true, HasHeaders: true }) Stream.ClearRouteCache();
                else if (answer.ClearsRoute) Count(Settings.Stats.ClearIgnored);
                break;
        }
    }

    public void Resume(bool response)
    {
        if (response) ContinueResponse(); else ContinueRequest();
    }

    public void OnTimeout()
    {
        Count(Settings.Stats.Timeouts);
        Fail(504, "ext_proc_error_per-message_timeout_exceeded");
    }

    private void Reply(ReadOnlySpan<byte> answer)
    {
        if (Settings.Config.DisableImmediateResponse)
        {
            GoOnAlone();
            return;
        }
        ulong code = ProtoReader.TryField(answer, 1, out var status) ? ProtoReader.Number(status, 1, 200) : 200;
        if (code is < 200 or > 599)
        {
            Count(Settings.Stats.Spurious);
            Fail(Settings.StatusOnError, "ext_proc_error_spurious_message");
            return;
        }
        IsOver = true;
        Close();
        _immediate = answer.ToArray();
        ProtoReader.TryField(answer, 3, out var body);
        ProtoReader.TryField(answer, 5, out var details);
        Stream.SendLocalReply((int)code, body, details.IsEmpty ? "ext_proc_immediate_response" : Details(details),
            Streams.ResponseFlags.None, static (headers, filter) => ((ExtProcFilter)filter!).Decorate(headers), this);
    }

    private static string Details(ReadOnlySpan<byte> details)
        => string.Concat(Encoding.UTF8.GetString(details[..Math.Min(details.Length, 256)]).Select(c => c is > ' ' and < '\x7f' ? c : '_'));

    private void Decorate(HeaderMap headers)
    {
        if (_immediate is not { } answer) return;
        if (ProtoReader.TryField(answer, 2, out var mutation))
        {
            Settings.Rules.Apply(mutation, headers, MutationTarget.Reply, false, out int rejected);
            if (rejected > 0) Stream.Worker.Stats.Add(Settings.Stats.Rejected, rejected);
        }
        if (!ProtoReader.TryField(answer, 4, out var grpc)) return;
        var scratch = Stream.Worker.Scratch;
        scratch.Clear();
        scratch.Write((long)Math.Min(ProtoReader.Number(grpc, 1, 0), 1000));
        headers.Set(HeaderId.GrpcStatus, scratch.Written);
    }

    private void Fail(int status, string details, bool mayGoOn = true)
    {
        if (IsOver) return;
        bool goesOn = Settings.Config.ObservabilityMode
            || (mayGoOn && _allowsFailure && !_request.HasGivenAway && !_response.HasGivenAway);
        if (goesOn)
        {
            if (!Settings.Config.ObservabilityMode) Count(Settings.Stats.FailureModeAllowed);
            GoOnAlone(isFailure: true);
            return;
        }
        IsOver = true;
        Close(isFailure: true);
        Stream.SendLocalReply(status, default, details);
    }

    // No more is asked of the service: what is held goes on.
    private void GoOnAlone(bool isFailure = false)
    {
        if (IsOver) return;
        IsOver = true;
        Close(isFailure);
        _request.Release();
        _response.Release();
    }

    // A service that has failed is not listened to until it ends by itself.
    private void Close(bool isFailure = false)
    {
        if (_call is not { } call) return;
        _call = null;
        if (!call.IsClosed) Count(Settings.Stats.StreamsClosed);
        if (isFailure) call.Cancel();
        else call.Linger(ExtProcSettings.Micros(Settings.Config.DeferredCloseTimeout));
    }

    private void Count(Counter counter) => Stream.Worker.Stats.Increment(counter);
}
