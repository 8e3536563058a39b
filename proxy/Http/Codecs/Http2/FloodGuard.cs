using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>
/// What a peer may do that costs us more than it, or that no honest peer does so often: counted over the life of the connection in
/// proportion to what it is there for, as Envoy does. Each returns the counter of the limit that was passed, by which the connection
/// ends with ENHANCE_YOUR_CALM; null while all is well.
/// </summary>
internal sealed class FloodGuard(Http2Options options, Http2Stats stats)
{
    /// <summary>Envoy's <c>overload.premature_reset_total_stream_count</c>: before so many streams nobody is judged.</summary>
    public const int StreamsBeforeJudged = 500;
    /// <summary>Envoy's <c>overload.premature_reset_min_stream_lifetime_seconds</c>.</summary>
    public const long PrematureMicros = 1_000_000;

    // SETTINGS, PINGs and the like: what an honest peer has at the beginning, for each stream or DATA frame, and a second.
    private const int ControlBase = 1000, ControlPerFrame = 4, ControlPerSecond = 20;
    private const int LargeHeadsBase = 20;

    private long _streams, _dataSent, _dataReceived, _priorities, _windowUpdates, _control, _closed, _premature, _dribbles, _largeHeads;
    private int _empty;
    private long _began;

    public void Begin(long nowMicros) => _began = nowMicros;

    public void OnStream() => _streams++;
    public void OnDataSent() => _dataSent++;

    /// <summary>A frame that could have had a payload: empty ones without an end follow each other in attacks alone.</summary>
    public Counter? OnPayload(bool isEmpty, bool ends)
    {
        _dataReceived++;
        if (!isEmpty || ends) _empty = 0;
        else if (++_empty > options.MaxConsecutiveInboundFramesWithEmptyPayload) return stats.EmptyFramesFlood;
        return null;
    }

    public Counter? OnPriority() => ++_priorities > options.MaxInboundPriorityFramesPerStream * (1 + _streams) ? stats.PriorityFlood : null;

    public Counter? OnWindowUpdate()
        => ++_windowUpdates > 5 + 2 * (_streams + options.MaxInboundWindowUpdateFramesPerDataFrameSent * _dataSent)
            ? stats.WindowUpdateFlood : null;

    /// <summary>A frame that asks for work and is no stream's.</summary>
    public Counter? OnControl(long nowMicros)
    {
        if (++_control <= ControlBase) return null;
        long allowed = ControlBase + ControlPerFrame * (_streams + _dataSent + _dataReceived)
            + ControlPerSecond * ((nowMicros - _began) / 1_000_000);
        return _control > allowed ? stats.ControlFlood : null;
    }

    /// <summary>
    /// A DATA frame of a few bytes, because the peer's window was no larger: work without end for what an honest peer never does.
    /// </summary>
    public Counter? OnDribble() => ++_dribbles > ControlBase && _dribbles * 2 > _dataSent ? stats.WindowUpdateFlood : null;

    /// <summary>
    /// A head over the limits: it cost its decoding, which may be of thousands of times its bytes. More than every second one, after the
    /// first, is an attack.
    /// </summary>
    public Counter? OnLargeHead() => ++_largeHeads > LargeHeadsBase && _largeHeads * 2 > _streams ? stats.HeaderOverflow : null;

    /// <summary>
    /// A stream has ended; too early when it was reset by the peer, or for what the peer did, within its first second. More than every
    /// second one is an attack (rapid reset, CVE-2023-44487; made to reset, CVE-2025-8671).
    /// </summary>
    public Counter? OnClosed(bool tooEarly)
    {
        _closed++;
        if (tooEarly) _premature++;
        return _closed >= StreamsBeforeJudged && _premature * 2 > _closed ? stats.ResetFlood : null;
    }

    /// <summary>What waits to be sent; control frames are those that answer the peer.</summary>
    public Counter? OnOutbound(int frames, int controlFrames)
        => controlFrames > options.MaxOutboundControlFrames ? stats.OutboundControlFlood
            : frames > options.MaxOutboundFrames ? stats.OutboundFlood : null;
}
