using System.Globalization;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;

namespace Managed.Dashboard.Components.Pages;

/// <summary>The table of clusters with what their statistics say.</summary>
public sealed partial class Clusters
{
    private const string Requests = "upstream_rq_total", Connections = "upstream_cx_active", Time = "upstream_rq_time",
        Healthy = "membership_healthy", Total = "membership_total";
    private static readonly string[] Breakers = ["cx_open", "rq_open", "rq_pending_open", "rq_retry_open"];

    private readonly Loadable<IReadOnlyList<ClusterDocument>> _clusters = new();
    private readonly Loadable<StatsSnapshot> _stats = new();
    private Dictionary<string, double> _values = [], _p99 = [];

    protected override async Task LoadAsync()
    {
        await Task.WhenAll(
            _clusters.LoadAsync(Api.ClustersAsync, Gone),
            _stats.LoadAsync(c => Api.StatsAsync(
                $@"^cluster\..*\.({Requests}|{Connections}|{Time}|{Healthy}|{Total}|circuit_breakers\.default\..*_open)$", c), Gone));
        _values = (_stats.Value?.Stats ?? []).GroupBy(s => s.Name, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.First().Value, StringComparer.Ordinal);
        _p99 = (_stats.Value?.Histograms ?? []).Where(h => h.Count > 0).GroupBy(h => h.Name, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.First().P99, StringComparer.Ordinal);
    }

    /// <summary>Envoy writes ':' in names of statistics as '_'.</summary>
    private double? Value(ClusterDocument cluster, string stat)
        => _values.TryGetValue(StatOf(cluster, stat), out var value) ? value : null;

    private static string StatOf(ClusterDocument cluster, string stat) => $"cluster.{cluster.Name.Replace(':', '_')}.{stat}";

    /// <summary>In milliseconds, since the start.</summary>
    private double? P99(ClusterDocument cluster) => _p99.TryGetValue(StatOf(cluster, Time), out var value) ? value : null;

    private bool IsOpen(ClusterDocument cluster) => Breakers.Any(b => Value(cluster, "circuit_breakers.default." + b) > 0);

    /// <summary>The share of endpoints that are well; those without any come after those that are ill.</summary>
    private double HealthOf(ClusterDocument cluster)
        => Value(cluster, Total) is > 0 and var total ? (Value(cluster, Healthy) ?? total) / total : 1.5;

    private string Number(ClusterDocument cluster, string stat)
        => Value(cluster, stat)?.ToString("N0", CultureInfo.InvariantCulture) ?? "–";

    private List<ClusterDocument> Rows(IReadOnlyList<ClusterDocument> all)
    {
        var rows = all.Where(c => IsAskedFor(c.Name) || c.Endpoints.Any(IsAskedFor));
        return Ordered(SortKey.TrimStart('-') switch
        {
            "policy" => rows.OrderBy(c => c.Policy, StringComparer.Ordinal),
            "requests" => rows.OrderBy(c => Value(c, Requests) ?? -1),
            "health" => rows.OrderBy(HealthOf),
            "p99" => rows.OrderBy(c => P99(c) ?? -1),
            "connections" => rows.OrderBy(c => Value(c, Connections) ?? -1),
            _ => rows.OrderBy(c => c.Name, StringComparer.OrdinalIgnoreCase),
        }, c => c.Name);
    }
}
