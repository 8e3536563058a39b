using Managed.AdminApi.Endpoints;
using Managed.AdminApi.Requests;

namespace Managed.AdminApi.EnvoyPaths;

/// <summary>
/// Envoy's own admin paths on the same port. Two of them, <c>/listeners</c> and <c>/clusters</c>, are pages of the dashboard as well:
/// who asks for HTML gets the page, everybody else Envoy's text. So these are mapped under <see cref="Prefix"/> and reached by a
/// rewrite before routing.
/// </summary>
internal static class EnvoyRoutes
{
    private const string Prefix = "/envoy-admin";
    private static readonly string[] Pages = ["/listeners", "/clusters"];

    /// <summary>Before routing: sends the shared paths to Envoy's answer unless a browser wants the page.</summary>
    public static void UseEnvoyPaths(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        var path = context.Request.Path;
        if (path.StartsWithSegments(Prefix))
            context.Request.Path = "/not-found" + path; // only reached from inside
        else if (Pages.FirstOrDefault(p => IsSpelling(path, p)) is { } page && !MediaTypes.WantsHtml(context.Request))
            context.Request.Path = Prefix + page;
        return next(context);
    });

    public static void MapEnvoyPaths(this IEndpointRouteBuilder app)
    {
        app.MapMethods("/ready", ["GET", "HEAD"], (RequestDelegate)ServerAnswers.ReadyAsync).WithMetadata(ApiEndpointMark.Instance)
            .ExcludeFromDescription().AllowAnonymous();
        MapGet(app, "/server_info", ServerAnswers.InfoAsync);
        MapGet(app, "/memory", ServerAnswers.MemoryAsync);
        MapGet(app, "/certs", CertsAnswer.WriteAsync);
        MapGet(app, "/config_dump", ConfigDump.WriteAsync);
        MapGet(app, "/stats", StatsText.WriteAsync);
        MapGet(app, "/stats/prometheus", StatsText.WritePrometheusAsync);
        MapGet(app, Prefix + "/listeners", ListenersText.WriteAsync);
        MapGet(app, Prefix + "/clusters", ClustersText.WriteAsync);
        MapPost(app, "/drain_listeners", ServerActions.DrainAsync);
        MapPost(app, "/healthcheck/fail", ServerActions.FailHealthCheckAsync);
        MapPost(app, "/healthcheck/ok", ServerActions.PassHealthCheckAsync);
        MapPost(app, "/logging", ServerActions.LoggingAsync);
        MapPost(app, "/quitquitquit", ServerActions.QuitAsync);
    }

    /// <summary>As routing sees it: the case of letters and a slash at the end make no difference.</summary>
    private static bool IsSpelling(PathString path, string page)
        => string.Equals(path.Value?.TrimEnd('/'), page, StringComparison.OrdinalIgnoreCase);

    private static void MapGet(IEndpointRouteBuilder app, string path, RequestDelegate answer)
        => app.MapGet(path, answer).WithMetadata(ApiEndpointMark.Instance).ExcludeFromDescription();

    private static void MapPost(IEndpointRouteBuilder app, string path, RequestDelegate answer)
        => app.MapPost(path, answer).WithMetadata(ApiEndpointMark.Instance).ExcludeFromDescription();
}
