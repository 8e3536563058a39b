using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Pages;

/// <summary>The versions, newest first; filter and page live in the address.</summary>
public sealed partial class History
{
    private static readonly IReadOnlyDictionary<string, string> NoLabels = new Dictionary<string, string>();

    private const int PageSize = 25;

    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<Page<ConfigVersion>> _versions = new();
    private readonly SortedSet<long> _picked = [];
    private (string?, string?) _shown = ("never", null);
    private Account? _account;

    [SupplyParameterFromQuery(Name = "q")] private string? Q { get; set; }
    [SupplyParameterFromQuery(Name = "page")] private string? Before { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _account = await Api.AccountAsync();
    }

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == (Q, Before))
            return;
        _shown = (Q, Before);
        await LoadAsync(forget: true);
    }

    private Task LoadAsync(bool forget) => _versions.LoadAsync(c => Api.VersionsAsync(PageSize, Before, Q, c), _gone.Token, forget);

    /// <summary>A third pick replaces the oldest one, so that two are always what is compared.</summary>
    private void Pick(long version, bool on)
    {
        if (!on)
            _picked.Remove(version);
        else if (_picked.Add(version) && _picked.Count > 2)
            _picked.Remove(_picked.First(v => v != version));
    }

    private void ComparePicked() => Navigation.NavigateTo($"/history/compare/{_picked.Min}...{_picked.Max}");

    private Task RollBackAsync(ConfigVersion version) => RollBackDialog.ShowAsync(Dialogs, version.Version);

    private void Show(string? filter, string? page) => Navigation.NavigateTo(Address(filter, page), replace: page is null);

    private string Address(string? filter, string? page) => Navigation.GetUriWithQueryParameters(new Dictionary<string, object?>
    {
        ["q"] = string.IsNullOrEmpty(filter) ? null : filter,
        ["page"] = page,
    });

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        await LoadAsync(forget: false);
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
    }
}
