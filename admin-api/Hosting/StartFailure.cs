using System.Reflection;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Managed.AdminApi.Hosting;

/// <summary>Puts whatever ended a start into one line: an operator needs the reason, not the stack.</summary>
internal static class StartFailure
{
    public static string Describe(Exception error)
    {
        var reason = Innermost(error);
        var text = reason switch
        {
            SqliteException => $"the history in the data folder cannot be used: {reason.Message}",
            DbUpdateException => $"the history in the data folder cannot be written: {reason.Message}",
            OutOfMemoryException => "there is not enough memory",
            FileNotFoundException { FileName: { } name } when name.Contains("Version=", StringComparison.Ordinal) =>
                $"the library {name.Split(',')[0]} cannot be opened; is the limit of open files ({OpenFiles.Limit}, see ulimit -n) too "
                    + $"low?",
            IOException or UnauthorizedAccessException => reason.Message,
            _ => $"{reason.Message} ({reason.GetType().Name})",
        };
        return string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    /// <summary>The wrappers of reflection, static constructors and tasks say nothing by themselves.</summary>
    private static Exception Innermost(Exception error)
    {
        while (error is AggregateException or TargetInvocationException or TypeInitializationException or DbUpdateException
            && error.InnerException is { } inner)
            error = inner;
        return error;
    }
}
