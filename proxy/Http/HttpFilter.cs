using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http;

/// <summary>Which hooks a filter overrides, so that the path can skip the rest.</summary>
[Flags]
public enum FilterHooks
{
    None = 0,
    RequestHeaders = 1, RequestBody = 2, RequestTrailers = 4,
    ResponseHeaders = 8, ResponseBody = 16, ResponseTrailers = 32,
    Complete = 64,
}

/// <summary>
/// One filter on one stream, on one worker: no locks, no other threads. Instances are pooled: <see cref="OnDestroy"/> must bring
/// every field back to its fresh state. A hook may change the headers and the body it is given, call
/// <see cref="HttpStream.SendLocalReply(int, ReadOnlySpan{byte}, string, Streams.ResponseFlags)"/> (its return value then does not matter)
/// or pause by its status and later resume through the stream, on the same worker (<see cref="WorkerContext.Post"/> brings other threads
/// there). Request hooks run in the order of the chain, response hooks in reverse.
/// </summary>
public abstract class HttpFilter
{
    /// <summary>The stream this instance serves; set before the first hook, gone after <see cref="OnDestroy"/>.</summary>
    public HttpStream Stream { get; internal set; } = null!;
    /// <summary>This instance's place in the chain; identifies it to the stream.</summary>
    internal int Index;

    /// <summary>The name it has in its chain.</summary>
    public override string ToString() => Stream is { } stream ? stream.NameOf(this) : GetType().Name;

    public virtual HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream) => HeadersStatus.Continue;
    /// <summary>A piece of the body. The filter may change <paramref name="body"/> in place. An empty piece may end the stream.</summary>
    public virtual BodyStatus OnRequestBody(ByteWriter body, bool endStream) => BodyStatus.Continue;
    public virtual TrailersStatus OnRequestTrailers(HeaderMap trailers) => TrailersStatus.Continue;
    public virtual HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream) => HeadersStatus.Continue;
    public virtual BodyStatus OnResponseBody(ByteWriter body, bool endStream) => BodyStatus.Continue;
    public virtual TrailersStatus OnResponseTrailers(HeaderMap trailers) => TrailersStatus.Continue;

    /// <summary>The stream is over, whatever its outcome; the place for counters and logs.</summary>
    public virtual void OnComplete() { }
    /// <summary>Last call: cancel timers and calls, clear the fields. The instance will serve another stream.</summary>
    public virtual void OnDestroy() { }

    /// <summary>
    /// Continues the request from this filter on, after a status that stopped it. Does nothing when it is not stopped here.
    /// </summary>
    protected void ContinueRequest() => Stream.ContinueRequest(Index);
    /// <summary>Continues the response from this filter on, after a status that stopped it.</summary>
    protected void ContinueResponse() => Stream.ContinueResponse(Index);
    /// <summary>
    /// What the matched route says to this filter (its built per-route configuration: route, else virtual host, else route
    /// configuration); null when it says nothing or no route matches.
    /// </summary>
    protected T? RouteConfig<T>() where T : class => Stream.RouteConfig(Index) as T;
}
