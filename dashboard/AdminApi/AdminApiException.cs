namespace Managed.Dashboard.AdminApi;

/// <summary>The admin API said no, or nothing: <see cref="Problem"/> is what it said.</summary>
internal sealed class AdminApiException(Problem problem, Exception? inner = null)
    : Exception(problem.Detail ?? problem.Title ?? problem.Code, inner)
{
    public Problem Problem { get; } = problem;
}
