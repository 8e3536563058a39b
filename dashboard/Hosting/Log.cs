namespace Managed.Dashboard.Hosting;

// Event IDs 6000–6099: dashboard.
internal static partial class Log
{
    [LoggerMessage(6000, LogLevel.Warning, "Admin API at {Address} does not answer")]
    public static partial void ApiDoesNotAnswer(ILogger logger, Uri address, Exception exception);

    [LoggerMessage(6001, LogLevel.Debug, "Event feed lost, connecting again")]
    public static partial void FeedLost(ILogger logger, Exception exception);
}
