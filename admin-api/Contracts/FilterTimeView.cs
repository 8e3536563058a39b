using Managed.Proxy.Core.Telemetry;

namespace Managed.AdminApi.Contracts;

/// <summary>How many streams, and microseconds of them; 0 when there was none.</summary>
internal sealed record FilterTimeView(long Count, double Mean, double P50, double P90, double P99)
{
    private const double Nanoseconds = 1000; // that a filter's time is recorded in

    public static FilterTimeView Of(IReadOnlyList<HistogramSnapshot> parts)
    {
        var all = new HistogramSnapshot();
        foreach (var part in parts)
            all.Add(part);
        double Micros(double value) => Math.Round(value / Nanoseconds, 3);
        return new(all.Count, all.Count == 0 ? 0 : Micros((double)all.Sum / all.Count), Micros(all.Quantile(0.5)),
            Micros(all.Quantile(0.9)), Micros(all.Quantile(0.99)));
    }
}
