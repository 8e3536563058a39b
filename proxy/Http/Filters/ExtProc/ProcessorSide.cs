using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.ExtProc;

/// <summary>
/// The request or the response of a stream as the service sees it: what was sent, which answer is awaited, what is held meanwhile.
/// Bodies lie with the filter pass (which counts and limits them) until they are answered:
/// <code>
///                    headers held until             body held until
///  NONE              their answer                   the headers' answer
///  STREAMED          their answer                   each piece's answer; pieces are sent as they come
///  BUFFERED          the body's answer              its answer; sent when it is whole
///  BUFFERED_PARTIAL  their answer                   its answer; sent when it is whole, or as much as may be held
///  FULL_DUPLEX       their answer                   each piece is with the service's connection; what is answered goes on
/// </code>
/// </summary>
internal sealed class ProcessorSide
{
    private enum Awaits : byte { Nothing, Headers, Body, Trailers }

    private readonly ExtProcFilter _filter;
    private readonly bool _response;
    private readonly WheelTimer _timer;
    private readonly WorkerContext _worker;
    private readonly Queue<int> _pieces = new(); // of a streamed body: sent, not answered
    private readonly ByteWriter _replacement;
    private Awaits _awaits;
    private int _sentLength; // of the body that is awaited
    private bool _holdsHeaders, _ended, _hasTrailers, _bodyDone, _swallows, _told, _moreTime, _duplexBegan, _over, _abandoned;

    public ProcessorSide(ExtProcFilter filter, bool response, WorkerContext worker)
    {
        (_filter, _response, _worker) = (filter, response, worker);
        _timer = new WheelTimer(static s => { var side = (ProcessorSide)s!; side._filter.OnTimeout(); }, this);
        _replacement = new ByteWriter(worker.Loop.Buffers);
    }

    public SideMode Mode { get; set; }
    /// <summary>An answer of the service is awaited, in time.</summary>
    public bool Waits => _awaits != Awaits.Nothing || _pieces.Count > 0;
    /// <summary>Bytes of the body are with the service alone.</summary>
    public bool HasGivenAway => _duplexBegan && !_over;

    /// <summary>Its hooks have nothing to do.</summary>
    /// <param name="over">The service is not asked any more.</param>
    public bool IsSilent(bool over) => over && !_swallows;

    private HttpStream Stream => _filter.Stream;
    private bool IsDuplex => Mode.Body == BodySendMode.FullDuplexStreamed;
    private bool Observes => _filter.Settings.Config.ObservabilityMode;
    private HeaderMap Map => _response ? Stream.ResponseHeaders : Stream.RequestHeaders;
    private ByteWriter? Held => _response ? Stream.BufferedResponseBody(_filter) : Stream.BufferedRequestBody(_filter);
    private int HeldLength => Held?.Length ?? 0;

    public void Reset()
    {
        _worker.Timers.Cancel(_timer);
        _pieces.Clear();
        _replacement.Release();
        _awaits = Awaits.Nothing;
        _sentLength = 0;
        _holdsHeaders = _ended = _hasTrailers = _bodyDone = _swallows = _told = _moreTime = _duplexBegan = _over = _abandoned = false;
    }

    public HeadersStatus OnHeaders(HeaderMap headers, bool end)
    {
        _ended = _bodyDone = end;
        if (!Mode.Headers)
        {
            if (!end && !Observes && Mode.Body != BodySendMode.None) headers.Remove(HeaderId.ContentLength);
            if (end) _over = true;
            return HeadersStatus.Continue;
        }
        var message = Begin();
        ProcessingRequest.Headers(message, _response, headers, end, _filter.Settings);
        if (!Send(message) || Observes) return HeadersStatus.Continue;
        _holdsHeaders = true;
        Await(Awaits.Headers, timed: !IsDuplex || end);
        return HeadersStatus.StopIteration;
    }

