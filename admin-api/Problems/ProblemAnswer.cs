using Managed.AdminApi.Requests;
using Managed.AdminApi.Versions;

namespace Managed.AdminApi.Problems;

/// <summary>Writes <c>application/problem+json</c> (RFC 9457).</summary>
internal static class ProblemAnswer
{
    public static Task WriteAsync(HttpContext context, ApiException problem)
    {
        var response = context.Response;
        response.StatusCode = problem.Code.Status;
        foreach (var (name, value) in problem.Headers)
            response.Headers[name] = value;
        if (problem.Code == ProblemCode.Unauthenticated)
            response.Headers.WWWAuthenticate = "Bearer realm=\"managed\"";
        response.Headers.CacheControl = "no-store";

        var members = new Dictionary<string, object?>
        {
            ["type"] = problem.Code.Type,
            ["title"] = problem.Code.Title,
            ["status"] = problem.Code.Status,
            ["code"] = problem.Code.Name,
            ["detail"] = problem.Message,
            ["instance"] = context.Request.Path.Value,
            ["request_id"] = context.TraceIdentifier,
        };
        if (problem.Code != ProblemCode.Unauthenticated && context.RequestServices.GetService<ActiveConfiguration>()?.Current is { } active)
            members["config_version"] = active.Number;
        foreach (var (name, value) in problem.Members)
            if (value is not null)
                members[name] = value;
        if (problem.Errors is not null || problem.Code.Status == 422)
        {
            members["errors"] = problem.Errors ?? [];
            members["warnings"] = problem.Warnings ?? [];
        }
        return JsonAnswer.WriteAsync(context, problem.Code.Status, members, "application/problem+json");
    }
}
