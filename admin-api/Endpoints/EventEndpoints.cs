using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Managed.AdminApi.Events;
using Managed.AdminApi.Requests;

namespace Managed.AdminApi.Endpoints;

/// <summary>What happens, as it happens.</summary>
internal static class EventEndpoints
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    public static void MapEvents(this ApiRoutes api) => api.Get("/events", StreamAsync, new("Events", "Streams events (SSE)")
    {
        Description = "version.created, deployment.*, module.uploaded, module.deleted, endpoint.health_changed, listener.*; "
            + "certificate.expiring, certificate.expired, certificate.issued (name, domains, expiration_time, renewal_time), "
            + "certificate.renewal_failed (name, domains, type, detail, failures, next_attempt, serves); of guest "
            + "code script.log (level, place, which is script:line or the Wasm module, text in one line, request_id, version, worker, "
                + "for Wasm vm_id, and dropped: lines of that worker left out before it, of which at most 20 a second are told) and "
                    + "vm.quarantined (kind, name, digest, worker); a heartbeat every 15 s. A client that comes back with Last-Event-ID "
                        + "gets what it missed, or first an event reset when that is too old.",
        Parameters = [new("types", "Only these types, separated by commas; a type may end in *.", "version.created,deployment.*"),
            new("Last-Event-ID", "The last event that was received.", "19a2b3c4d5e-7", "header")],
        AnswerType = "text/event-stream", Answers =
            [(200, "Until the caller goes",
                "id: 19a2b3c4d5e-8\nevent: version.created\ndata: {\"version\":42,\"state\":\"active\",\"author\":\"admin\"}\n\n")],
    });

    private static Task StreamAsync(HttpContext context)
    {
        var types = (Query.Text(context, "types") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var lastId = context.Request.Headers["Last-Event-ID"].ToString();
        var log = context.RequestServices.GetRequiredService<EventLog>();
        return SseAnswer.WriteAsync(context, stop => Items(log, lastId.Length == 0 ? null : lastId, types, stop));
    }

    private static async IAsyncEnumerable<SseItem<string>> Items(EventLog log, string? lastId, string[] types,
        [EnumeratorCancellation] CancellationToken stop)
    {
        using var subscription = log.Subscribe(lastId);
        if (subscription.Reset)
            yield return new("{}", "reset") { EventId = subscription.LatestId };
        else if (lastId is null)
            yield return new("{}", "heartbeat") { EventId = subscription.LatestId };
        else
            yield return new("{}", "heartbeat");
        while (true)
        {
            var (closed, entry) = await NextAsync(subscription, stop);
            if (closed)
                yield break;
            if (entry is null)
                yield return new("{}", "heartbeat");
            else if (types.Length == 0 || types.Any(t => t.EndsWith('*') ? entry.Type.StartsWith(t[..^1], StringComparison.Ordinal)
                : entry.Type == t))
                yield return new(entry.Data, entry.Type) { EventId = entry.Id };
        }
    }

    /// <summary>The next event, or neither when it was quiet for the time of a heartbeat.</summary>
    private static async Task<(bool Closed, LoggedEvent? Entry)> NextAsync(EventLog.Subscription subscription, CancellationToken stop)
    {
        using var quiet = CancellationTokenSource.CreateLinkedTokenSource(stop);
        quiet.CancelAfter(Heartbeat);
        try
        {
            return await subscription.Reader.WaitToReadAsync(quiet.Token)
                && subscription.Reader.TryRead(out var entry) ? (false, entry) : (true, null);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return (false, null);
        }
    }
}
