namespace Managed.AdminApi.TakeOver;

/// <summary>Events 3210–3219.</summary>
internal static partial class TakeOverLog
{
    [LoggerMessage(3210, LogLevel.Warning, "No other process will be able to take over: {Reason}")]
    public static partial void NoDoor(ILogger logger, string reason);

    [LoggerMessage(3211, LogLevel.Information, "Another process asks to take over; until it serves, nothing can be changed")]
    public static partial void Asked(ILogger logger);

    [LoggerMessage(3212, LogLevel.Warning, "Another process cannot take over: {Reason}")]
    public static partial void Refused(ILogger logger, string reason);

    [LoggerMessage(3213, LogLevel.Warning, "A process of user {User} asked to take over, and was sent away")]
    public static partial void Foreign(ILogger logger, uint user);

    [LoggerMessage(3214, LogLevel.Warning, "The process that was to take over does not serve ({Reason}); this one goes on as before")]
    public static partial void GoesOn(ILogger logger, string reason);

    [LoggerMessage(3215, LogLevel.Information, "Another process has taken over")]
    public static partial void Done(ILogger logger);

    [LoggerMessage(3216, LogLevel.Warning, "A take-over ended: {Reason}")]
    public static partial void Failed(ILogger logger, string reason);

    [LoggerMessage(3217, LogLevel.Information, "Took over from process {Process}, which drains")]
    public static partial void TookOver(ILogger logger, int process);

    [LoggerMessage(3218, LogLevel.Error, "Took over, but the configuration file is not in force: {Reason}")]
    public static partial void FileNotApplied(ILogger logger, string reason);
}
