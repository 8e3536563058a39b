using Managed.Proxy.Core;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Codecs.Http2;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>
/// What one request over HTTP/2 takes: the stream of its connection, the exchange on it, and the stream that filters see.
/// </summary>
internal sealed class Http2Request
{
    public Http2Request(WorkerContext worker)
    {
        Stream = new HttpStream(worker);
        Exchange = new Http2ServerExchange(
            new Http2Stream(worker.Loop) { Owner = this, Head = Stream.RequestHeaders, Trailers = Stream.RequestTrailers });
    }

    public Http2ServerExchange Exchange { get; }
    public HttpStream Stream { get; }
}

/// <summary>A worker's requests that are not in use.</summary>
internal sealed class Http2Requests(WorkerContext worker)
{
    private const int Most = 1024;

    private static readonly WorkerSlot<Http2Requests> Slot = new();

    private readonly Stack<Http2Request> _free = new();

    public static Http2Requests Of(WorkerContext worker) => Slot[worker] ??= new Http2Requests(worker);

    public Http2Request Rent() => _free.TryPop(out var request) ? request : new Http2Request(worker);

    public void Return(Http2Request request)
    {
        if (_free.Count >= Most) return;
        request.Stream.Shrink();
        _free.Push(request);
    }
}
