using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.AdaptiveConcurrency;

/// <summary>Refuses requests while as many are under way as may be.</summary>
internal sealed class AdaptiveConcurrencyFilter(GradientController controller, GradientStats stats, int status) : HttpFilter
{
    private long _began = -1;
    private bool _entered;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if (Stream.Info.IsHealthCheck) return HeadersStatus.Continue;
        if (controller.TryEnter(Stream.Worker, stats))
        {
            (_entered, _began) = (true, Stream.Worker.NowMicros);
            return HeadersStatus.Continue;
        }
        Stream.SendLocalReply(status, "reached concurrency limit"u8, "reached_concurrency_limit");
        return HeadersStatus.StopIteration;
    }

    public override void OnComplete()
    {
        // How long a client waited before it went says nothing.
        if ((Stream.Info.Flags & ResponseFlags.DownstreamConnectionTermination) != 0) _began = -1;
        Leave();
    }

    public override void OnDestroy()
    {
        _began = -1;
        Leave();
    }

    private void Leave()
    {
        if (!_entered) return;
        _entered = false;
        controller.Leave(Stream.Worker, stats, _began);
    }
}
