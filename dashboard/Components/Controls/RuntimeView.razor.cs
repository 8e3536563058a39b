using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// Every machine of guest code on every worker, of stored modules and of inline, local and remote code; filter and order live in the
/// address.
/// </summary>
public sealed partial class RuntimeView
{
    private static readonly string[] States = ["ready", "active", "failed", "backoff", "quarantined"];
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<IReadOnlyList<GuestVm>> _vms = new();
    private readonly Loadable<IReadOnlyList<Module>> _modules = new();
    private HashSet<string> _known = [];
    private ILookup<string, ModuleUse>? _owners;
    private long? _seen;

    [SupplyParameterFromQuery(Name = "q")] private string? Q { get; set; }
    [SupplyParameterFromQuery(Name = "kind")] private string? Kind { get; set; }
    [SupplyParameterFromQuery(Name = "state")] private string? State { get; set; }
    [SupplyParameterFromQuery(Name = "sort")] private string? Sort { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _ = Every.RunAsync(Interval, PollAsync, _gone.Token);
        _ = LinkAsync();
        await LoadAsync();
    }

    private Task LoadAsync() => _vms.LoadAsync(Api.VmsAsync, _gone.Token);

    // Which of them have a page, and whose they are; the table does not wait for it.
    private async Task LinkAsync()
    {
        await _modules.LoadAsync(Api.ModulesAsync, _gone.Token);
        _known = [.. _modules.Value?.Select(m => m.Digest) ?? []];
        if (_seen != Feed.Active?.Version || _owners is null)
            await FindOwnersAsync();
        await InvokeAsync(StateHasChanged);
    }

    /// <summary>The whole document is read for it, so only once for each version.</summary>
    private async Task FindOwnersAsync()
    {
        try
        {
            _owners = ModuleUse.FindAll(await Api.ConfigAsync(_gone.Token));
            _seen = Feed.Active?.Version;
        }
        catch (Exception e) when (e is AdminApiException or OperationCanceledException)
        {
            // They are looked for again with the next version.
        }
    }

    private async Task PollAsync()
    {
        await LoadAsync();
        StateHasChanged();
    }

    private List<GuestVm> Rows(IReadOnlyList<GuestVm> all) =>
    [
        .. all.Where(v => (string.IsNullOrEmpty(Kind) || v.Kind == Kind) && (string.IsNullOrEmpty(State) || v.State == State)
            && (string.IsNullOrEmpty(Q) || v.Name.Contains(Q, StringComparison.OrdinalIgnoreCase)
                || v.Digest.Contains(Q, StringComparison.OrdinalIgnoreCase)
                    || v.VmId?.Contains(Q, StringComparison.OrdinalIgnoreCase) == true)),
    ];

    private void SortBy(string key) => Show(Q, Kind, State, (Sort ?? "name") == key ? "-" + key : key);

    private void Show(string? filter, string? kind, string? state, string? sort) => Navigation.NavigateTo(
        Navigation.GetUriWithQueryParameters(new Dictionary<string, object?>
        {
            ["q"] = string.IsNullOrEmpty(filter) ? null : filter,
            ["kind"] = string.IsNullOrEmpty(kind) ? null : kind,
            ["state"] = string.IsNullOrEmpty(state) ? null : state,
            ["sort"] = sort is "name" ? null : sort,
        }),
        replace: true);

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        await LoadAsync();
        _ = LinkAsync();
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
    }
}
