namespace Managed.AdminApi.Versions;

/// <summary>Events 3100–3199.</summary>
internal static partial class PublisherLog
{
    [LoggerMessage(3100, LogLevel.Information, "Version {Version} is live ({Author} by {Source}, {DurationMs:0.0} ms)")]
    public static partial void Applied(ILogger logger, long version, string author, string source, double durationMs);

    [LoggerMessage(3101, LogLevel.Warning, "Version {Version} was rejected, the former one stays: {Reason}")]
    public static partial void Rejected(ILogger logger, long version, string reason);

    [LoggerMessage(3102, LogLevel.Error, "The outcome of version {Version} could not be stored; the former version is put back")]
    public static partial void OutcomeLost(ILogger logger, Exception error, long version);

    [LoggerMessage(3103, LogLevel.Warning, "Version {Version}, whose caller did not wait, failed: {Reason}")]
    public static partial void FailedLater(ILogger logger, long version, string reason);

    [LoggerMessage(3119, LogLevel.Warning, "File {File} has changed, and no version could be made of it: {Reason}")]
    public static partial void NotReloaded(ILogger logger, string file, string reason);

    [LoggerMessage(3104, LogLevel.Error,
        "Version {Version} is live, but its copy {Path} could not be written: {Reason}. Should the history break, an older version is "
            + "served")]
    public static partial void CopyFailed(ILogger logger, long version, string path, string reason);

    [LoggerMessage(3110, LogLevel.Warning,
        "The process ended while version {Version} was being published; it is rejected, the head decides")]
    public static partial void Interrupted(ILogger logger, long version);

    [LoggerMessage(3111, LogLevel.Critical, "DEGRADED: {Reason}. Serving {Serving}")]
    public static partial void Degraded(ILogger logger, string reason, string serving);

    [LoggerMessage(3112, LogLevel.Warning, "Deployment {Reason}")]
    public static partial void TakenBack(ILogger logger, string reason);

    [LoggerMessage(3113, LogLevel.Error, "Deployment {Deployment} could not be reverted: {Reason}")]
    public static partial void RevertFailed(ILogger logger, string deployment, string reason);

    [LoggerMessage(3114, LogLevel.Information, "Serving version {Version}")]
    public static partial void Loaded(ILogger logger, long version);

    [LoggerMessage(3105, LogLevel.Information, "The copy {Path} is up to date again, with version {Version}")]
    public static partial void CopyWritten(ILogger logger, long version, string path);

    [LoggerMessage(3115, LogLevel.Warning, "The damaged history was set aside as {Path}; a new one begins with version {Version}")]
    public static partial void SetAside(ILogger logger, string path, long version);

    [LoggerMessage(3116, LogLevel.Warning, "The history can be read and written again; version {Version} is served")]
    public static partial void Recovered(ILogger logger, long version);

    [LoggerMessage(3118, LogLevel.Error,
        "DEGRADED: version {Version} is served without code that cannot be fetched; the next attempt is in {Seconds} s: {Reason}")]
    public static partial void CodeMissing(ILogger logger, long version, double seconds, string reason);

    [LoggerMessage(3119, LogLevel.Warning, "The code that was missing has come; version {Version} is served as a whole")]
    public static partial void CodeCame(ILogger logger, long version);

    [LoggerMessage(3117, LogLevel.Error, "The history was not taken up again: {Reason}")]
    public static partial void RetryFailed(ILogger logger, string reason);

    [LoggerMessage(3120, LogLevel.Information, "{Count} versions up to {Newest} are no longer kept in the history")]
    public static partial void Pruned(ILogger logger, int count, long newest);

    [LoggerMessage(3121, LogLevel.Warning, "What the history need not keep could not be removed; it is tried again in a minute: {Reason}")]
    public static partial void NotPruned(ILogger logger, string reason);
}
