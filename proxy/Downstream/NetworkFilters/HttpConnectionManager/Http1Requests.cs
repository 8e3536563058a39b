using Managed.Proxy.Core;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Codecs.Http1;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>What one request over HTTP/1 takes: the exchange on its connection, and its stream.</summary>
internal sealed class Http1Request(WorkerContext worker)
{
    public Http1ServerExchange Exchange { get; } = new(worker.Loop.Buffers);
    public HttpStream Stream { get; } = new(worker);
    public RequestHead Head => Exchange.Head;
}

/// <summary>A worker's requests that are not in use: a connection that is idle, or waits for a head, holds none.</summary>
internal sealed class Http1Requests(WorkerContext worker)
{
    private const int Most = 1024;

    private static readonly WorkerSlot<Http1Requests> Slot = new();

    private readonly Stack<Http1Request> _free = new();

    public static Http1Requests Of(WorkerContext worker) => Slot[worker] ??= new Http1Requests(worker);

    public Http1Request Rent() => _free.TryPop(out var request) ? request : new Http1Request(worker);

    public void Return(Http1Request request)
    {
        request.Exchange.Release();
        if (_free.Count >= Most) return;
        request.Stream.Shrink();
        _free.Push(request);
    }
}
