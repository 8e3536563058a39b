using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Telemetry;

namespace Managed.AdminApi.Endpoints;

/// <summary>The traffic over time, as charts need it.</summary>
internal static class TrafficEndpoints
{
    private const int Most = 10; // lines that can be told from each other

    private static readonly (string Name, TrafficField Field)[] Metrics =
    [
        ("requests", TrafficField.Requests), ("4xx", TrafficField.Class4), ("5xx", TrafficField.Class5), ("p50", TrafficField.P50),
        ("p95", TrafficField.P95), ("p99", TrafficField.P99), ("connections", TrafficField.Connections),
    ];

    private static readonly (string Name, TrafficField Field)[] Classes =
    [
        ("1xx", TrafficField.Class1), ("2xx", TrafficField.Class2), ("3xx", TrafficField.Class3), ("4xx", TrafficField.Class4),
        ("5xx", TrafficField.Class5),
    ];

    public static void MapTraffic(this ApiRoutes api) => api
        .Get("/stats/traffic", ReadAsync, new("Statistics", "Reads the traffic over time")
    {
        Description = "Rates per second, latencies in milliseconds (null: nothing was answered), one value for each of times (Unix "
            + "milliseconds, oldest first). The last hour in steps of 10 s, more than that in coarser ones, as far as "
            + "--stats-history says; "
            + "also over a restart. by=class and by=latency split the traffic of one, by=listener, cluster and worker compare the busiest "
            + "ten in one metric; without by it is every metric of one. of is listener:NAME (the prefix of its statistics), cluster:NAME, "
            + "worker:ID, or empty for all listeners together. names are those that had traffic.",
        Parameters = [new("range", "Up to what --stats-history says; default 1h.", "15m"),
            new("by", "class, latency, listener, cluster or worker.", "class"), new("of", "Whose traffic.", "listener:edge"),
            new("metric", "requests, 4xx, 5xx, p50, p95, p99 or connections.", "p99")],
        Errors = [ProblemCode.InvalidParameter],
        Answers = [(200, "Lines with a value for each moment",
            """{"step_seconds":10,"kept_seconds":86400,"times":[1763851260000],"names":["listener:edge","cluster:web","worker:0"],"""
                + """ "series":[{"name":"2xx","values":[1200.5]}]}""")],
    });

    private static Task ReadAsync(HttpContext context)
    {
        var history = context.RequestServices.GetRequiredService<TrafficHistory>();
        var range = Query.Duration(context, "range", TrafficHistory.FineStep, history.Kept) ?? TimeSpan.FromHours(1);
        var (by, of) = (Query.Text(context, "by") ?? "", Query.Text(context, "of") ?? TrafficReading.All);
        var metric = OneOf("metric", Query.Text(context, "metric") ?? "requests", Metrics);
        if (by is not ("" or "class" or "latency" or "listener" or "cluster" or "worker"))
            throw ApiException.Parameter("by", $"'{by}' is not class, latency, listener, cluster or worker");
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, history.Read<object>(range, tier =>
        {
            var times = tier.Times(DateTimeOffset.UtcNow - range);
            object Line(string name, string whose, TrafficField field) => new { name, values = tier.Values(whose, field, times.Count) };
            var series = by switch
            {
                "" => Metrics.Concat(Classes).DistinctBy(m => m.Name).Select(m => Line(m.Name, of, m.Field)),
                "class" => Classes.Select(c => Line(c.Name, of, c.Field)),
                "latency" => Metrics.Where(m => m.Name[0] == 'p').Select(m => Line(m.Name, of, m.Field)),
                _ => tier.Names.Where(n => n.StartsWith(by + ":", StringComparison.Ordinal))
                    .OrderByDescending(n => tier.Values(n, metric, times.Count).Sum() ?? 0)
                    .ThenBy(n => n, StringComparer.Ordinal).Take(Most)
                    .Select(n => Line(n[(by.Length + 1)..], n, metric)),
            };
            return new
            {
                step_seconds = (int)tier.Step.TotalSeconds, kept_seconds = (long)history.Kept.TotalSeconds, times,
                series = series.ToList(),
                names = tier.Names.Where(n => n.Length > 0).Order(StringComparer.Ordinal).ToList(),
            };
        }));
    }

    private static TrafficField OneOf(string parameter, string text, (string Name, TrafficField Field)[] known) =>
        Array.Find(known, k => k.Name == text) is { Name: not null } found ? found.Field
            : throw ApiException.Parameter(parameter, $"'{text}' is not one of {string.Join(", ", known.Select(k => k.Name))}");
}
