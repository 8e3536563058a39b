namespace Managed.AdminApi.Acme;

/// <summary>Events 3500–3599.</summary>
internal static partial class AcmeLog
{
    [LoggerMessage(3500, LogLevel.Information, "A certificate for {Domains} is asked for at {Directory}")]
    public static partial void Begins(ILogger logger, string domains, string directory);

    [LoggerMessage(3501, LogLevel.Information, "The certificate {Id} has come; it is good until {Until:u} and is renewed at {Renewal:u}")]
    public static partial void Issued(ILogger logger, string id, DateTimeOffset until, DateTimeOffset renewal);

    [LoggerMessage(3502, LogLevel.Warning,
        "The certificate {Id} could not be had ({Type}: {Detail}); tried again at {Next:u}. Served meanwhile: {Served}")]
    public static partial void Failed(ILogger logger, string id, string type, string detail, DateTimeOffset next, string served);

    [LoggerMessage(3503, LogLevel.Warning, "The certificates that have come are not in service yet; tried again: {Reason}")]
    public static partial void NotInService(ILogger logger, string reason);

    [LoggerMessage(3504, LogLevel.Error, "{File} cannot be read, and is done without: {Reason}")]
    public static partial void Unreadable(ILogger logger, string file, string reason);

    [LoggerMessage(3505, LogLevel.Debug, "When {Id} is to be renewed could not be asked: {Reason}")]
    public static partial void NoWindow(ILogger logger, string id, string reason);

    [LoggerMessage(3506, LogLevel.Error, "Automatic certificates cannot be looked after; tried again: {Reason}")]
    public static partial void LookFailed(ILogger logger, string reason);
}
