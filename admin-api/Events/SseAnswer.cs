using System.Net.ServerSentEvents;

namespace Managed.AdminApi.Events;

/// <summary>
/// Writes server-sent events until the caller goes or the process stops. The headers leave with the first item, so streams begin with a
/// heartbeat.
/// </summary>
internal static class SseAnswer
{
    public static async Task WriteAsync(HttpContext context, Func<CancellationToken, IAsyncEnumerable<SseItem<string>>> items)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted,
            context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        context.Response.Headers["X-Accel-Buffering"] = "no"; // proxies in between must not hold events back
        try
        {
            await TypedResults.ServerSentEvents(items(stop.Token)).ExecuteAsync(context);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // a stream ends when somebody leaves
        }
    }
}
