using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Components.Pages;

/// <summary>The table of listeners; filter and order live in the address.</summary>
public sealed partial class Listeners
{
    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<IReadOnlyList<ListenerDocument>> _listeners = new();
    private readonly Loadable<StatsSnapshot> _stats = new();
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

    private Task LoadAsync() => Task.WhenAll(
        _listeners.LoadAsync(Api.ListenersAsync, _gone.Token),
        _stats.LoadAsync(c => Api.StatsAsync(@"^listener\.", c), _gone.Token));

    private long? Connections(ListenerDocument listener)
    {
        var name = $"listener.{listener.StatPrefix}.downstream_cx_active";
        return _stats.Value?.Stats?.FirstOrDefault(s => s.Name == name) is { } stat ? (long)stat.Value : null;
    }

    private List<ListenerDocument> Rows(IReadOnlyList<ListenerDocument> all)
    {
        var rows = all.Where(l => string.IsNullOrEmpty(Q)
            || l.Name.Contains(Q, StringComparison.OrdinalIgnoreCase)
            || l.Address.Contains(Q, StringComparison.OrdinalIgnoreCase));
        var sorted = SortKey.TrimStart('-') switch
        {
            "address" => rows.OrderBy(l => l.Address, StringComparer.Ordinal),
            "serves" => rows.OrderBy(l => l.Serves, StringComparer.Ordinal),
            "chains" => rows.OrderBy(l => l.Chains),
            "connections" => rows.OrderBy(l => Connections(l) ?? -1),
            _ => rows.OrderBy(l => l.Name, StringComparer.OrdinalIgnoreCase),
        };
        var list = sorted.ThenBy(l => l.Name, StringComparer.Ordinal).ToList();
        if (SortKey.StartsWith('-'))
            list.Reverse();
        return list;
    }

    private void SortBy(string key) => Show(Q, SortKey == key ? "-" + key : key);

    private void Show(string? filter, string? sort) => Navigation.NavigateTo(
        Navigation.GetUriWithQueryParameters(new Dictionary<string, object?>
        {
            ["q"] = string.IsNullOrEmpty(filter) ? null : filter,
            ["sort"] = sort is "name" ? null : sort,
        }),
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
