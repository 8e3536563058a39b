using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Wasm.Code;

/// <summary>Log lines of code that is fetched; event IDs 1415 and 1416.</summary>
internal static partial class Log
{
    [LoggerMessage(1415, LogLevel.Information, "Wasm code {Digest} was fetched from {Uri}: {Size} bytes.")]
    public static partial void Fetched(ILogger logger, string digest, string uri, int size);

    [LoggerMessage(1416, LogLevel.Warning, "Wasm code could not be fetched from {Uri}: {Reason}.")]
    public static partial void NotFetched(ILogger logger, string uri, string reason);
}
