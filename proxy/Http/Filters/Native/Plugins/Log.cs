using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>Log lines of plug-ins and about them; event IDs 1450 to 1459.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1450, Message = "{Plugin}: {Text}")]
    public static partial void Said(ILogger logger, LogLevel level, string plugin, string text);

    [LoggerMessage(1451, LogLevel.Error, "Native plug-in {Plugin} failed on worker {Worker}: {Failure}")]
    public static partial void Failed(ILogger logger, string plugin, int worker, string failure);

    [LoggerMessage(1452, LogLevel.Warning, "Native plug-in {Plugin} went over a limit on worker {Worker}: {What}.")]
    public static partial void OverLimit(ILogger logger, string plugin, int worker, string what);

    [LoggerMessage(1453, LogLevel.Warning,
        "Native plug-in {Plugin} is in quarantine on all workers after repeated failures, the last on worker {Worker}.")]
    public static partial void Quarantined(ILogger logger, string plugin, int worker);

    [LoggerMessage(1454, LogLevel.Error, "Native plug-in {Plugin} failed while it was stopped: {Failure}")]
    public static partial void StopFailed(ILogger logger, string plugin, string failure);
}
