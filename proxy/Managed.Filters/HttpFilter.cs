namespace Managed.Filters;

/// <summary>
/// A filter on one stream. A hook may change the headers and the body it is given, answer the request
/// (<see cref="HttpStream.SendLocalReply"/>; its return value then does not matter), or pause by its status and later resume. Request hooks
/// run in the order of the chain, response hooks in reverse. A hook that is not overridden costs nothing.
/// </summary>
public abstract class HttpFilter : FilterInstance
{
    /// <summary>The stream: from the first hook to <see cref="OnComplete"/>.</summary>
    protected HttpStream Stream { get; private set; } = null!;

    internal HttpStream StreamOfHost { set => Stream = value; }
    internal void Complete() => OnComplete();
    internal bool Reset() => TryReset();
    internal HeadersStatus RequestHeaders(Headers h, bool end) => OnRequestHeaders(h, end);
    internal BodyStatus RequestBody(FilterBuffer body, bool end) => OnRequestBody(body, end);
    internal TrailersStatus RequestTrailers(Headers t) => OnRequestTrailers(t);
    internal HeadersStatus ResponseHeaders(Headers h, bool end) => OnResponseHeaders(h, end);
    internal BodyStatus ResponseBody(FilterBuffer body, bool end) => OnResponseBody(body, end);
    internal TrailersStatus ResponseTrailers(Headers t) => OnResponseTrailers(t);

    /// <summary>The request's headers have come. <paramref name="endStream"/>: it has no body.</summary>
    protected virtual HeadersStatus OnRequestHeaders(Headers headers, bool endStream) => HeadersStatus.Continue;

    /// <summary>A piece of the request's body, which may be changed in place. An empty piece may end the stream.</summary>
    protected virtual BodyStatus OnRequestBody(FilterBuffer body, bool endStream) => BodyStatus.Continue;

    /// <summary>The request's trailers have come; they end it.</summary>
    protected virtual TrailersStatus OnRequestTrailers(Headers trailers) => TrailersStatus.Continue;

    /// <summary>The response's headers have come, from upstream or of a local reply.</summary>
    protected virtual HeadersStatus OnResponseHeaders(Headers headers, bool endStream) => HeadersStatus.Continue;

    /// <summary>A piece of the response's body, likewise.</summary>
    protected virtual BodyStatus OnResponseBody(FilterBuffer body, bool endStream) => BodyStatus.Continue;

    /// <summary>The response's trailers have come; they end it.</summary>
    protected virtual TrailersStatus OnResponseTrailers(Headers trailers) => TrailersStatus.Continue;

    /// <summary>The stream is over, whatever its outcome; the place for counters and logs.</summary>
    protected virtual void OnComplete()
    {
    }

    /// <summary>
    /// Brings every field back to its fresh state and returns true, so that this instance serves another stream and none is allocated.
    /// Called after <see cref="OnComplete"/>. False, the default: it is thrown away.
    /// </summary>
    protected virtual bool TryReset() => false;

    /// <summary>
    /// Continues the request from this filter on, after a status that stopped it. Does nothing when it is not stopped here.
    /// </summary>
    protected void ContinueRequest() => Host.Continue(response: false);

    /// <summary>Continues the response from this filter on, likewise.</summary>
    protected void ContinueResponse() => Host.Continue(response: true);
}
