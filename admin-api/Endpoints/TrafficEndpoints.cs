using System.Globalization;
using Managed.AdminApi.Contracts;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.Telemetry;
using Managed.Proxy;

namespace Managed.AdminApi.Endpoints;

/// <summary>The traffic over time, as charts need it.</summary>
internal static class TrafficEndpoints
{
    private const int Most = 10; // lines that can be told from each other
    private static readonly string[] Splits = ["", "class", "latency", "listener", "cluster", "route", "worker"];

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
            + "also over a restart. by=class and by=latency split the traffic of one, by=listener, cluster, route and worker compare the "
            + "busiest ten in one metric; without by it is every metric of one. of is listener:NAME (the prefix of its statistics), "
            + "cluster:NAME, worker:ID, route:CONFIGURATION/HOST/ROUTE, or empty for all listeners together. names are those that had "
            + "traffic; another one that is a part of the active version has no values, and what is neither is a 404. Of routes the "
            + "busiest 200 are kept.",
        Parameters = [new("range", "Up to what --stats-history says; default 1h.", "15m"),
            new("by", "class, latency, listener, cluster, route or worker.", "class"), new("of", "Whose traffic.", "listener:edge"),
            new("metric", "requests, 4xx, 5xx, p50, p95, p99 or connections.", "p99")],
        Errors = [ProblemCode.InvalidParameter, ProblemCode.NotFound],
        Answers = [(200, "Lines with a value for each moment",
            """{"step_seconds":10,"kept_seconds":86400,"times":[1763851260000],"names":["listener:edge","cluster:web","worker:0"],"""
                + """ "series":[{"name":"2xx","values":[1200.5]}]}""")],
    })
        .Get("/stats/routes", RoutesAsync, new("Statistics", "Reads what each route has answered")
    {
        Description = "Of the active version, in its order. Responses since the start, or since a version first had a route of this "
            + "name there, by the class of their status, and quantiles of the time from request to response in milliseconds (null: "
            + "nothing was answered, or times are kept of 20,000 others, a route counting once for each worker). "
            + "Requests that a filter answered before any route was looked for are no route's.",
        Parameters = [.. ApiParameters.Page, new("route_configuration", "Only those of this one.", "web")],
        Errors = [ProblemCode.InvalidParameter],
        Answers = [(200, "One page",
            """
            {"items":[{"route_configuration":"web","virtual_host":"all","route":"api","requests":1200,"responses_1xx":0,
             "responses_2xx":1190,"responses_3xx":0,"responses_4xx":8,"responses_5xx":2,"p50_ms":1.2,"p95_ms":4.1,"p99_ms":9.7}],
             "next_page_token":null,"total_size":1}
            """)],
    });

    private static Task ReadAsync(HttpContext context)
    {
        var history = context.RequestServices.GetRequiredService<TrafficHistory>();
        var range = Query.Duration(context, "range", TrafficHistory.FineStep, history.Kept) ?? TimeSpan.FromHours(1);
        var (by, of) = (Query.Text(context, "by") ?? "", Query.Text(context, "of") ?? TrafficReading.All);
        var metric = OneOf("metric", Query.Text(context, "metric") ?? "requests", Metrics);
        if (!Splits.Contains(by))
            throw ApiException.Parameter("by", $"'{by}' is not one of {string.Join(", ", Splits.Skip(1))}",
                NearNames.Of(by, Splits) is [var near, ..] ? $"did you mean '{near}'?" : null);
        var known = IsKnown(context, of);
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, history.Read<object>(range, tier =>
        {
            if (!known && !tier.Names.Contains(of))
                throw NoSuch(of, tier.Names);
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

    /// <summary>A part of the active version may have had no traffic yet.</summary>
    private static bool IsKnown(HttpContext context, string of)
    {
        var proxy = context.RequestServices.GetRequiredService<ProxyServer>();
        var (kind, name) = of.IndexOf(':') is var colon and > 0 ? (of[..colon], of[(colon + 1)..]) : (of, "");
        return of == TrafficReading.All || kind switch
        {
            "listener" => proxy.Stats.Has($"http.{name}."),
            "cluster" => proxy.Stats.Has($"cluster.{name}."),
            "worker" => proxy.Workers().Any(w => w.Id.ToString(CultureInfo.InvariantCulture) == name),
            "route" => proxy.RouteCounts().Any(r => $"{r.RouteConfiguration}/{r.VirtualHost}/{r.Route}" == name),
            _ => false,
        };
    }

    private static ApiException NoSuch(string of, IEnumerable<string> names)
    {
        var all = names.Where(n => n.Length > 0).Order(StringComparer.Ordinal).ToList();
        var near = NearNames.Of(of, all);
        return new(ProblemCode.NotFound, $"of: nobody is called '{of}'; known are " + (all.Count == 0 ? "none that had traffic yet"
            : string.Join(", ", all.Take(20)) + (all.Count > 20 ? $" and {all.Count - 20} more" : "")))
        {
            Members = new Dictionary<string, object?>
            {
                ["parameter"] = "of", ["near"] = near,
                ["hint"] = near.Count > 0 ? $"did you mean '{near[0]}'?"
                    : "listener:NAME, cluster:NAME, worker:ID or route:CONFIGURATION/HOST/ROUTE",
            },
        };
    }

    private static Task RoutesAsync(HttpContext context)
    {
        var page = PageRequest.From(context);
        var (configuration, sought) = (Query.Text(context, "route_configuration"), Query.Text(context, "q"));
        var all = context.RequestServices.GetRequiredService<ProxyServer>().RouteCounts()
            .Where(r => configuration is null || r.RouteConfiguration == configuration)
            .Where(r => sought is null || r.Route.Contains(sought, StringComparison.OrdinalIgnoreCase)
                || r.VirtualHost.Contains(sought, StringComparison.OrdinalIgnoreCase)).ToList();
        var cut = page.Cut(all, r => $"{r.RouteConfiguration}\n{r.VirtualHost}\n{r.Route}");
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK,
            new PageOf<RouteTraffic>([.. cut.Items.Select(RouteTraffic.Of)], cut.NextPageToken, cut.TotalSize));
    }

    private static TrafficField OneOf(string parameter, string text, (string Name, TrafficField Field)[] known) =>
        Array.Find(known, k => k.Name == text) is { Name: not null } found ? found.Field
            : throw ApiException.Parameter(parameter, $"'{text}' is not one of {string.Join(", ", known.Select(k => k.Name))}");
}
