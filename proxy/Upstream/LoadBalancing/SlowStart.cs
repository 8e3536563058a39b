using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>
/// The share of its weight that an endpoint has as long as it is new (Envoy: slow start): of the window that is over, to the power of one
/// by the aggression, and <c>min_weight_percent</c> at least.
/// </summary>
internal sealed class SlowStart(SlowStartConfig config)
{
    private readonly double _power = 1 / (config.Aggression?.DefaultValue is > 0 and var given ? given : 1);
    private readonly double _least = (config.MinWeightPercent?.Value ?? 10) / 100;

    public long WindowMicros { get; } = config.SlowStartWindow!.Value.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>1: all of it.</summary>
    public double ShareOf(Endpoint endpoint, long nowMicros)
    {
        long age = Math.Max(1000, nowMicros - endpoint.SinceMicros);
        if (age >= WindowMicros) return 1;
        double time = (double)age / WindowMicros;
        return Math.Max(_least, _power == 1 ? time : Math.Pow(time, _power));
    }
}
