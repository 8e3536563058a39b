using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>Connections that are made before requests need them (Envoy: per_upstream_preconnect_ratio).</summary>
internal sealed partial class EndpointPool
{
    private const int MostAtOnce = 3; // Envoy's, for each request that begins

    /// <summary>A request has begun: those that may come behind it are to find connections. Does nothing where one carries many.</summary>
    public void Preconnect(ClusterLimits limits, UpstreamSocket? socket, UpstreamHttp http)
    {
        if (IsRetired || Shares(http)) return;
        for (int i = 0; i < MostAtOnce; i++)
        {
            int busy = _open.Count - _ready.Count;
            if (busy * limits.PreconnectRatio <= _open.Count + _connecting) return;
            if (!State.TryEnterConnection(OpenConnections, limits, Endpoint)) return;
            PreconnectAsync(limits, socket, http).Forget();
        }
    }

    private async IoTask<bool> PreconnectAsync(ClusterLimits limits, UpstreamSocket? socket, UpstreamHttp http)
    {
        var (connection, _) = await ConnectAsync(new ConnectAttempt(), limits, socket, http);
        if (connection is null) return false;
        if (IsRetired) connection.Close(); else connection.Vacate();
        return true;
    }
}
