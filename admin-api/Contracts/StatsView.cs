using Managed.Proxy.Core.Telemetry;

namespace Managed.AdminApi.Contracts;

/// <summary>Counters, gauges and histograms of this process since its start.</summary>
internal sealed record StatsView(IReadOnlyList<StatView> Stats, IReadOnlyList<HistogramView> Histograms)
{
    public static StatsView Of(IReadOnlyList<Stat> stats, Func<string, bool> wanted) => new(
        [.. stats.Where(s => s.Histogram is null && wanted(s.Name))
            .Select(s => new StatView(s.Name, s.Kind.ToString().ToLowerInvariant(), s.Value))],
        [.. stats.Where(s => s.Histogram is not null && wanted(s.Name)).Select(s => HistogramView.Of(s.Name, s.Histogram!))]);
}

/// <param name="Kind">counter or gauge.</param>
internal sealed record StatView(string Name, string Kind, double Value);

/// <summary>Quantiles of times are in milliseconds (<c>…_us</c>: microseconds), of sizes in bytes; 0 when it is empty.</summary>
internal sealed record HistogramView(string Name, long Count, double Sum, double P50, double P90, double P95, double P99, double P999)
{
    public static HistogramView Of(string name, HistogramSnapshot histogram)
    {
        var unit = Unit(name);
        double Quantile(double q) => Math.Round(histogram.Quantile(q) / unit, 3);
        return new(name, histogram.Count, Math.Round(histogram.Sum / unit, 3), Quantile(0.5), Quantile(0.9), Quantile(0.95), Quantile(0.99),
            Quantile(0.999));
    }

    /// <summary>
    /// What one unit of the shown value is in the recorded one: times are recorded in microseconds and shown in milliseconds, those that
    /// end in <c>_us</c> recorded in nanoseconds and shown in microseconds.
    /// </summary>
    public static double Unit(string name) => name.EndsWith("_time", StringComparison.Ordinal)
        || name.EndsWith("_ms", StringComparison.Ordinal) || name.EndsWith("_us", StringComparison.Ordinal) ? 1000 : 1;
}
