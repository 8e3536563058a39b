using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.HealthCheck;

/// <summary>Finds health checks and answers them, or remembers how the service did.</summary>
internal sealed class HealthCheckFilter(HealthCheckSettings settings) : HttpFilter
{
    private bool _asks; // the service, whose answer is to be remembered

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if (!settings.IsCheck(headers)) return HeadersStatus.Continue;
        Stream.Info.IsHealthCheck = true;
        if (!settings.PassThrough)
        {
            if (settings.AreClustersHealthy()) Stream.SendLocalReply(200, default, "health_check_ok");
            else Stream.SendLocalReply(503, default, "health_check_failed_cluster_not_healthy");
            return HeadersStatus.StopIteration;
        }
        if (settings.Remembered(Stream.Worker.NowMicros) is > 0 and var status)
        {
            Stream.SendLocalReply(status, default, "health_check_cached");
            return HeadersStatus.StopIteration;
        }
        _asks = true;
        return HeadersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (_asks) settings.Remember((int)FieldSyntax.ParseLength(headers.Get(HeaderId.Status)), Stream.Worker.NowMicros);
        return HeadersStatus.Continue;
    }

    public override void OnDestroy() => _asks = false;
}
