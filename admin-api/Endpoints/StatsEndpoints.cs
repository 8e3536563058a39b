using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Managed.AdminApi.Contracts;
using Managed.AdminApi.Events;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.Telemetry;
using Managed.Proxy;

namespace Managed.AdminApi.Endpoints;

/// <summary>Statistics: now, as a stream, and of the last hour.</summary>
internal static class StatsEndpoints
{
    private const string Tag = "Statistics";
    private static readonly ApiParameter Filter = new("filter", "A regular expression that matches anywhere in the name.", "downstream_rq");

    public static void MapStats(this ApiRoutes api) => api
        .Get("/stats", ReadAsync, new(Tag, "Reads counters, gauges and histograms")
        {
            Parameters = [Filter], Errors = [ProblemCode.InvalidParameter],
            Answers = [(200, "Everything that matches",
                """{"stats":[{"name":"http.edge.downstream_rq_total","kind":"counter","value":90210}],"histograms":["""
                    + """{"name":"http.edge.downstream_rq_time","count":90210,"sum":45105,"p50":0.4,"p90":0.8,"p95":1.1,"p99":2.4"""
                        + ""","p999":9}]}""")],
        })
        .Get("/stats/stream", StreamAsync, new(Tag, "Streams samples of the traffic (SSE)")
        {
            Parameters = [new("interval", "From 250ms to 60s; default 1s.", "1s"), Filter], Errors = [ProblemCode.InvalidParameter],
            AnswerType = "text/event-stream",
            Description = "Each event 'stats' holds one sample; with a filter also the matching statistics.",
            Answers = [(200, "Until the caller goes",
                "event: stats\ndata: {\"time\":\"2026-11-22T22:41:00Z\",\"rps\":1200,\"error_share\":0,\"client_error_share\":0.02,"
                    + "\"p50_ms\":0.4,\"p95_ms\":1.1,\"p99_ms\":2.4,\"connections\":64}\n\n")],
        })
        .Get("/stats/history", HistoryAsync, new(Tag, "Reads the last hour of chosen statistics")
        {
            Parameters = [new("names", "Names, separated by commas; a name may end in *.", "http.edge.downstream_rq_total"),
                new("range", "Up to 1h; default 15m.", "15m")], Errors = [ProblemCode.InvalidParameter],
            Answers = [(200, "One point in ten seconds, oldest first",
                """{"step_seconds":10,"series":[{"name":"http.edge.downstream_rq_total","points":["""
                    + """{"time":"2026-11-22T22:41:00Z","value":90210}]}]}""")],
        });

    private static Task ReadAsync(HttpContext context) =>
        JsonAnswer.WriteAsync(context, StatusCodes.Status200OK,
            StatsView.Of(Proxy(context).Stats.Read(), StatFilter.Of(Query.Text(context, "filter"))));

    private static Task StreamAsync(HttpContext context)
    {
        var interval = Query.Duration(context, "interval", TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(60))
            ?? TimeSpan.FromSeconds(1);
        var filter = Query.Text(context, "filter");
        return SseAnswer.WriteAsync(context, stop =>
            Samples(Proxy(context), interval, filter is null ? null : StatFilter.Of(filter), stop));
    }

    private static async IAsyncEnumerable<SseItem<string>> Samples(ProxyServer proxy, TimeSpan interval, Func<string, bool>? wanted,
        [EnumeratorCancellation] CancellationToken stop)
    {
        var meter = new TrafficSample.Meter(proxy);
        meter.Next();
        yield return new("{}", "heartbeat");
        using var timer = new PeriodicTimer(interval);
        while (await timer.WaitForNextTickAsync(stop))
        {
            var sample = meter.Next()!;
            object data = sample;
            if (wanted is not null)
            {
                var chosen = StatsView.Of(proxy.Stats.Read(), wanted);
                data = new { sample.Time, sample.Rps, sample.ErrorShare, sample.ClientErrorShare, sample.P50Ms, sample.P95Ms,
                    sample.P99Ms, sample.Connections, chosen.Stats, chosen.Histograms };
            }
            yield return new(JsonSerializer.Serialize(data, JsonAnswer.Options), "stats");
        }
    }

    private static Task HistoryAsync(HttpContext context)
    {
        var names = (Query.Text(context, "names") ?? throw ApiException.Parameter("names", "is missing"))
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var range = Query.Duration(context, "range", StatHistory.Step, StatHistory.Kept) ?? TimeSpan.FromMinutes(15);
        var series = context.RequestServices.GetRequiredService<StatHistory>().Read(
            name => names.Any(n => n.EndsWith('*') ? name.StartsWith(n[..^1], StringComparison.Ordinal) : name == n), range);
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new { step_seconds = (int)StatHistory.Step.TotalSeconds, series });
    }

    private static ProxyServer Proxy(HttpContext context) => context.RequestServices.GetRequiredService<ProxyServer>();
}
