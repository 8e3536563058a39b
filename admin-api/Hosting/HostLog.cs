namespace Managed.AdminApi.Hosting;

/// <summary>Events 3200–3209.</summary>
internal static partial class HostLog
{
    [LoggerMessage(3200, LogLevel.Information, "Stopping; open connections have {Seconds} s")]
    public static partial void Stopping(ILogger logger, double seconds);

    [LoggerMessage(3201, LogLevel.Debug, "Cleaning up after the failed start: {Reason}")]
    public static partial void CleanUpFailed(ILogger logger, string reason);
    [LoggerMessage(3203, LogLevel.Warning,
        "The admin address could not be written, so `managed sign-in` does not find this node: {Reason}")]
    public static partial void AddressNotTold(ILogger logger, string reason);

    [LoggerMessage(3202, LogLevel.Error, "A task failed that nobody waited for")]
    public static partial void LostFailure(ILogger logger, Exception exception);
}
