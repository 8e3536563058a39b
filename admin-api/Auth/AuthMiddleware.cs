using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.Dashboard.Hosting;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Features;

namespace Managed.AdminApi.Auth;

/// <summary>
/// Lets nobody pass who is not known, whatever the path: only an endpoint that says <c>AllowAnonymous</c> itself is open. What routing
/// found decides, so it does not matter how the path was spelt; where it found nothing there is nothing to be seen without a token either.
/// A browser sends a cookie along with requests that other sites start, so a call by cookie must show that it comes from this origin.
/// Runs before a byte of a body is read.
/// </summary>
internal sealed class AuthMiddleware(RequestDelegate next, AccessTokens tokens, Sessions sessions, FailureLimits limits,
    Hosting.RunOptions options)
{
    private const string Scheme = "Bearer ";

    public Task InvokeAsync(HttpContext context)
    {
        var endpoint = context.GetEndpoint();
        if (endpoint?.Metadata.GetMetadata<IAllowAnonymous>() is not null)
            return next(context);
        try
        {
            Authenticate(context, isPage: PageAnswers.Has(endpoint) && !context.Request.Path.StartsWithSegments("/api")).Attach(context);
        }
        catch (ApiException e) when (e.Code == ProblemCode.Unauthenticated && IsVisit(context, endpoint))
        {
            PageAnswers.RedirectToSignIn(context, expired: context.Request.Cookies.ContainsKey(Sessions.Cookie));
            return Task.CompletedTask;
        }
        catch (ApiException) when (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true)
        {
            context.Response.OnStarting(() =>
            {
                context.Response.Headers.Connection = "close"; // nobody reads what else is sent
                return Task.CompletedTask;
            });
            throw;
        }
        return next(context);
    }

    /// <summary>Sec-Fetch-Site cannot be forged by a page; Origin is the older browsers' word for the same.</summary>
    public static void RequireSameOrigin(HttpRequest request)
    {
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        var origin = request.Headers.Origin.ToString();
        // none: typed by the user
        var sameOrigin = origin.Length > 0 ? IsOwn(request, origin) : site == "same-origin"
            || (site == "none" && HttpMethods.IsGet(request.Method));
        if (!sameOrigin || site is "cross-site" or "same-site")
            throw new ApiException(ProblemCode.Forbidden, "a call with the dashboard's cookie has to come from the dashboard's own origin");
    }

    private Identity Authenticate(HttpContext context, bool isPage)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && tokens.IsAdministrator(header[Scheme.Length..].Trim()))
            // however many wrong ones came from there
            return new(AccessTokens.AdministratorName, AccessTokens.AdministratorRole, ByCookie: false);
        if (header.Length > 0)
        {
            limits.Tokens.Failed(context.Connection.RemoteIpAddress);
            throw new ApiException(ProblemCode.Unauthenticated,
                header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? "the token is not valid"
                    : "Authorization has to be 'Bearer TOKEN'");
        }
        if (context.Request.Cookies[Sessions.Cookie] is not { Length: > 0 } cookie)
            throw new ApiException(ProblemCode.Unauthenticated,
                "send 'Authorization: Bearer TOKEN'; the token is in the file admin-token of the data folder");
        var identity = sessions.Find(cookie) ?? throw new ApiException(ProblemCode.Unauthenticated, "the sign-in has ended");
        // A page is an empty frame until its circuit runs, so a link on another site may lead to it.
        if (!isPage || !HttpMethods.IsGet(context.Request.Method) || context.Request.Headers.Origin.Count > 0)
            RequireSameOrigin(context.Request);
        return identity;
    }

    private static bool IsOwn(HttpRequest request, string origin)
        => string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);

    /// <summary>Somebody looks for a page with a browser: the form helps more than a problem.</summary>
    private bool IsVisit(HttpContext context, Endpoint? endpoint) =>
        options.Dashboard && (endpoint is null || PageAnswers.Has(endpoint)) && HttpMethods.IsGet(context.Request.Method)
        && !context.Request.Path.StartsWithSegments("/api") && MediaTypes.WantsHtml(context.Request);
}
