namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>What a template's output becomes; decides how unset values print and what is escaped.</summary>
public enum FormatUse
{
    /// <summary>A header or query value: unset is empty. The writer of the header makes the value safe (see <c>HeaderValue</c>).</summary>
    Header,
    /// <summary>
    /// A line of a log: unset is <c>-</c>; quotes, backslashes and control characters of values are escaped, so that one request is one
    /// line.
    /// </summary>
    Log,
    /// <summary>A body: unset is <c>-</c>, values are written as they are.</summary>
    Body,
}
