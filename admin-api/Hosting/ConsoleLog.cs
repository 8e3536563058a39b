using Microsoft.Extensions.Logging.Console;

namespace Managed.AdminApi.Hosting;

internal static class ConsoleLog
{
    /// <summary>One line for each entry, on standard error: standard output belongs to access logs.</summary>
    public static void AddOneLineConsole(this ILoggingBuilder logging, LogLevels levels)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(LogLevel.Trace);
        logging.AddFilter((category, level) => levels.IsEnabled(category ?? "", level));
        // Of the dashboard, which writes here. A browser's token of the run before is made anew, and no reason for a stack trace.
        logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Warning);
        logging.AddFilter("Microsoft.AspNetCore.Antiforgery", LogLevel.None);
        logging.AddSimpleConsole(format =>
        {
            format.SingleLine = true;
            format.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            format.UseUtcTimestamp = true;
            format.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        logging.Services.Configure<ConsoleLoggerOptions>(o =>
        {
            o.LogToStandardErrorThreshold = LogLevel.Trace;
            // Workers log too: a reader of standard error that stands still must not make them wait. The console says how many lines it
            // lost.
            o.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
            o.MaxQueueLength = 10_000;
        });
    }
}
