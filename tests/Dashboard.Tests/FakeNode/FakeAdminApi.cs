using System.Text.Json.Nodes;

namespace Managed.Dashboard.Tests.FakeNode;

/// <summary>The part of the admin API that the dashboard uses, with the JSON, headers and status codes of the contract.</summary>
internal static class FakeAdminApi
{
    public const string Token = "test-token", ViewerToken = "viewer-token", LinkCode = "one-time";

    public static void Map(WebApplication app, FakeHost host)
    {
        app.MapGet("/auth/login", (HttpContext context, string code) =>
        {
            if (code != LinkCode)
                return Results.Redirect("/sign-in?reason=code");
            SetCookie(context, host.State, "admin", "admin");
            return Results.Redirect("/");
        });
        var api = app.MapGroup("/api/v1");
        api.AddEndpointFilter(async (context, next) =>
        {
            var request = context.HttpContext.Request;
            if (request.Path != "/api/v1/auth/login"
                && (request.Cookies["managed_session"] is not { } id || !host.State.Sessions.ContainsKey(id)))
                return Problem(401, "UNAUTHENTICATED", "Sign in first");
            if (request.Headers["Sec-Fetch-Site"].ToString() is not "same-origin")
                return Problem(403, "FORBIDDEN", "A cookie is taken from the own origin only");
            if (host.State.FailWith is { } status && request.Method == "GET" && !request.Path.StartsWithSegments("/api/v1/auth"))
                return Problem(status, "BROKEN", "The node is broken on purpose");
            return await next(context);
        });
        MapAuth(api, host);
        FakeConfiguration.Map(api, host);
        FakeTelemetry.Map(api, host);
        FakeModules.Map(api, host);
        FakeChains.Map(api);
        FakeBench.Map(api);
    }

    public static IResult Problem(int status, string code, string detail, JsonObject? more = null)
    {
        var problem = more ?? [];
        problem["title"] = code switch { "VALIDATION_FAILED" => "Configuration is not valid", "ETAG_MISMATCH" => "This piece has moved on",
            _ => "Refused" };
        (problem["status"], problem["code"], problem["detail"]) = (status, code, detail);
        return Results.Content(problem.ToJsonString(), "application/problem+json", statusCode: status);
    }

    private static void MapAuth(RouteGroupBuilder api, FakeHost host)
    {
        api.MapPost("/auth/login", async (HttpContext context) =>
        {
            var token = (string?)(await JsonNode.ParseAsync(context.Request.Body))!["token"];
            if (token is not (Token or ViewerToken))
                return Problem(401, "UNAUTHENTICATED", "Unknown token");
            SetCookie(context, host.State, token == Token ? "admin" : "watcher", token == Token ? "admin" : "viewer");
            return Results.Json(new { name = "admin" });
        });
        api.MapPost("/auth/logout", (HttpContext context) =>
        {
            host.State.Sessions.TryRemove(context.Request.Cookies["managed_session"]!, out _);
            context.Response.Cookies.Delete("managed_session");
            return Results.NoContent();
        });
        api.MapGet("/auth/me", (HttpContext context) =>
        {
            var (name, role) = host.State.Sessions[context.Request.Cookies["managed_session"]!];
            return Results.Json(new { name, role });
        });
    }

    private static void SetCookie(HttpContext context, FakeState state, string name, string role)
    {
        var id = Guid.NewGuid().ToString("N");
        state.Sessions[id] = (name, role);
        context.Response.Cookies.Append("managed_session", id,
            new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, Path = "/" });
    }
}
