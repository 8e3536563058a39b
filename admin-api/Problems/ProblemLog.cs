namespace Managed.AdminApi.Problems;

/// <summary>Events 3000–3009.</summary>
internal static partial class ProblemLog
{
    [LoggerMessage(3000, LogLevel.Error, "{Method} {Path} failed unexpectedly (request {RequestId})")]
    public static partial void Unexpected(ILogger logger, Exception error, string method, string path, string requestId);
}
