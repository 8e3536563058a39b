using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Core;

/// <summary>Log lines of workers and about them; event IDs 1000 to 1099, shared with the server's own.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Error,
        "An exception that nobody caught; it costs what threw it, such as a connection, and nothing beside it ({Untold} more were not "
            + "logged before).")]
    public static partial void WorkerCrash(ILogger logger, long untold, Exception exception);

    [LoggerMessage(1004, LogLevel.Error, "Filter {Filter} threw; its stream got a 500.")]
    public static partial void FilterFailure(ILogger logger, string filter, Exception exception);

    [LoggerMessage(1005, LogLevel.Warning, "Worker {Worker} has stood still for {Milliseconds} ms: it runs {What}.")]
    public static partial void WorkerStands(ILogger logger, int worker, long milliseconds, string what);
}