    public BodyStatus OnBody(ByteWriter body, bool end)
    {
        _ended |= end;
        if (_swallows) return Swallow(body, end);
        if (Observes)
        {
            if (Mode.Body == BodySendMode.Streamed) SendBody(body.Written, default, end);
            return BodyStatus.Continue;
        }
        if (_over || (_bodyDone && !Waits)) return BodyStatus.Continue;
        bool early = _awaits == Awaits.Headers;
        switch (Mode.Body)
        {
            case BodySendMode.Streamed when _bodyDone:
                return BodyStatus.StopIterationAndWatermark; // it goes on when what was sent is answered
            case BodySendMode.Streamed when !early || _filter.Settings.Config.SendBodyWithoutWaitingForHeaderResponse:
                SendPiece(body.Written, end);
                return _filter.IsOver ? BodyStatus.Continue : BodyStatus.StopIterationAndWatermark;
            case BodySendMode.Buffered:
                int length = HeldLength + body.Length;
                if (!early && end && length <= Stream.BufferLimit(_response)) SendWhole(Held is { } held ? held.Written : default,
                    body.Written, end: true);
                return _filter.IsOver ? BodyStatus.Continue : BodyStatus.StopIterationAndBuffer;
            case BodySendMode.BufferedPartial when _awaits == Awaits.Nothing && (end || IsFull(body.Length)):
                SendWhole(Held is { } kept ? kept.Written : default, body.Written, end);
                return _filter.IsOver ? BodyStatus.Continue : BodyStatus.StopIterationAndWatermark;
            case BodySendMode.FullDuplexStreamed:
                _duplexBegan = true;
                SendBody(body.Written, default, end, this, body.Length);
                if (end && _awaits == Awaits.Nothing) _awaits = Awaits.Body;
                return _filter.IsOver ? BodyStatus.Continue : BodyStatus.StopIterationAndWatermark;
            case BodySendMode.None when !early:
                return BodyStatus.Continue;
            default:
                return BodyStatus.StopIterationAndWatermark;
        }
    }

    public TrailersStatus OnTrailers(HeaderMap trailers)
    {
        _ended = _hasTrailers = true;
        if (_swallows)
        {
            Stream.WritableBody(_filter, _response).Write(_replacement.Written);
            _replacement.Release();
            trailers.Clear();
            return TrailersStatus.Continue;
        }
        if (Observes)
        {
            if (Mode.Trailers) SendTrailers(trailers);
            return TrailersStatus.Continue;
        }
        if (_over) return TrailersStatus.Continue;
        if (IsDuplex)
        {
            _duplexBegan = true;
            SendTrailers(trailers);
            if (_awaits == Awaits.Nothing) _awaits = Awaits.Trailers;
        }
        else if (!Waits) AfterHeaders(inHook: true);
        return _filter.IsOver || _over ? TrailersStatus.Continue : TrailersStatus.StopIteration;
    }

    /// <summary>An answer about this side. False: it is none that is awaited, or one that may not be.</summary>
    public bool OnAnswer(in ProcessingResponse answer)
    {
        if (_abandoned) return true;
        _moreTime = false;
        bool done;
        if (answer.Kind is AnswerKind.RequestTrailers or AnswerKind.ResponseTrailers) done = OnTrailersAnswer(answer.Body);
        else if (!CommonAnswer.TryRead(answer.Body, out var common)) return false;
        else if (answer.Kind is AnswerKind.RequestHeaders or AnswerKind.ResponseHeaders) done = OnHeadersAnswer(answer, common);
        else done = OnBodyAnswer(common);
        if (!Waits) _worker.Timers.Cancel(_timer);
        return done;
    }

    /// <summary>The service wants more time for the answer that is awaited. False: it may not have it.</summary>
    public bool TryGiveTime(long micros)
    {
        if (!Waits || _moreTime || !_timer.IsArmed) return false;
        _moreTime = true;
        _worker.Timers.Arm(_timer, micros);
        return true;
    }

    /// <summary>Bytes are with the service's connection: they are its own now.</summary>
    public void OnSent(int length)
    {
        if (length > 0 && !_over) Stream.DropBody(_filter, _response, length);
    }

    /// <summary>Somebody has answered the request from here: what the service still says of it does not matter.</summary>
    public void Abandon()
    {
        _worker.Timers.Cancel(_timer);
        _pieces.Clear();
        _awaits = Awaits.Nothing;
        _over = _abandoned = true;
    }

    /// <summary>Nobody is asked any more: what is held goes on as it is.</summary>
    public void Release()
    {
        _worker.Timers.Cancel(_timer);
        _pieces.Clear();
        _awaits = Awaits.Nothing;
        _holdsHeaders = false;
        _over = true;
        if (!_swallows) _filter.Resume(_response);
    }

