using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>Envoy's statistics of the codec: under <c>http2.</c> for clients' connections, <c>cluster.NAME.http2.</c> for ours.</summary>
internal sealed class Http2Stats(StatBlock block)
{
    public static readonly StatGroup Group = new(
    [
        "header_overflow", "inbound_empty_frames_flood", "inbound_priority_frames_flood", "inbound_window_update_frames_flood",
        "inbound_control_frames_flood", "inbound_reset_flood", "outbound_flood", "outbound_control_flood", "rx_messaging_error", "rx_reset",
        "stream_refused_errors", "trailers", "tx_flush_timeout", "tx_reset", "keepalive_timeout", "goaway_sent", "protocol_error",
    ], ["streams_active"], []);

    public readonly Counter HeaderOverflow = block.Counter("header_overflow");
    public readonly Counter EmptyFramesFlood = block.Counter("inbound_empty_frames_flood");
    public readonly Counter PriorityFlood = block.Counter("inbound_priority_frames_flood");
    public readonly Counter WindowUpdateFlood = block.Counter("inbound_window_update_frames_flood");
    /// <summary>Connections closed for SETTINGS, PINGs and the like beyond what their traffic calls for; of our own.</summary>
    public readonly Counter ControlFlood = block.Counter("inbound_control_frames_flood");
    /// <summary>
    /// Connections closed for streams that ended by a reset, the peer's or one that it provoked, before they were served; of our own.
    /// </summary>
    public readonly Counter ResetFlood = block.Counter("inbound_reset_flood");
    public readonly Counter OutboundFlood = block.Counter("outbound_flood");
    public readonly Counter OutboundControlFlood = block.Counter("outbound_control_flood");
    public readonly Counter MessagingError = block.Counter("rx_messaging_error");
    public readonly Counter RxReset = block.Counter("rx_reset");
    public readonly Counter StreamRefused = block.Counter("stream_refused_errors");
    public readonly Counter Trailers = block.Counter("trailers");
    public readonly Counter FlushTimeout = block.Counter("tx_flush_timeout");
    public readonly Counter TxReset = block.Counter("tx_reset");
    public readonly Counter KeepAliveTimeout = block.Counter("keepalive_timeout");
    public readonly Counter GoAwaySent = block.Counter("goaway_sent");
    /// <summary>Connections closed for an error of the peer's that has no counter of its own.</summary>
    public readonly Counter ProtocolError = block.Counter("protocol_error");
    public readonly Gauge StreamsActive = block.Gauge("streams_active");
}
