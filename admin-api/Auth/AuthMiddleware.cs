using Managed.AdminApi.Problems;

namespace Managed.AdminApi.Auth;

/// <summary>
/// Everything under <c>/api/v1</c> and Envoy's admin paths (but for <c>/ready</c>) needs the token or the dashboard's cookie. A
/// browser sends a cookie along with requests that other sites start, so a call by cookie must show that it comes from this origin.
/// </summary>
internal sealed class AuthMiddleware(RequestDelegate next, AccessTokens tokens, Sessions sessions)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (NeedsIdentity(context))
            Authenticate(context).Attach(context);
        return next(context);
    }

    public static bool NeedsIdentity(HttpContext context) =>
        (context.Request.Path.StartsWithSegments("/api") && !context.Request.Path.Equals("/api/v1/auth/login", StringComparison.Ordinal))
        || EnvoyPaths.EnvoyRoutes.NeedsToken(context.Request.Path);

    private Identity Authenticate(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            var token = header["Bearer ".Length..].Trim();
            if (tokens.IsAdministrator(token))
                return new(AccessTokens.AdministratorName, AccessTokens.AdministratorRole, ByCookie: false);
            throw new ApiException(ProblemCode.Unauthenticated, "the token is not valid");
        }
        if (header.Length > 0)
            throw new ApiException(ProblemCode.Unauthenticated, "Authorization has to be 'Bearer TOKEN'");
        if (context.Request.Cookies[Sessions.Cookie] is { Length: > 0 } cookie)
        {
            var identity = sessions.Find(cookie) ?? throw new ApiException(ProblemCode.Unauthenticated, "the sign-in has ended");
            RequireSameOrigin(context.Request);
            return identity;
        }
        throw new ApiException(ProblemCode.Unauthenticated, "send 'Authorization: Bearer TOKEN'; the token is in the file admin-token of the data folder");
    }

    /// <summary>Sec-Fetch-Site cannot be forged by a page; Origin is the older browsers' word for the same.</summary>
    public static void RequireSameOrigin(HttpRequest request)
    {
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        var origin = request.Headers.Origin.ToString();
        var sameOrigin = origin.Length > 0 ? string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase)
            : site == "same-origin" || (site == "none" && HttpMethods.IsGet(request.Method)); // none: typed by the user
        if (!sameOrigin || site is "cross-site" or "same-site")
            throw new ApiException(ProblemCode.Forbidden, "a call with the dashboard's cookie has to come from the dashboard's own origin");
    }
}
