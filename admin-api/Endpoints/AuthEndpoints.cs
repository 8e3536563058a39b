using System.Net;
using Managed.AdminApi.Auth;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Endpoints;

/// <summary>Signing in to the dashboard: by the printed link or by the token.</summary>
internal static class AuthEndpoints
{
    private const string Tag = "Access";
    private const string Me = """{"name":"admin","role":"admin"}""";

    public static void MapAuth(this ApiRoutes api) => api
        .Post("/auth/login", LoginAsync, new(Tag, "Signs in with the access token; sets the cookie")
        {
            Anonymous = true, Bodies = [new(MediaTypes.Json, """{"token":"…"}""")], Answers = [(200, "Signed in", Me)],
            Errors = [ProblemCode.MalformedBody, ProblemCode.Unauthenticated, ProblemCode.Forbidden, ProblemCode.UnsupportedMediaType, ProblemCode.RateLimited],
        })
        .Post("/auth/logout", LogoutAsync, new(Tag, "Ends the sign-in of the cookie") { Answers = [(204, "Signed out", null)] })
        .Get("/auth/me", context => JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new { name = Identity.Of(context).Name, role = Identity.Of(context).Role }),
            new(Tag, "Says who makes the call") { Answers = [(200, "Name and role", Me)] });

    /// <summary>The link that the first start prints, outside of the API: a browser opens it.</summary>
    public static void MapSignInLink(this IEndpointRouteBuilder app)
    {
        app.MapGet("/auth/login", (RequestDelegate)RedeemAsync).ExcludeFromDescription();
        app.MapGet("/auth/logout", (RequestDelegate)(context =>
        {
            AuthMiddleware.RequireSameOrigin(context.Request);
            EndSession(context);
            context.Response.Redirect("/");
            return Task.CompletedTask;
        })).ExcludeFromDescription();
        app.MapGet("/auth/me", (RequestDelegate)(context =>
        {
            context.Response.Redirect($"{ApiRoutes.V1}/auth/me");
            return Task.CompletedTask;
        })).ExcludeFromDescription();
    }

    private static Task RedeemAsync(HttpContext context)
    {
        var (limit, sessions) = (Limit(context), Sessions(context));
        var address = Address(context);
        limit.Check(address);
        if (!sessions.Redeem(context.Request.Query["code"].ToString()))
        {
            limit.Failed(address);
            if (!MediaTypes.WantsHtml(context.Request))
                throw new ApiException(ProblemCode.Unauthenticated, "the sign-in link has been used or is not the one of this run");
            context.Response.Redirect("/sign-in?reason=expired");
            return Task.CompletedTask;
        }
        limit.Succeeded(address);
        SetCookie(context, sessions.Begin(AccessTokens.AdministratorName, AccessTokens.AdministratorRole));
        context.Response.Redirect("/");
        return Task.CompletedTask;
    }

    private static async Task LoginAsync(HttpContext context)
    {
        if (context.Request.Headers.Origin.Count > 0 || context.Request.Headers["Sec-Fetch-Site"].Count > 0)
            AuthMiddleware.RequireSameOrigin(context.Request); // a foreign page must not sign anybody in
        var (limit, address) = (Limit(context), Address(context));
        limit.Check(address);
        var body = RequestBody.AsObject(await RequestBody.ReadConfigAsync(context), "the body");
        RequestBody.OnlyFields(body, "token");
        var token = body.Text("token") ?? throw RequestBody.Invalid(body, ConfigCode.MissingField, "token is missing");
        if (!context.RequestServices.GetRequiredService<AccessTokens>().IsAdministrator(token.Trim()))
        {
            limit.Failed(address);
            throw new ApiException(ProblemCode.Unauthenticated, "the token is not valid");
        }
        limit.Succeeded(address);
        SetCookie(context, Sessions(context).Begin(AccessTokens.AdministratorName, AccessTokens.AdministratorRole));
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new { name = AccessTokens.AdministratorName, role = AccessTokens.AdministratorRole });
    }

    private static Task LogoutAsync(HttpContext context)
    {
        EndSession(context);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static void EndSession(HttpContext context)
    {
        if (context.Request.Cookies[Auth.Sessions.Cookie] is { Length: > 0 } secret)
            Sessions(context).End(secret);
        context.Response.Cookies.Delete(Auth.Sessions.Cookie, new() { Path = "/", HttpOnly = true, SameSite = SameSiteMode.Strict });
    }

    private static void SetCookie(HttpContext context, string secret)
    {
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Cookies.Append(Auth.Sessions.Cookie, secret, new()
        {
            Path = "/", HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, MaxAge = Auth.Sessions.Lifetime, IsEssential = true,
        });
    }

    private static IPAddress Address(HttpContext context) => context.Connection.RemoteIpAddress ?? IPAddress.Loopback;

    private static SignInLimit Limit(HttpContext context) => context.RequestServices.GetRequiredService<SignInLimit>();

    private static Sessions Sessions(HttpContext context) => context.RequestServices.GetRequiredService<Sessions>();
}
