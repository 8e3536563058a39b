using Managed.Proxy.Http.Codecs.Http2.Frames;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>
/// How one side of the proxy speaks HTTP/2; names and meanings are Envoy's <c>http2_protocol_options</c>, immutable and shared.
/// </summary>
internal sealed record Http2Options
{
    /// <summary>Of the peer's fields that we remember, and of ours at most that it may; bytes.</summary>
    public int HpackTableSize { get; init; } = 4096;
    public int MaxConcurrentStreams { get; init; } = 100;
    /// <summary>What a stream may have sent that its consumer has not taken; bytes.</summary>
    public int InitialStreamWindowSize { get; init; } = 64 * 1024;
    /// <summary>The same for all streams of a connection together.</summary>
    public int InitialConnectionWindowSize { get; init; } = 1 << 20;
    /// <summary>Strings are sent Huffman-coded where that is shorter.</summary>
    public bool UsesHuffman { get; init; } = true;
    /// <summary>Extended CONNECT (RFC 8441) is offered.</summary>
    public bool AllowConnect { get; init; }
    public int MaxOutboundFrames { get; init; } = 10_000;
    public int MaxOutboundControlFrames { get; init; } = 1_000;
    public int MaxConsecutiveInboundFramesWithEmptyPayload { get; init; } = 1;
    public int MaxInboundPriorityFramesPerStream { get; init; } = 100;
    public int MaxInboundWindowUpdateFramesPerDataFrameSent { get; init; } = 10;
    /// <summary>
    /// A malformed message ends its stream alone, as RFC 9113 section 8.1.1 has it; false: the connection, as Envoy does unless told. On a
    /// connection that several clients share by way of a proxy in front, one of them would end the others' requests.
    /// </summary>
    public bool StreamErrorOnInvalidMessage { get; init; } = true;
    /// <summary>A PING when nothing was received for so long, microseconds; 0: none.</summary>
    public long KeepAliveIntervalMicros { get; init; }
    /// <summary>The answer to it must have come within so long, else the connection is closed.</summary>
    public long KeepAliveTimeoutMicros { get; init; }
    /// <summary>Up to so many hundredths of the interval are added to it at random.</summary>
    public int KeepAliveJitterPercent { get; init; } = 15;
    /// <summary>A connection that was idle for so long is asked before its next stream; 0: it is not. For those that we open.</summary>
    public long KeepAliveIdleMicros { get; init; }

    /// <summary>Of a head or of trailers, decoded, counted with 32 for each field; bytes.</summary>
    public int MaxHeaderBytes { get; init; } = 60 * 1024;
    public int MaxHeaderFields { get; init; } = 100;
    /// <summary>
    /// Preface and SETTINGS, and each header block or other short frame from its first byte, must be whole within so long, microseconds; 0:
    /// no limit.
    /// </summary>
    public long HeaderTimeoutMicros { get; init; } = 10_000_000;
    /// <summary>The longest frame that is taken.</summary>
    public int MaxFrameSize => Http2Settings.MinFrameSize;
    /// <summary>What may be sent and is not taken by the peer for so long ends the connection, microseconds; 0: never.</summary>
    public long WriteTimeoutMicros { get; init; } = 300_000_000;
    /// <summary>
    /// After a GOAWAY with an error, what the peer still sends is read for so long, so that the GOAWAY is not lost with a reset.
    /// </summary>
    public long DelayedCloseMicros { get; init; } = 1_000_000;
    /// <summary>
    /// Streams that are opened so long after the first GOAWAY are the last, though its PING was not answered; microseconds.
    /// </summary>
    public long DrainMicros { get; init; } = 5_000_000;
}
