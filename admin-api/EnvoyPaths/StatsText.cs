using System.Globalization;
using System.Text;
using Managed.AdminApi.Contracts;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Telemetry;
using Managed.Proxy;
using Managed.Proxy.Core.Telemetry;

namespace Managed.AdminApi.EnvoyPaths;

/// <summary>
/// Envoy's <c>/stats</c> in its text, JSON and Prometheus forms; <c>filter</c>, <c>usedonly</c> and <c>type</c> as there.
/// </summary>
internal static class StatsText
{
    private static readonly double[] Quantiles = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1];

    public static Task WriteAsync(HttpContext context)
    {
        var stats = Chosen(context);
        return (Query.Text(context, "format") ?? "text") switch
        {
            "text" => ServerAnswers.TextAsync(context, Text(stats)),
            "json" => JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new { stats = stats.Select(Json) }),
            "prometheus" => WritePrometheusAsync(context),
            var other => throw ApiException.Parameter("format", $"'{other}' is not text, json or prometheus"),
        };
    }

    public static Task WritePrometheusAsync(HttpContext context)
    {
        var text = PrometheusText.Of(Chosen(context));
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    private static List<Stat> Chosen(HttpContext context)
    {
        var wanted = StatFilter.Of(Query.Text(context, "filter"));
        var usedOnly = context.Request.Query.ContainsKey("usedonly");
        var type = Query.Text(context, "type")?.ToLowerInvariant();
        if (type is not (null or "all" or "counters" or "gauges" or "histograms"))
            throw ApiException.Parameter("type", $"'{type}' is not All, Counters, Gauges or Histograms");
        return
        [
            .. context.RequestServices.GetRequiredService<ProxyServer>().Stats.Read()
                .Where(s => wanted(s.Name) && (!usedOnly || s.Value != 0)
                    && (type is null or "all" || type == s.Kind.ToString().ToLowerInvariant() + "s")),
        ];
    }

    private static string Text(List<Stat> stats)
    {
        var text = new StringBuilder();
        foreach (var stat in stats.Where(s => s.Histogram is null))
            text.Append(CultureInfo.InvariantCulture, $"{stat.Name}: {stat.Value}\n");
        foreach (var stat in stats)
        {
            if (stat.Histogram is not { } histogram)
                continue;
            text.Append(stat.Name).Append(": ");
            text.Append(histogram.Count == 0 ? "No recorded values"
                : string.Join(' ', Quantiles.Select(q => Quantile(stat.Name, histogram, q)))).Append('\n');
        }
        return text.ToString();
    }

    private static string Quantile(string name, HistogramSnapshot histogram, double q)
    {
        var value = histogram.Quantile(q) / HistogramView.Unit(name);
        // nan: Envoy's value of the last interval, which is not kept here
        return string.Create(CultureInfo.InvariantCulture, $"P{q * 100:0.#}(nan,{value:0.###})");
    }

    private static object Json(Stat stat) => stat.Histogram is null ? new { name = stat.Name, value = stat.Value }
        : HistogramView.Of(stat.Name, stat.Histogram);
}
