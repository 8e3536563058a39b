using System.Globalization;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;

namespace Managed.Dashboard.Components.Pages;

/// <summary>The table of clusters with what their statistics say.</summary>
public sealed partial class Clusters
{
    private const int Most = 200; // rows at once: what a person reads, and what a message of the circuit holds
    private const string Requests = "upstream_rq_total", Connections = "upstream_cx_active";

    private readonly Loadable<IReadOnlyList<ClusterDocument>> _clusters = new();
    private readonly Loadable<StatsSnapshot> _stats = new();
    private Dictionary<string, double> _values = [];

    protected override async Task LoadAsync()
    {
        await Task.WhenAll(
            _clusters.LoadAsync(Api.ClustersAsync, Gone),
            _stats.LoadAsync(c => Api.StatsAsync($@"^cluster\..*\.({Requests}|{Connections})$", c), Gone));
        _values = (_stats.Value?.Stats ?? []).GroupBy(s => s.Name, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.First().Value, StringComparer.Ordinal);
    }

    /// <summary>Envoy writes ':' in names of statistics as '_'.</summary>
    private double? Value(ClusterDocument cluster, string stat)
        => _values.TryGetValue($"cluster.{cluster.Name.Replace(':', '_')}.{stat}", out var value) ? value : null;

    private string Number(ClusterDocument cluster, string stat)
        => Value(cluster, stat)?.ToString("N0", CultureInfo.InvariantCulture) ?? "–";

    private List<ClusterDocument> Rows(IReadOnlyList<ClusterDocument> all)
    {
        var rows = all.Where(c => IsAskedFor(c.Name) || c.Endpoints.Any(IsAskedFor));
        return Ordered(SortKey.TrimStart('-') switch
        {
            "policy" => rows.OrderBy(c => c.Policy, StringComparer.Ordinal),
            "requests" => rows.OrderBy(c => Value(c, Requests) ?? -1),
            "connections" => rows.OrderBy(c => Value(c, Connections) ?? -1),
            _ => rows.OrderBy(c => c.Name, StringComparer.OrdinalIgnoreCase),
        }, c => c.Name);
    }
}
