namespace Managed.Dashboard.Hosting;

// Event IDs 6000–6099: dashboard.
internal static partial class Log
{
    [LoggerMessage(6000, LogLevel.Warning, "Admin API at {Address} does not answer")]
    public static partial void ApiDoesNotAnswer(ILogger logger, Uri address, Exception exception);

    [LoggerMessage(6001, LogLevel.Debug, "Event feed lost, connecting again")]
    public static partial void FeedLost(ILogger logger, Exception exception);

    [LoggerMessage(6002, LogLevel.Information, "The last page has gone: {Mebibytes} MiB were given back, in {Milliseconds:0} ms")]
    public static partial void GaveBack(ILogger logger, long mebibytes, double milliseconds);
}
