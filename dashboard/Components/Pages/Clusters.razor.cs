using System.Globalization;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Components.Pages;

/// <summary>The table of clusters with what their statistics say; filter and order live in the address.</summary>
public sealed partial class Clusters
{
    private const int Most = 200; // rows at once: what a person reads, and what a message of the circuit holds
    private const string Requests = "upstream_rq_total", Connections = "upstream_cx_active", Healthy = "membership_healthy", Members = "membership_total";

    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<IReadOnlyList<ClusterDocument>> _clusters = new();
    private readonly Loadable<StatsSnapshot> _stats = new();
    private Dictionary<string, double> _values = [];
    private Account? _account;

    [SupplyParameterFromQuery(Name = "q")] private string? Q { get; set; }
    [SupplyParameterFromQuery(Name = "sort")] private string? Sort { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;

    private string SortKey => Sort ?? "name";

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _account = await Api.AccountAsync();
        await LoadAsync();
    }

    private async Task LoadAsync()
    {
        await Task.WhenAll(
            _clusters.LoadAsync(Api.ClustersAsync, _gone.Token),
            _stats.LoadAsync(c => Api.StatsAsync($@"^cluster\..*\.({Requests}|{Connections}|{Healthy}|{Members})$", c), _gone.Token));
        _values = (_stats.Value?.Stats ?? []).GroupBy(s => s.Name, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First().Value, StringComparer.Ordinal);
    }

    /// <summary>Envoy writes ':' in names of statistics as '_'.</summary>
    private double? Value(ClusterDocument cluster, string stat) => _values.TryGetValue($"cluster.{cluster.Name.Replace(':', '_')}.{stat}", out var value) ? value : null;

    private string Number(ClusterDocument cluster, string stat) => Value(cluster, stat)?.ToString("N0", CultureInfo.InvariantCulture) ?? "–";

    private string Health(ClusterDocument cluster) => Value(cluster, Healthy) is { } healthy && Value(cluster, Members) is { } members
        ? string.Create(CultureInfo.InvariantCulture, $"{(healthy < members ? "▲ " : "")}{healthy:0} of {members:0}") : "–";

    private List<ClusterDocument> Rows(IReadOnlyList<ClusterDocument> all)
    {
        var rows = all.Where(c => string.IsNullOrEmpty(Q)
            || c.Name.Contains(Q, StringComparison.OrdinalIgnoreCase)
            || c.Endpoints.Any(e => e.Contains(Q, StringComparison.OrdinalIgnoreCase)));
        var sorted = SortKey.TrimStart('-') switch
        {
            "health" => rows.OrderBy(c => Value(c, Healthy) / Math.Max(1, Value(c, Members) ?? 1)),
            "policy" => rows.OrderBy(c => c.Policy, StringComparer.Ordinal),
            "requests" => rows.OrderBy(c => Value(c, Requests) ?? -1),
            "connections" => rows.OrderBy(c => Value(c, Connections) ?? -1),
            _ => rows.OrderBy(c => c.Name, StringComparer.OrdinalIgnoreCase),
        };
        var list = sorted.ThenBy(c => c.Name, StringComparer.Ordinal).ToList();
        if (SortKey.StartsWith('-'))
            list.Reverse();
        return list;
    }

    private void SortBy(string key) => Show(Q, SortKey == key ? "-" + key : key);

    private void Show(string? filter, string? sort) => Navigation.NavigateTo(
        Navigation.GetUriWithQueryParameters(new Dictionary<string, object?> { ["q"] = filter, ["sort"] = sort is "name" ? null : sort }),
        replace: true);

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        await LoadAsync();
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
        _gone.Dispose();
    }
}