    private bool OnHeadersAnswer(in ProcessingResponse answer, in CommonAnswer common)
    {
        if (_awaits != Awaits.Headers) return false;
        _awaits = Awaits.Nothing;
        if (!Mutate(common, common.Replaces)) return true;
        if (common.Replaces)
        {
            Replace(common);
            return true;
        }
        _filter.Override(answer, _response);
        if (Mode.Body is BodySendMode.Streamed or BodySendMode.BufferedPartial or BodySendMode.FullDuplexStreamed && !_bodyDone)
            Map.Remove(HeaderId.ContentLength);
        AfterHeaders(inHook: false);
        return true;
    }

    // What comes next, with what has come meanwhile.
    private void AfterHeaders(bool inHook)
    {
        if (!_bodyDone)
            switch (Mode.Body)
            {
                case BodySendMode.Buffered:
                    if (_ended) SendWhole(Held is { } all ? all.Written : default, default, end: !_hasTrailers);
                    return;
                case BodySendMode.BufferedPartial:
                    if (_ended || IsFull(0)) SendWhole(Held is { } most ? most.Written : default, default, _ended && !_hasTrailers);
                    else LetHeadersGo();
                    return;
                case BodySendMode.Streamed:
                    LetHeadersGo();
                    if (_pieces.Count > 0) // sent before
                    {
                        Await(Awaits.Nothing, timed: true);
                        return;
                    }
                    bool last = _ended && !_hasTrailers;
                    if (HeldLength > 0 || last) SendPiece(Held is { } kept ? kept.Written : default, last);
                    if (_pieces.Count > 0 || _filter.IsOver) return;
                    break;
                case BodySendMode.FullDuplexStreamed:
                    LetHeadersGo();
                    if (_ended) _awaits = _hasTrailers ? Awaits.Trailers : Awaits.Body;
                    return;
            }
        AfterBody(inHook);
    }

    private bool OnBodyAnswer(in CommonAnswer common)
    {
        if (IsDuplex) return OnDuplexAnswer(common);
        if (common.IsStreamed) return false;
        if (_pieces.Count > 0 && _awaits != Awaits.Headers) return OnPieceAnswer(common);
        if (_awaits != Awaits.Body) return false;
        _awaits = Awaits.Nothing;
        _bodyDone = true;
        if (_holdsHeaders && !Mutate(common, replaces: false)) return true;
        if (common.HasBody)
        {
            if (_holdsHeaders && Map.Has(HeaderId.ContentLength)) SetLength(common.Body.Length);
            var held = Stream.WritableBody(_filter, _response);
            _replacement.Clear();
            _replacement.Write(held.Written[_sentLength..]);
            held.Clear();
            held.Write(common.Body);
            held.Write(_replacement.Written);
            _replacement.Release();
        }
        AfterBody(inHook: false);
        return true;
    }

    private bool OnPieceAnswer(in CommonAnswer common)
    {
        int length = _pieces.Dequeue();
        if (common.Replaces) _bodyDone = true; // the rest is not sent any more
        if (common.HasBody)
        {
            _replacement.Clear();
            _replacement.Write(common.Body);
            Stream.PassOn(_filter, _response, length, _replacement.WrittenMemory);
            _replacement.Release();
        }
        else Stream.PassOn(_filter, _response, length, null);
        if (_pieces.Count > 0) Await(_awaits, timed: true);
        else if (_ended || _bodyDone) AfterBody(inHook: false);
        return true;
    }

    private bool OnDuplexAnswer(in CommonAnswer common)
    {
        if (_awaits == Awaits.Headers || _over || !_duplexBegan || (common.HasBody && !common.IsStreamed)) return false;
        if (common.Ends && !_ended) return false;
        _replacement.Clear();
        _replacement.Write(common.Body);
        Stream.PassOn(_filter, _response, 0, _replacement.WrittenMemory);
        _replacement.Release();
        if (!common.Ends) return true;
        _bodyDone = true;
        if (_hasTrailers) return true; // their answer is still to come
        Finish();
        return true;
    }

    private bool OnTrailersAnswer(ReadOnlySpan<byte> answer)
    {
        if (_awaits != Awaits.Trailers) return false;
        _awaits = Awaits.Nothing;
        ProtoReader.TryField(answer, 1, out var mutation);
        var trailers = _response ? Stream.ResponseTrailers : Stream.RequestTrailers;
        if (_filter.Mutate(mutation, trailers, MutationTarget.Trailers, false)) Finish();
        return true;
    }

