using Managed.AdminApi.Auth;
using Managed.AdminApi.Hosting;
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
            Anonymous = true, BodyLimit = 4 << 10, Bodies = [new(MediaTypes.Json, """{"token":"…"}""")], Answers = [(200, "Signed in", Me)],
            Errors = [ProblemCode.MalformedBody, ProblemCode.Unauthenticated, ProblemCode.Forbidden, ProblemCode.UnsupportedMediaType,
                ProblemCode.RateLimited],
        })
        .Post("/auth/logout", LogoutAsync, new(Tag, "Ends the sign-in of the cookie") { Answers = [(204, "Signed out", null)] })
        .Get("/auth/me", context => JsonAnswer.WriteAsync(context, StatusCodes.Status200OK,
            new { name = Identity.Of(context).Name, role = Identity.Of(context).Role }),
            new(Tag, "Says who makes the call") { Answers = [(200, "Name and role", Me)] })
        .Post("/auth/sign-in-links", IssueLinkAsync, new(Tag, "Makes a link that signs a browser in")
        {
            Description = "It works once, for ten minutes. `managed sign-in` prints it. A node that was started with `--no-dashboard` "
                + "has nothing to sign in to: 404.",
            Errors = [ProblemCode.NotFound],
            Answers = [(201, "The link", """{"url":"http://127.0.0.1:9901/auth/login?code=…","expires_at":"2026-11-29T12:10:00Z"}""")],
        });

    /// <summary>The link that each start prints, outside of the API: a browser opens it.</summary>
    public static void MapSignInLink(this IEndpointRouteBuilder app)
    {
        app.MapGet("/auth/login", (RequestDelegate)RedeemAsync).ExcludeFromDescription().AllowAnonymous();
        app.MapGet("/auth/logout", (RequestDelegate)(context =>
        {
            AuthMiddleware.RequireSameOrigin(context.Request);
            EndSession(context);
            context.Response.Redirect("/sign-in?reason=out");
            return Task.CompletedTask;
        })).ExcludeFromDescription().AllowAnonymous(); // looks for its origin itself, and helps when the session has ended already
        app.MapGet("/auth/me", (RequestDelegate)(context =>
        {
            context.Response.Redirect($"{ApiRoutes.V1}/auth/me");
            return Task.CompletedTask;
        })).ExcludeFromDescription();
    }

    private static Task RedeemAsync(HttpContext context)
    {
        RefuseForeign(context);
        context.Response.Headers["Referrer-Policy"] = "no-referrer"; // the address holds the code
        if (!context.RequestServices.GetRequiredService<SignInCodes>().Redeem(context.Request.Query["code"].ToString()))
        {
            if (MediaTypes.WantsHtml(context.Request) && context.Request.Cookies[Auth.Sessions.Cookie] is { Length: > 0 } cookie
                && Sessions(context).Find(cookie) is not null)
            {
                context.Response.Redirect("/"); // a used link in a browser that is signed in: what it was for is so already
                return Task.CompletedTask;
            }
            Limit(context).Failed(context.Connection.RemoteIpAddress);
            if (!MediaTypes.WantsHtml(context.Request))
                throw new ApiException(ProblemCode.Unauthenticated,
                    "the sign-in link was used already, is older than ten minutes, or is of another run; managed sign-in prints a new one");
            context.Response.Redirect("/sign-in?reason=code");
            return Task.CompletedTask;
        }
        SignIn(context);
        context.Response.Redirect("/");
        return Task.CompletedTask;
    }

    private static async Task LoginAsync(HttpContext context)
    {
        RefuseForeign(context);
        var body = RequestBody.AsObject(await RequestBody.ReadConfigAsync(context), "the body");
        RequestBody.OnlyFields(body, "token");
        var token = body.Text("token") ?? throw RequestBody.Invalid(body, ConfigCode.MissingField, "token is missing");
        if (!context.RequestServices.GetRequiredService<AccessTokens>().IsAdministrator(token.Trim()))
        {
            Limit(context).Failed(context.Connection.RemoteIpAddress);
            throw new ApiException(ProblemCode.Unauthenticated, "the token is not valid");
        }
        SignIn(context);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK,
            new { name = AccessTokens.AdministratorName, role = AccessTokens.AdministratorRole });
    }

    private static Task IssueLinkAsync(HttpContext context)
    {
        if (!context.RequestServices.GetRequiredService<RunOptions>().Dashboard)
            throw new ApiException(ProblemCode.NotFound, "this node was started with --no-dashboard: there is nothing to sign in to");
        var (code, expires) = context.RequestServices.GetRequiredService<SignInCodes>().Issue();
        context.Response.Headers.CacheControl = "no-store";
        var url = SignInCodes.LinkOf(new($"{context.Request.Scheme}://{context.Request.Host}"), code);
        return JsonAnswer.WriteAsync(context, StatusCodes.Status201Created, new { url, expires_at = expires });
    }

    /// <summary>A foreign page must not sign anybody in.</summary>
    private static void RefuseForeign(HttpContext context)
    {
        if (context.Request.Headers.Origin.Count > 0
            || (!HttpMethods.IsGet(context.Request.Method) && context.Request.Headers["Sec-Fetch-Site"].Count > 0))
            AuthMiddleware.RequireSameOrigin(context.Request);
    }

    private static void SignIn(HttpContext context)
    {
        Limit(context).Succeeded(context.Connection.RemoteIpAddress);
        SetCookie(context, Sessions(context).Begin(AccessTokens.AdministratorName, AccessTokens.AdministratorRole));
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
            Path = "/", HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, MaxAge = Auth.Sessions.Lifetime,
            IsEssential = true,
        });
    }

    private static FailureLimit Limit(HttpContext context) => context.RequestServices.GetRequiredService<FailureLimits>().SignIns;

    private static Sessions Sessions(HttpContext context) => context.RequestServices.GetRequiredService<Sessions>();
}
