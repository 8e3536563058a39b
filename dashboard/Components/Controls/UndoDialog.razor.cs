using System.Diagnostics;
using System.Text.Json;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// Shows what taking back one version's change does, and where later changes touch the same places; asks what becomes of those.
/// </summary>
public sealed partial class UndoDialog
{
    private readonly CancellationTokenSource _gone = new();
    private IReadOnlyList<MergeConflict> _conflicts = [];
    private DryRun? _run;
    private Problem? _problem;
    private string _reason = "", _overlap = "";
    private bool _busy;

    [Parameter, EditorRequired] public long Version { get; set; }

    [CascadingParameter] private IMudDialogInstance Instance { get; set; } = null!;
    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;
    [Inject] private Toasts Toasts { get; set; } = null!;

    private string? Overlap => _overlap is "" ? null : _overlap;

    private string Command => Curl.Of(Navigation.BaseUri, $"versions/{Version}/revert{(_overlap is "" ? "" : $"?overlap={_overlap}")}",
        "-X POST");

    public static Task ShowAsync(IDialogService dialogs, long version) => dialogs.ShowAsync<UndoDialog>(
        $"Undo v{version}",
        new DialogParameters<UndoDialog> { { d => d.Version, version } },
        new DialogOptions { MaxWidth = MaxWidth.Small, FullWidth = true, CloseButton = true });

    protected override Task OnInitializedAsync() => PreviewAsync("");

    private async Task PreviewAsync(string? overlap)
    {
        (_overlap, _run, _problem, _busy) = (overlap ?? "", null, null, true);
        try
        {
            _run = await Api.TryRevertAsync(Version, Overlap, _gone.Token);
        }
        catch (AdminApiException e) when (e.Problem.Conflicts is { Count: > 0 } conflicts)
        {
            _conflicts = conflicts;
        }
        catch (AdminApiException e)
        {
            _problem = e.Problem;
        }
        catch (OperationCanceledException) when (_gone.IsCancellationRequested)
        {
            // The dialog is closed.
        }
        _busy = false;
    }

    private async Task UndoAsync()
    {
        (_busy, _problem) = (true, null);
        try
        {
            var started = Stopwatch.GetTimestamp();
            var result = await Api.RevertAsync(Version, _reason.Trim() is { Length: > 0 } reason ? reason : $"Undo v{Version}", Overlap,
                _gone.Token);
            Feed.Refresh();
            Instance.Close();
            await Toasts.AppliedAsync(result, Stopwatch.GetElapsedTime(started));
        }
        catch (AdminApiException e)
        {
            (_problem, _conflicts) = e.Problem.Conflicts is { Count: > 0 } conflicts ? (null, conflicts) : (e.Problem, _conflicts);
        }
        finally
        {
            _busy = false;
        }
    }

    private static string Text(JsonElement? value) => value switch
    {
        null or { ValueKind: JsonValueKind.Undefined or JsonValueKind.Null } => "(nothing)",
        { } v when v.GetRawText() is { Length: > 160 } raw => raw[..157] + "…",
        { } v => v.GetRawText(),
    };

    public void Dispose()
    {
        _gone.Cancel();
    }
}