    private void AfterBody(bool inHook)
    {
        _bodyDone = true;
        if (_hasTrailers && Mode.Trailers && !_over)
        {
            _awaits = Awaits.Trailers;
            SendTrailers(_response ? Stream.ResponseTrailers : Stream.RequestTrailers);
            if (!_filter.IsOver) Await(Awaits.Trailers, timed: true);
            return;
        }
        // Trailers may still come, and be asked about.
        if (_ended || !Mode.Trailers) _over = true;
        if (!inHook) LetGo();
    }

    private void Finish()
    {
        if (IsDuplex) Stream.WritableBody(_filter, _response).Clear(); // all of it is the service's
        _awaits = Awaits.Nothing;
        _over = true;
        LetGo();
    }

    private void LetGo()
    {
        _holdsHeaders = false;
        _filter.Resume(_response);
    }

    private void LetHeadersGo()
    {
        if (!_holdsHeaders) return;
        _holdsHeaders = false;
        Stream.PassOn(_filter, _response, 0, ReadOnlyMemory<byte>.Empty);
    }

    // The message gets the body that the service gives; of its own nothing goes on.
    private void Replace(in CommonAnswer common)
    {
        _bodyDone = true;
        if (!common.HasBody || (_response && !MayHaveBody()))
        {
            _over = true;
            LetGo();
            return;
        }
        SetLength(common.Body.Length);
        Map.Remove("content-encoding"u8);
        var held = Stream.WritableBody(_filter, _response);
        held.Clear();
        _over = true;
        if (_ended)
        {
            held.Write(common.Body);
            if (_hasTrailers) (_response ? Stream.ResponseTrailers : Stream.RequestTrailers).Clear();
            LetGo();
            return;
        }
        _replacement.Clear();
        _replacement.Write(common.Body);
        _swallows = true;
        _holdsHeaders = false;
    }

    // RFC 9110 section 6.4.1.
    private bool MayHaveBody() => !Stream.IsHead && !Map.Get(HeaderId.Status).SequenceEqual("204"u8)
        && !Map.Get(HeaderId.Status).SequenceEqual("304"u8);

    private BodyStatus Swallow(ByteWriter body, bool end)
    {
        body.Clear();
        if (!end) return BodyStatus.StopIterationNoBuffer;
        body.Write(_replacement.Written);
        _replacement.Release();
        return BodyStatus.Continue;
    }

    private bool Mutate(in CommonAnswer common, bool replaces)
    {
        if (!_filter.Mutate(common.Headers, Map, _response ? MutationTarget.Response : MutationTarget.Request, replaces)) return false;
        if (!_response) _filter.ClearRoute(common);
        return true;
    }

    private void SetLength(int length)
    {
        var scratch = _worker.Scratch;
        scratch.Clear();
        scratch.Write(length);
        Map.Set(HeaderId.ContentLength, scratch.Written);
    }

    private bool IsFull(int more) => HeldLength + more >= Stream.BufferLimit(_response);

    private ByteWriter Begin()
    {
        var message = _filter.Message;
        message.Clear();
        return message;
    }

    private void SendPiece(ReadOnlySpan<byte> piece, bool end)
    {
        if (!SendBody(piece, default, end)) return;
        _pieces.Enqueue(piece.Length);
        if (_awaits == Awaits.Nothing && _pieces.Count == 1) Await(Awaits.Nothing, timed: true);
    }

    private void SendWhole(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool end)
    {
        _sentLength = first.Length + second.Length;
        if (SendBody(first, second, end)) Await(Awaits.Body, timed: true);
    }

    private bool SendBody(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool end, ProcessorSide? tells = null, int length = 0)
    {
        var message = Begin();
        ProcessingRequest.Body(message, _response, first, second, end);
        return Send(message, tells, length);
    }

    private void SendTrailers(HeaderMap trailers)
    {
        var message = Begin();
        ProcessingRequest.Trailers(message, _response, trailers, _filter.Settings);
        Send(message);
    }

    private bool Send(ByteWriter message, ProcessorSide? tells = null, int length = 0)
    {
        bool first = !_told;
        _told = true;
        return _filter.Send(message, _response, first, tells, length);
    }

    private void Await(Awaits what, bool timed)
    {
        _awaits = what;
        if (timed) _worker.Timers.Arm(_timer, _filter.Settings.MessageMicros);
    }
}
