using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

/// <summary>Counters under Envoy's names.</summary>
internal sealed class TcpStats(StatScope stats, string prefix)
{
    public readonly Counter CxTotal = stats.Counter($"tcp.{prefix}.downstream_cx_total"),
        NoRoute = stats.Counter($"tcp.{prefix}.downstream_cx_no_route"),
        RxBytes = stats.Counter($"tcp.{prefix}.downstream_cx_rx_bytes_total"),
        TxBytes = stats.Counter($"tcp.{prefix}.downstream_cx_tx_bytes_total"), IdleTimeout = stats.Counter($"tcp.{prefix}.idle_timeout"),
        MaxDuration = stats.Counter($"tcp.{prefix}.max_downstream_connection_duration");
    public readonly Gauge CxActive = stats.Gauge($"tcp.{prefix}.downstream_cx_active");
}
