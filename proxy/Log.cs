using Microsoft.Extensions.Logging;

namespace Managed.Proxy;

/// <summary>Log lines of the server itself; event IDs 1000 to 1099, shared with those about workers.</summary>
internal static partial class Log
{
    [LoggerMessage(1001, LogLevel.Information, "Version {Version} is live on {Workers} workers after {Milliseconds:0.0} ms.")]
    public static partial void Published(ILogger logger, long version, int workers, double milliseconds);

    [LoggerMessage(1002, LogLevel.Error, "Version {Version} was not acknowledged in time; version {Former} is back.")]
    public static partial void NotAcknowledged(ILogger logger, long version, long former);

    [LoggerMessage(1003, LogLevel.Critical, "Worker {Worker} has ended.")]
    public static partial void WorkerDied(ILogger logger, int worker, Exception exception);
}
