using System.Globalization;
using System.Text;
using Managed.AdminApi.Contracts;
using Managed.Proxy.Core.Telemetry;

namespace Managed.AdminApi.EnvoyPaths;

/// <summary>The Prometheus text format 0.0.4, with Envoy's metric names and tags, so that existing dashboards read it.</summary>
internal static class PrometheusText
{
    /// <summary>Envoy's default histogram buckets, in the shown unit (milliseconds for times).</summary>
    private static readonly double[] Buckets =
        [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000];

    public static string Of(IEnumerable<Stat> stats)
    {
        var text = new StringBuilder();
        foreach (var group in Distinct(stats).GroupBy(s => (s.Metric.Name, s.Stat.Kind)).OrderBy(g => g.Key.Name, StringComparer.Ordinal))
        {
            text.Append("# TYPE ").Append(group.Key.Name).Append(' ').Append(group.Key.Kind.ToString().ToLowerInvariant()).Append('\n');
            foreach (var (stat, metric) in group)
                if (stat.Histogram is { } histogram)
                    AppendHistogram(text, stat.Name, metric, histogram);
                else
                    text.Append(metric.Name).Append(Labels(metric.Tags, null)).Append(' ')
                        .Append(stat.Value.ToString(CultureInfo.InvariantCulture)).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>
    /// Guests name their metrics freely. Names that come to the same here are told apart, since one series twice, or a name of two kinds,
    /// spoils the whole answer.
    /// </summary>
    private static IEnumerable<(Stat Stat, PrometheusName Metric)> Distinct(IEnumerable<Stat> stats)
    {
        var kinds = new Dictionary<string, StatKind>(StringComparer.Ordinal);
        var series = new HashSet<string>(StringComparer.Ordinal);
        foreach (var stat in stats)
        {
            var metric = PrometheusName.Of(stat.Name);
            if (kinds.TryGetValue(metric.Name, out var kind) && kind != stat.Kind)
                metric = metric with { Name = $"{metric.Name}_{stat.Kind.ToString().ToLowerInvariant()}" };
            kinds.TryAdd(metric.Name, stat.Kind);
            if (!series.Add(metric.Name + Labels(metric.Tags, null)))
                metric = metric with { Tags = [.. metric.Tags, new("envoy_stat", stat.Name)] };
            yield return (stat, metric);
        }
    }

    private static void AppendHistogram(StringBuilder text, string statName, PrometheusName metric, HistogramSnapshot histogram)
    {
        var unit = HistogramView.Unit(statName);
        foreach (var bound in Buckets)
            text.Append(CultureInfo.InvariantCulture,
                $"{metric.Name}_bucket{Labels(metric.Tags, bound.ToString(CultureInfo.InvariantCulture))} "
                    + $"{histogram.CountUpTo(bound * unit)}\n");
        text.Append(CultureInfo.InvariantCulture, $"{metric.Name}_bucket{Labels(metric.Tags, "+Inf")} {histogram.Count}\n");
        text.Append(CultureInfo.InvariantCulture, $"{metric.Name}_sum{Labels(metric.Tags, null)} {histogram.Sum / unit}\n");
        text.Append(CultureInfo.InvariantCulture, $"{metric.Name}_count{Labels(metric.Tags, null)} {histogram.Count}\n");
    }

    private static string Labels(IReadOnlyList<KeyValuePair<string, string>> tags, string? le)
    {
        var all = le is null ? tags : [.. tags, new("le", le)];
        return "{" + string.Join(',', all.Select(t => $"{t.Key}=\"{Escape(t.Value)}\"")) + "}";
    }

    private static string Escape(string value)
        => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);
}
