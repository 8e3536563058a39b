using Managed.Dashboard.AdminApi;

namespace Managed.Dashboard.Hosting;

/// <summary>
/// Lets nobody without a session reach a page or open a circuit. The admin API is the only judge of a session: the gate
/// shows it the cookie and, if it knows it, hands the circuit a principal that carries the cookie, so that the circuit's
/// own calls run with the rights of the person in front of it.
/// </summary>
internal sealed class SessionGate(RequestDelegate next, AdminApiConnection connection, ILogger<SessionGate> log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var isCircuit = context.Request.Path.StartsWithSegments("/_blazor");
        // Nobody is to sign in for a picture that is not there.
        var isPage = PageAnswers.Has(context.GetEndpoint())
            && (!PageAnswers.IsNotFound(context.GetEndpoint()) || PageAnswers.WantsPage(context.Request));
        var isSignIn = context.Request.Path.StartsWithSegments("/sign-in");
        if (isPage || isSignIn)
            PageAnswers.AddHeaders(context.Response.Headers);
        if (!isPage && !isCircuit)
        {
            await next(context);
            return;
        }

        if (isCircuit && IsForeign(context.Request))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        var cookie = context.Request.Cookies[AdminApiConnection.SessionCookie];
        Account? account;
        try
        {
            account = cookie is null ? null : await connection.FindAccountAsync(cookie, context.RequestAborted);
        }
        catch (AdminApiException e)
        {
            Log.ApiDoesNotAnswer(log, connection.BaseAddress, e);
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync(
                $"The admin API at {connection.BaseAddress} does not answer: {e.Message}\nReload when it is back.\n",
                    context.RequestAborted);
            return;
        }

        if (account is not null)
        {
            context.User = Session.Principal(account, cookie!);
            await next(context);
        }
        else if (isCircuit)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        }
        else
        {
            PageAnswers.RedirectToSignIn(context, expired: cookie is not null);
        }
    }

    /// <summary>A circuit is a WebSocket, which browsers open across sites without asking: its Origin must be this host.</summary>
    private static bool IsForeign(HttpRequest request) =>
        request.Headers.Origin.ToString() is { Length: > 0 } origin
        && !(Uri.TryCreate(origin, UriKind.Absolute, out var uri)
             && string.Equals(uri.Authority, new Uri($"{request.Scheme}://{request.Host}").Authority, StringComparison.OrdinalIgnoreCase));
}
