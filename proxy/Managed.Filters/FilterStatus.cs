namespace Managed.Filters;

/// <summary>What happens after a header hook. Envoy's FilterHeadersStatus.</summary>
public enum HeadersStatus
{
    /// <summary>Go on with the next filter.</summary>
    Continue,
    /// <summary>
    /// The next filters wait. Body and trailers that arrive are still given to this filter and those before it. Iteration goes on
    /// when this filter calls ContinueRequest/ContinueResponse or a later body or trailer hook of it returns Continue.
    /// </summary>
    StopIteration,
    /// <summary>
    /// No filter sees anything until this filter calls ContinueRequest/ContinueResponse. What arrives is buffered; over the
    /// stream's buffer limit the peer is no longer read (nothing is dropped, nothing fails).
    /// </summary>
    StopAllIterationAndWatermark,
}

/// <summary>What happens after a body hook. Envoy's FilterDataStatus.</summary>
public enum BodyStatus
{
    /// <summary>The piece, and all that was buffered for this filter, goes to the next filter.</summary>
    Continue,
    /// <summary>
    /// The piece is kept in the stream's buffer. Later pieces still come to this filter one by one; Continue from a later call, or
    /// ContinueRequest/ContinueResponse, passes the whole on. Over the buffer limit: 413 for a request, 500 for a response.
    /// </summary>
    StopIterationAndBuffer,
    /// <summary>As above, but over the buffer limit the peer is no longer read until the filter continues.</summary>
    StopIterationAndWatermark,
    /// <summary>The filter took the bytes: nothing is kept. It must resume the stream itself.</summary>
    StopIterationNoBuffer,
}

/// <summary>What happens after a trailer hook. Envoy's FilterTrailersStatus.</summary>
public enum TrailersStatus
{
    /// <summary>Go on with the next filter.</summary>
    Continue,
    /// <summary>The trailers wait until this filter calls ContinueRequest/ContinueResponse.</summary>
    StopIteration,
}

/// <summary>What happens after a hook of a network filter. Envoy's Network::FilterStatus.</summary>
public enum NetworkStatus
{
    /// <summary>Go on with the next filter.</summary>
    Continue,
    /// <summary>
    /// The next filters wait, and the bytes are kept; more that arrive come to this filter again together with them. It goes on when a
    /// later call returns Continue or this filter asks for it (<c>ContinueReading</c>, <c>ContinueWriting</c>). With a mebibyte kept, the
    /// side they come from is not read any more.
    /// </summary>
    StopIteration,
}

/// <summary>What a listener filter says of the first bytes of a connection.</summary>
public enum ListenerFilterStatus
{
    /// <summary>It cannot say yet; it is asked again, with all bytes from the beginning, when more have come.</summary>
    NeedMore,
    /// <summary>It has found what it can find; the next filter is asked.</summary>
    Done,
    /// <summary>The connection is to be closed.</summary>
    Reject,
}

/// <summary>Why a connection ended.</summary>
public enum ConnectionEnd
{
    /// <summary>It cannot be told.</summary>
    Unknown,
    /// <summary>The proxy closed it.</summary>
    Local,
    /// <summary>The client did.</summary>
    Remote,
}

/// <summary>How much a line of the log matters.</summary>
public enum FilterLogLevel
{
    /// <summary>For whoever looks for a fault.</summary>
    Debug,
    /// <summary>What happens as it should.</summary>
    Info,
    /// <summary>Somebody should know.</summary>
    Warning,
    /// <summary>Something does not work.</summary>
    Error,
}
