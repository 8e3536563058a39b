namespace Managed.Proxy.Router;

/// <summary>What became of a request's path on its way to the upstream.</summary>
public enum PathRewriteResult : byte
{
    /// <summary>It is as the route wants it.</summary>
    Done,
    /// <summary>The rewrite takes more work than a request may make.</summary>
    TooLong,
    /// <summary>
    /// The rewrite would make a dot segment of what was none (<c>/static../x</c>, of which prefix <c>/static</c> is replaced by
    /// <c>/files/</c>), so that the upstream reads a path outside of what the route gives away.
    /// </summary>
    DotSegment,
}
