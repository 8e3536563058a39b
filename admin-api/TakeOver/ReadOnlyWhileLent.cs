using Managed.AdminApi.Versions;

namespace Managed.AdminApi.TakeOver;

/// <summary>While another process is taking over, calls that would write anything are told to come again.</summary>
internal sealed class ReadOnlyWhileLent(RequestDelegate next, Publisher publisher)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (publisher.IsLent && Writes(context.Request))
            publisher.RefuseWhileLent();
        return next(context);
    }

    // Signing in is a GET that begins a session; the circuits of the dashboard write nothing by themselves.
    private static bool Writes(HttpRequest request)
        => request.Path.StartsWithSegments("/auth") || (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method)
            && !HttpMethods.IsOptions(request.Method) && !request.Path.StartsWithSegments("/_blazor"));
}
