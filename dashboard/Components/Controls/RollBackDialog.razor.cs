using System.Diagnostics;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>Shows what would change against the active version, asks why, and rolls back.</summary>
public sealed partial class RollBackDialog
{
    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<ConfigDiff> _diff = new();
    private Problem? _problem;
    private readonly Trial _trial = new();
    private string _reason = "";
    private bool _busy;

    [Parameter, EditorRequired] public long Version { get; set; }

    [CascadingParameter] private IMudDialogInstance Instance { get; set; } = null!;
    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;
    [Inject] private Toasts Toasts { get; set; } = null!;

    public static Task ShowAsync(IDialogService dialogs, long version) => dialogs.ShowAsync<RollBackDialog>(
        $"Roll back to v{version}",
        new DialogParameters<RollBackDialog> { { d => d.Version, version } },
        new DialogOptions { MaxWidth = MaxWidth.Small, FullWidth = true, CloseButton = true });

    private string TrialQuery => AdminApiClient.Query(("confirm_within", _trial.ConfirmWithin), ("revert_if", _trial.RevertIf));

    protected override Task OnInitializedAsync() => LoadAsync();

    private Task LoadAsync() => _diff.LoadAsync(
        async c => await Api.DiffAsync((await Api.VersionAsync("active", c)).Version, Version, c),
        _gone.Token);

    private async Task RollBackAsync()
    {
        (_busy, _problem) = (true, null);
        try
        {
            var started = Stopwatch.GetTimestamp();
            var result = await Api.RollBackAsync(Version, _reason.Trim(), _trial.ConfirmWithin, _trial.RevertIf, _gone.Token);
            Feed.Refresh();
            Instance.Close();
            await Toasts.AppliedAsync(result, Stopwatch.GetElapsedTime(started));
        }
        catch (AdminApiException e)
        {
            _problem = e.Problem;
        }
        finally
        {
            _busy = false;
        }
    }

    public void Dispose()
    {
        _gone.Cancel();
    }
}
