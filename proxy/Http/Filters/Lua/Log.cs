using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>Log lines of scripts and about them; event IDs 1400 to 1409.</summary>
internal static partial class Log
{
    [LoggerMessage(1400, LogLevel.Warning, "Lua script failed: {Error} (request {RequestId}, version {Version}).")]
    public static partial void ScriptFailed(ILogger logger, string error, string requestId, long version);

    [LoggerMessage(1401, LogLevel.Warning,
        "Lua script {Script} is in quarantine on worker {Worker} after repeated breaches of its limits.")]
    public static partial void Quarantined(ILogger logger, string script, int worker);

    [LoggerMessage(EventId = 1402, Message = "{Place}{Text} (request {RequestId}, version {Version})")]
    public static partial void ScriptSaid(ILogger logger, LogLevel level, string place, string text, string requestId, long version);
}
