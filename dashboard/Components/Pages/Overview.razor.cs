using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Components.Pages;

public sealed partial class Overview
{
    /// <summary>How often the worker table is read; the figures above it stream at their own pace.</summary>
    private static readonly TimeSpan WorkerInterval = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<Page<WorkerStatus>> _workers = new();
    private readonly Loadable<Page<ConfigVersion>> _versions = new();
    private readonly Loadable<Page<GuestVm>> _ailing = new();
    private Account? _account;

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _account = await Api.AccountAsync();
        _ = Every.RunAsync(WorkerInterval, PollWorkersAsync, _gone.Token);
        _ = ShowAilingAsync();
        await Task.WhenAll(LoadWorkersAsync(), LoadVersionsAsync());
    }

    private Task LoadWorkersAsync() => _workers.LoadAsync(Api.WorkersAsync, _gone.Token);

    private Task LoadVersionsAsync() => _versions.LoadAsync(c => Api.VersionsAsync(8, null, null, c), _gone.Token);

    // Beside the panels: they do not wait for it.
    private async Task ShowAilingAsync()
    {
        await _ailing.LoadAsync(Api.AilingVmsAsync, _gone.Token);
        await InvokeAsync(StateHasChanged);
    }

    private async Task PollWorkersAsync()
    {
        _ = ShowAilingAsync();
        await LoadWorkersAsync();
        StateHasChanged();
    }

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        await Task.WhenAll(LoadWorkersAsync(), LoadVersionsAsync());
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
    }
}
