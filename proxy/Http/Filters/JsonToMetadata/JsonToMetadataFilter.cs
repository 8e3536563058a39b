using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.JsonToMetadata;

/// <summary>
/// Holds a body until it is whole, reads it and lets it go unchanged; the head waits, so that later filters and the route see what was
/// noted.
/// </summary>
internal sealed class JsonToMetadataFilter(JsonToMetadataSettings own, JsonStats request, JsonStats response) : HttpFilter
{
    private const int Most = 1 << 20; // as Envoy's default buffer limit

    private JsonRules? _request, _response; // while their bodies are waited for

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
        => Begin((RouteConfig<JsonToMetadataSettings>() ?? own).Request, ref _request, headers, endStream, request);

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
        => Take(ref _request, Stream.BufferedRequestBody(this), body, endStream, request, isResponse: false);

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
    {
        End(ref _request, Stream.BufferedRequestBody(this), request);
        return TrailersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
        => Begin((RouteConfig<JsonToMetadataSettings>() ?? own).Response, ref _response, headers, endStream || Stream.IsHead, response);

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
        => Take(ref _response, Stream.BufferedResponseBody(this), body, endStream, response, isResponse: true);

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        End(ref _response, Stream.BufferedResponseBody(this), response);
        return TrailersStatus.Continue;
    }

    public override void OnDestroy() => _request = _response = null;

    private HeadersStatus Begin(JsonRules? rules, ref JsonRules? waiting, HeaderMap headers, bool end, JsonStats stats)
    {
        if (rules is null) return HeadersStatus.Continue;
        if (!rules.IsFor(headers)) Stream.Worker.Stats.Increment(stats.MismatchedContentType);
        else if (end)
        {
            Stream.Worker.Stats.Increment(stats.NoBody);
            rules.NoteMissing(Stream.Info);
        }
        else
        {
            waiting = rules;
            return HeadersStatus.StopIteration;
        }
        return HeadersStatus.Continue;
    }

    private BodyStatus Take(ref JsonRules? rules, ByteWriter? kept, ByteWriter body, bool end, JsonStats stats, bool isResponse)
    {
        if (rules is null) return BodyStatus.Continue;
        if ((kept?.Length ?? 0) + body.Length > Most)
        {
            Stream.Worker.Stats.Increment(stats.InvalidJsonBody);
            rules.NoteError(Stream.Info);
            rules = null;
            return BodyStatus.Continue;
        }
        if (!end) return BodyStatus.StopIterationAndBuffer;
        End(ref rules, Stream.JoinBody(this, isResponse), stats);
        return BodyStatus.Continue;
    }

    private void End(ref JsonRules? rules, ByteWriter? body, JsonStats stats)
    {
        if (rules is not { } all) return;
        rules = null;
        if (body is not { Length: > 0 })
        {
            Stream.Worker.Stats.Increment(stats.NoBody);
            all.NoteMissing(Stream.Info);
        }
        else Stream.Worker.Stats.Increment(all.TryNote(body.Written, Stream.Info) ? stats.Success : stats.InvalidJsonBody);
    }
}
