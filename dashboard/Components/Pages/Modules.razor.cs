using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Pages;

/// <summary>The stored modules with the health of what runs of them; filter and order live in the address.</summary>
public sealed partial class Modules
{
    /// <summary>How often the machines are read.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<IReadOnlyList<Module>> _modules = new();
    private readonly Loadable<IReadOnlyList<GuestVm>> _vms = new();
    private Account? _account;

    [SupplyParameterFromQuery(Name = "q")] private string? Q { get; set; }
    [SupplyParameterFromQuery(Name = "kind")] private string? Kind { get; set; }
    [SupplyParameterFromQuery(Name = "sort")] private string? Sort { get; set; }
    [SupplyParameterFromQuery(Name = "tab")] private string? Tab { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;
    [Inject] private Toasts Toasts { get; set; } = null!;

    /// <summary>The machines of guest code in place of the stored modules.</summary>
    private bool IsRuntime => Tab is "runtime";

    private string SortKey => Sort ?? "name";

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _account = await Api.AccountAsync();
        _ = Every.RunAsync(Interval, PollAsync, _gone.Token);
        await LoadAsync();
    }

    private Task LoadAsync() => Task.WhenAll(_modules.LoadAsync(Api.ModulesAsync, _gone.Token), LoadVmsAsync());

    // Beside the modules, which do not wait for it.
    private Task LoadVmsAsync() => _vms.LoadAsync(Api.VmsAsync, _gone.Token);

    private async Task PollAsync()
    {
        await LoadVmsAsync();
        StateHasChanged();
    }

    private List<GuestVm> VmsOf(Module module) => [.. _vms.Value?.Where(v => v.Digest == module.Digest) ?? []];

    private string UsedBy(Module module)
    {
        if (module.UsedBy.Count == 0)
            return "not used";
        var active = Feed.Active is { } now && module.UsedBy.Contains(now.Version);
        var count = module.UsedBy.Count == 1 ? $"v{module.UsedBy[0]}" : $"{module.UsedBy.Count} versions";
        return active ? (module.UsedBy.Count == 1 ? $"{count}, active" : $"{count}, v{Feed.Active!.Version} active") : count;
    }

    private List<Module> Rows(IReadOnlyList<Module> all)
    {
        var rows = all.Where(m => (string.IsNullOrEmpty(Kind) || m.Kind == Kind)
            && (string.IsNullOrEmpty(Q) || m.Digest.Contains(Q, StringComparison.OrdinalIgnoreCase)
                || m.Names.Any(n => n.Contains(Q, StringComparison.OrdinalIgnoreCase))));
        var sorted = SortKey.TrimStart('-') switch
        {
            "kind" => rows.OrderBy(m => m.Kind, StringComparer.Ordinal),
            "abi" => rows.OrderBy(m => m.AbiVersion ?? "", StringComparer.Ordinal),
            "size" => rows.OrderBy(m => m.Size),
            "used" => rows.OrderBy(m => m.UsedBy.Count),
            "health" => rows.OrderBy(m => VmHealth.Rank(VmsOf(m))),
            "uploaded" => rows.OrderBy(m => m.CreatedAt),
            _ => rows.OrderBy(m => m.Title, StringComparer.OrdinalIgnoreCase),
        };
        var list = sorted.ThenBy(m => m.Title, StringComparer.OrdinalIgnoreCase).ThenBy(m => m.Digest, StringComparer.Ordinal).ToList();
        if (SortKey.StartsWith('-'))
            list.Reverse();
        return list;
    }

    private void SortBy(string key) => Show(Q, Kind, SortKey == key ? "-" + key : key);

    private void Show(string? filter, string? kind, string? sort) => Navigation.NavigateTo(
        Navigation.GetUriWithQueryParameters(new Dictionary<string, object?>
        {
            ["q"] = string.IsNullOrEmpty(filter) ? null : filter,
            ["kind"] = string.IsNullOrEmpty(kind) ? null : kind,
            ["sort"] = sort is "name" ? null : sort,
        }),
        replace: true);

    private async Task DeleteAsync(Module module)
    {
        if (!await DeleteModuleDialog.ShowAsync(Dialogs, module))
            return;
        Toasts.Said($"Module {module.Title} is deleted.");
        await LoadAsync();
    }

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        await LoadAsync();
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
    }
}
