using Microsoft.Extensions.Logging;

namespace Managed.Proxy;

/// <summary>Log lines of the server itself; event IDs 1000 to 1099.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Error, "An exception that nobody caught; it costs what threw it, such as a connection, and nothing beside it ({Untold} more were not logged before).")]
    public static partial void WorkerCrash(ILogger logger, long untold, Exception exception);

    [LoggerMessage(1001, LogLevel.Information, "Version {Version} is live on {Workers} workers after {Milliseconds:0.0} ms.")]
    public static partial void Published(ILogger logger, long version, int workers, double milliseconds);

    [LoggerMessage(1002, LogLevel.Error, "Version {Version} was not acknowledged in time; version {Former} is back.")]
    public static partial void NotAcknowledged(ILogger logger, long version, long former);

    [LoggerMessage(1004, LogLevel.Error, "Filter {Filter} threw; its stream got a 500.")]
    public static partial void FilterFailure(ILogger logger, string filter, Exception exception);

    [LoggerMessage(1005, LogLevel.Warning, "Worker {Worker} has stood still for {Milliseconds} ms: it runs {What}.")]
    public static partial void WorkerStands(ILogger logger, int worker, long milliseconds, string what);

    [LoggerMessage(1003, LogLevel.Critical, "Worker {Worker} has ended.")]
    public static partial void WorkerDied(ILogger logger, int worker, Exception exception);
}
