using Managed.AdminApi.Requests;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Managed.AdminApi.Problems;

/// <summary>Every failure leaves as a problem answer: ours, the framework's own (404, 405, 400, …) and a bug's.</summary>
internal sealed class ProblemMiddleware(RequestDelegate next, ILogger<ProblemMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        context.Response.Headers["X-Request-Id"] = context.TraceIdentifier;
        try
        {
            await next(context);
        }
        catch (Exception e) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            if (ToProblem(e) is not { } problem)
            {
                ProblemLog.Unexpected(logger, e, context.Request.Method, context.Request.Path.Value ?? "", context.TraceIdentifier);
                problem = new(ProblemCode.Internal, "an unexpected error; the log of the proxy has it under this request_id");
            }
            context.Response.Clear();
            context.Response.Headers["X-Request-Id"] = context.TraceIdentifier;
            await ProblemAnswer.WriteAsync(context, problem);
            return;
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return; // the client has gone
        }
        if (!context.Response.HasStarted && context.Response.StatusCode >= 400 && context.Response.ContentType is null
            && IsMachine(context))
            await WriteBareStatusAsync(context);
    }

    /// <summary>A browser that looks for a page gets what the dashboard has for that.</summary>
    private static bool IsMachine(HttpContext context)
        => context.Request.Path.StartsWithSegments("/api") || !MediaTypes.WantsHtml(context.Request);

    private static Task WriteBareStatusAsync(HttpContext context)
    {
        var code = ProblemCode.ForStatus(context.Response.StatusCode);
        var detail = code == ProblemCode.NotFound ? $"nothing is served at {context.Request.Path}"
            : code == ProblemCode.MethodNotAllowed ? $"{context.Request.Method} is not possible here; see Allow" : code.Title;
        return ProblemAnswer.WriteAsync(context, new ApiException(code, detail));
    }

    private static ApiException? ToProblem(Exception error) => error switch
    {
        ApiException problem => problem,
        BadHttpRequestException bad => new(ProblemCode.ForStatus(bad.StatusCode), bad.Message),
        SqliteException or DbUpdateException => new(ProblemCode.StoreUnavailable,
            $"the history database failed: {error.GetBaseException().Message}"),
        _ => null,
    };
}
