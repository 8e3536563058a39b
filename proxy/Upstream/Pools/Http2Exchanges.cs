using Managed.Proxy.Core;
using Managed.Proxy.Http.Codecs.Http2;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>A worker's exchanges of HTTP/2 with upstreams that are not in use.</summary>
internal sealed class Http2Exchanges(WorkerContext worker)
{
    private const int Most = 1024;

    private static readonly WorkerSlot<Http2Exchanges> Slot = new();

    private readonly Stack<Http2ClientExchange> _free = new();

    public static Http2Exchanges Of(WorkerContext worker) => Slot[worker] ??= new Http2Exchanges(worker);

    public Http2ClientExchange Rent() => _free.TryPop(out var exchange) ? exchange : new Http2ClientExchange(worker.Loop);

    public void Return(Http2ClientExchange exchange)
    {
        if (_free.Count < Most) _free.Push(exchange);
    }
}
