using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace Managed.Dashboard.Tests.FakeNode;

/// <summary>Workers, statistics, events.</summary>
internal static class FakeTelemetry
{
    public static void Map(RouteGroupBuilder api, FakeHost host)
    {
        api.MapGet("/workers", () => FakeConfiguration.Json(new JsonObject
        {
            ["items"] = new JsonArray([.. Enumerable.Range(0, 2).Select(id => new JsonObject
            {
                ["id"] = id, ["version"] = host.State.Active.Number, ["generation"] = host.State.Active.Number, ["connections"] = 128 + id,
                ["requests"] = 1_204_331 + (id * 977),
                ["cpu"] = 0.31 + (id * 0.02), ["loop_lag_ms"] = 0.08,
            })]),
            ["next_page_token"] = null, ["total_size"] = 2,
        }));
        api.MapGet("/stats", (string filter) => FakeConfiguration.Json(new JsonObject
        {
            ["stats"] = new JsonArray(
                [.. host.State.Active.Listeners.Values.Select((text, i) =>
                    new JsonObject { ["name"] =
                        $"listener.{((string)FakeState.ListenerJson(text)["address"]!).Replace(':', '_')}.downstream_cx_active",
                            ["value"] = 12 * (i + 1) })]),
            ["histograms"] = new JsonArray(),
        }));
        api.MapGet("/status",
            () => FakeConfiguration.Json(new JsonObject { ["state"] = host.State.Degraded is null ? "live" : "degraded",
                ["degraded"] = host.State.Degraded?.DeepClone() }));
        api.MapGet("/stats/traffic", (string? by) => FakeConfiguration.Json(Traffic(by ?? "")));
        api.MapGet("/names", () => FakeConfiguration.Json(new JsonObject
        {
            ["listeners"] = new JsonArray([.. host.State.Active.Listeners.Keys.Select(n => JsonValue.Create(n))]),
            ["clusters"] = new JsonArray("web"), ["modules"] = new JsonArray("auth"),
        }));
        api.MapGet("/stats/stream", (CancellationToken cancel) => TypedResults.ServerSentEvents(SamplesAsync(host.State, cancel)));
        api.MapGet("/events", (CancellationToken cancel) => TypedResults.ServerSentEvents(EventsAsync(host.State, cancel)));
    }

    /// <summary>Ten minutes up to now: 100 requests a second in the first half, 50 in the other.</summary>
    private static JsonObject Traffic(string by)
    {
        const int points = 60;
        var end = DateTimeOffset.UtcNow;
        string[] lines = by switch
        {
            "class" => ["1xx", "2xx", "3xx", "4xx", "5xx"], "latency" => ["p50", "p95", "p99"],
            "listener" => ["edge"], "cluster" => ["web"],
            _ => ["0", "1"],
        };
        return new JsonObject
        {
            ["step_seconds"] = 10, ["kept_seconds"] = 86_400,
            ["times"] = new JsonArray([.. Enumerable.Range(0, points)
                .Select(i => JsonValue.Create(end.AddSeconds((i - points) * 10).ToUnixTimeMilliseconds()))]),
            ["series"] = new JsonArray([.. lines.Select(line => new JsonObject
            {
                ["name"] = line,
                ["values"] = new JsonArray([.. Enumerable.Range(0, points)
                    .Select(i => JsonValue.Create(line is "1xx" or "3xx" or "4xx" or "5xx" ? 0.0 : i < points / 2 ? 100.0 : 50.0))]),
            })]),
            ["names"] = new JsonArray("listener:edge", "cluster:web", "worker:0", "worker:1"),
        };
    }

    /// <summary>Quick at first, so that a picture has a line to show.</summary>
    private static async IAsyncEnumerable<SseItem<object>> SamplesAsync(FakeState state, [EnumeratorCancellation] CancellationToken cancel)
    {
        state.Streams(1);
        try
        {
            var start = DateTimeOffset.UtcNow.AddSeconds(-240);
            for (var i = 0; !cancel.IsCancellationRequested; i++)
            {
                if (i > 240)
                    await Task.Delay(1000, cancel);
                var wave = Math.Sin(i / 25.0);
                yield return new SseItem<object>(new
                {
                    time = start.AddSeconds(i), rps = 18_400 + (2_600 * wave) + (37 * i % 410), error_share = 0.0004,
                    p50_ms = 0.42 + (0.05 * wave),
                    p95_ms = 1.1 + (0.2 * wave), p99_ms = 2.31 + (0.5 * wave) + (i % 60 == 0 ? 1.2 : 0), connections = 257 + (i % 9),
                }, "stats");
            }
        }
        finally
        {
            state.Streams(-1);
        }
    }

    private static async IAsyncEnumerable<SseItem<object>> EventsAsync(FakeState state, [EnumeratorCancellation] CancellationToken cancel)
    {
        yield return new SseItem<object>(new { }, "heartbeat");
        await foreach (var type in state.Subscribe(cancel))
            yield return new SseItem<object>(new { }, type);
    }
}
