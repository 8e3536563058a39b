using Managed.AdminApi.Hosting;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Telemetry;
using Managed.Proxy;

namespace Managed.AdminApi.EnvoyPaths;

/// <summary>What Envoy lets an operator do without a configuration.</summary>
internal static class ServerActions
{
    public static Task DrainAsync(HttpContext context)
    {
        context.RequestServices.GetRequiredService<ProxyServer>()
            .DrainListeners(inboundOnly: context.Request.Query.ContainsKey("inboundonly"));
        return OkAsync(context);
    }

    public static Task FailHealthCheckAsync(HttpContext context)
    {
        context.RequestServices.GetRequiredService<NodeState>().HealthCheckFailed = true;
        context.RequestServices.GetRequiredService<ProxyServer>().DrainListeners(unhealthy: true);
        return OkAsync(context);
    }

    public static Task PassHealthCheckAsync(HttpContext context)
    {
        context.RequestServices.GetRequiredService<NodeState>().HealthCheckFailed = false;
        return OkAsync(context);
    }

    /// <summary>
    /// <c>?level=debug</c> for all loggers, <c>?NAME=debug</c> for the categories that begin so; without either only shows.
    /// </summary>
    public static Task LoggingAsync(HttpContext context)
    {
        var levels = context.RequestServices.GetRequiredService<LogLevels>();
        foreach (var (name, value) in context.Request.Query)
        {
            var level = LogLevels.Parse(value.ToString())
                ?? throw ApiException.Parameter(name, $"'{value}' is not a level: trace, debug, info, warning, error, critical or off");
            levels.Set(name == "level" ? null : name, level);
        }
        return ServerAnswers.TextAsync(context, levels.Describe());
    }

    public static Task QuitAsync(HttpContext context)
    {
        context.Response.OnCompleted(() =>
        {
            context.RequestServices.GetRequiredService<StopSignal>().Request();
            return Task.CompletedTask;
        });
        return OkAsync(context);
    }

    private static Task OkAsync(HttpContext context) => ServerAnswers.TextAsync(context, "OK\n");
}
