using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>Log lines of modules and about them; event IDs 1410 to 1419 but for those of fetching.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1410, Message = "{Module}: {Text} (vm '{VmId}', worker {Worker})")]
    public static partial void ModuleSaid(ILogger logger, LogLevel level, string module, string text, string vmId, int worker);

    [LoggerMessage(EventId = 1411, Message = "{Module}: {Text} (vm '{VmId}', worker {Worker}, request {RequestId}, version {Version})")]
    public static partial void ModuleSaidOnStream(ILogger logger, LogLevel level, string module, string text, string vmId, int worker,
        string requestId, long version);

    [LoggerMessage(1412, LogLevel.Error, "Wasm module {Module} failed on worker {Worker}: {Failure} (vm '{VmId}', request {RequestId}).")]
    public static partial void Trapped(ILogger logger, string module, int worker, string failure, string vmId, string requestId);

    [LoggerMessage(1413, LogLevel.Warning,
        "Wasm module {Module} is in quarantine on all workers after repeated failures, the last on worker {Worker}.")]
    public static partial void Quarantined(ILogger logger, string module, int worker);

    [LoggerMessage(1414, LogLevel.Error, "Wasm module {Module} could not be started on worker {Worker}: {Failure}.")]
    public static partial void StartFailed(ILogger logger, string module, int worker, string failure);

    [LoggerMessage(1417, LogLevel.Warning,
        "{Count} lines of Wasm module {Module} were left out on worker {Worker}: it writes more than the log takes.")]
    public static partial void LinesDropped(ILogger logger, long count, string module, int worker);
}
