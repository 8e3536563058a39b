namespace Managed.AdminApi.Secrets;

/// <summary>Events 3300–3399.</summary>
internal static partial class SecretLog
{
    [LoggerMessage(3300, LogLevel.Information,
        "The secrets of {Count} versions, which an earlier program had stored as they were, are encrypted from now on")]
    public static partial void Swept(ILogger logger, int count);

    [LoggerMessage(3301, LogLevel.Error,
        "Secrets that an earlier program has stored as they are could not be encrypted; the next start tries again: {Reason}")]
    public static partial void SweepFailed(ILogger logger, string reason);

    [LoggerMessage(3303, LogLevel.Warning, "The certificate of {Name}, used by {Owner}, {Verb} at {When:u}")]
    public static partial void Expires(ILogger logger, string name, string owner, string verb, DateTimeOffset when);

    [LoggerMessage(3304, LogLevel.Error, "When certificates expire cannot be told: {Reason}")]
    public static partial void ExpiryUnknown(ILogger logger, string reason);

    [LoggerMessage(3302, LogLevel.Error, "A secret ({Field}) cannot be decrypted: {Reason}")]
    public static partial void Unreadable(ILogger logger, string field, string reason);
}
