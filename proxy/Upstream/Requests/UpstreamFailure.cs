namespace Managed.Proxy.Upstream.Requests;

/// <summary>Whose doing it is that a request got no answer, or not all of it.</summary>
internal enum FailureSide : byte
{
    None,
    /// <summary>Ours: a limit, or nobody to ask.</summary>
    Proxy,
    /// <summary>The endpoint's, or of the way there.</summary>
    Upstream,
    /// <summary>Of whoever asked.</summary>
    Asker,
}

internal enum FailureReason : byte
{
    None,
    /// <summary>The cluster has no healthy endpoint.</summary>
    NoEndpoint,
    /// <summary>Too many requests, or too many that wait for a connection.</summary>
    Overflow,
    /// <summary>No connection could be made; see <see cref="UpstreamFailure.Errno"/>.</summary>
    Connect,
    /// <summary>The connection ended before the answer did.</summary>
    Closed,
    /// <summary>The upstream reset it before a byte of an answer came.</summary>
    Reset,
    /// <summary>Over HTTP/2: the upstream reset the stream, and its connection goes on.</summary>
    StreamReset,
    /// <summary>Likewise, or it goes away: it says that it has not begun with it.</summary>
    Refused,
    /// <summary>An answer came that the retry policy has tried again; it is not passed on.</summary>
    Rejected,
    /// <summary>The attempt took longer than one may, as its whole or without a byte.</summary>
    TryTimeout, TryIdle,
    /// <summary>What came is no answer, or not one that may be passed on.</summary>
    Protocol,
    /// <summary>Who asked does not wait for the answer, or does not take all of it: a time is over, another answer has gone out.</summary>
    GivenUp,
    /// <summary>Who asked is not there any more.</summary>
    Cancelled,
    /// <summary>The answer is a redirect that is followed here.</summary>
    Redirected,
    /// <summary>Of attempts beside each other: another one had its answer first.</summary>
    Outrun,
    /// <summary>Likewise: an answer that would have been tried again, while another one may still come.</summary>
    Discarded,
}

/// <summary>How a request to an upstream failed, as a value; the default is that it did not.</summary>
/// <param name="IsRetryable">The endpoint has not begun to serve it: it may be sent again, and nothing happens twice.</param>
/// <param name="Errno">What the system says; 0 when it says nothing.</param>
internal readonly record struct UpstreamFailure(FailureSide Side, FailureReason Reason, bool IsRetryable = false, int Errno = 0)
{
    public static UpstreamFailure NoEndpoint => new(FailureSide.Proxy, FailureReason.NoEndpoint);
    public static UpstreamFailure Overflow => new(FailureSide.Proxy, FailureReason.Overflow);
    public static UpstreamFailure Protocol => new(FailureSide.Upstream, FailureReason.Protocol);
    public static UpstreamFailure Rejected => new(FailureSide.Upstream, FailureReason.Rejected);
    public static UpstreamFailure Closed => new(FailureSide.Upstream, FailureReason.Closed);
    public static UpstreamFailure GivenUp => new(FailureSide.Asker, FailureReason.GivenUp);
    public static UpstreamFailure Redirected => new(FailureSide.Asker, FailureReason.Redirected);
    public static UpstreamFailure Outrun => new(FailureSide.Asker, FailureReason.Outrun);
    public static UpstreamFailure Discarded => new(FailureSide.Asker, FailureReason.Discarded);
    public static UpstreamFailure Cancelled => new(FailureSide.Asker, FailureReason.Cancelled);

    /// <summary>There was none.</summary>
    public bool IsNone => Reason == FailureReason.None;
}
