using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Tap;

/// <summary>
/// Keeps of a stream what its trace may need, as it passes, and writes it: the whole when the stream is over, or each part when it comes
/// once the condition holds. Nothing of the stream is changed or held.
/// </summary>
internal sealed class TapFilter(TapSettings settings, WorkerContext worker) : HttpFilter
{
    private readonly TapMessage _request = new(worker.Loop.Buffers), _response = new(worker.Loop.Buffers);
    private bool? _holds;
    private bool _isOff, _began;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        _isOff = (int)(worker.NextRandom() % 1_000_000) >= settings.PartsPerMillion;
        Begin(_request, headers, endStream);
        Look();
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
    {
        Take(_request, body.Written, endStream, settings.KeptRequest, "request_body_chunk", 3, settings.MostRequest);
        return BodyStatus.Continue;
    }

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
    {
        End(_request, trailers, "request_trailers", 4);
        return TrailersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        Begin(_response, headers, endStream);
        if (_began) Write(TapTrace.Fields(settings, Stream.Info.StreamId, "response_headers", 5, _response.Headers));
        Look();
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
    {
        Take(_response, body.Written, endStream, settings.KeptResponse, "response_body_chunk", 6, settings.MostResponse);
        return BodyStatus.Continue;
    }

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        End(_response, trailers, "response_trailers", 7);
        return TrailersStatus.Continue;
    }

    public override void OnComplete()
    {
        if (settings.Files.TakeFailed() is > 0 and var failed) worker.Stats.Add(settings.Failed, failed);
        if (_isOff || !_request.HasHeaders) return;
        _request.IsOver = _response.IsOver = true;
        Look();
        if (_holds != true) return;
        worker.Stats.Increment(settings.Tapped);
        if (!settings.Streams) Write(TapTrace.Whole(settings, _request, _response), first: true);
    }

    public override void OnDestroy()
    {
        _request.Clear();
        _response.Clear();
        (_holds, _isOff, _began) = (null, false, false);
    }

    private void Begin(TapMessage message, HeaderMap headers, bool ended)
    {
        if (_isOff) return;
        message.Headers.CopyFrom(headers);
        (message.HasHeaders, message.IsOver, message.Micros) = (true, ended, worker.WallMicros);
    }

    private void Take(TapMessage message, ReadOnlySpan<byte> piece, bool ended, long kept, string name, int number, long most)
    {
        if (_isOff) return;
        if (!_began) message.Keep(piece, kept);
        else if (piece.Length > 0) Write(TapTrace.Piece(settings, Stream.Info.StreamId, name, number, piece, piece.Length, most));
        message.IsOver |= ended;
        Look();
    }

    private void End(TapMessage message, HeaderMap trailers, string name, int number)
    {
        if (_isOff) return;
        message.Trailers.CopyFrom(trailers);
        message.HasTrailers = message.IsOver = true;
        if (_began) Write(TapTrace.Fields(settings, Stream.Info.StreamId, name, number, message.Trailers));
        Look();
    }

    // A streamed trace begins when the condition holds, with all that has passed before.
    private void Look()
    {
        if (_isOff || _holds is not null) return;
        _holds = settings.Condition.Holds(_request, _response);
        if (_holds != true || !settings.Streams) return;
        _began = true;
        ulong id = Stream.Info.StreamId;
        Write(TapTrace.Fields(settings, id, "request_headers", 2, _request.Headers), first: true);
        if (_request.BodyLength > 0)
            Write(TapTrace.Piece(settings, id, "request_body_chunk", 3, _request.Body.Written, _request.BodyLength, settings.MostRequest));
        if (_request.HasTrailers) Write(TapTrace.Fields(settings, id, "request_trailers", 4, _request.Trailers));
        if (_response.HasHeaders) Write(TapTrace.Fields(settings, id, "response_headers", 5, _response.Headers));
        if (_response.BodyLength > 0)
            Write(TapTrace.Piece(settings, id, "response_body_chunk", 6, _response.Body.Written, _response.BodyLength,
                settings.MostResponse));
        if (_response.HasTrailers) Write(TapTrace.Fields(settings, id, "response_trailers", 7, _response.Trailers));
    }

    private void Write(byte[] message, bool first = false)
    {
        if (!settings.Files.TryWrite(Stream.Info.StreamId, message, first)) worker.Stats.Increment(settings.Dropped);
    }
}
