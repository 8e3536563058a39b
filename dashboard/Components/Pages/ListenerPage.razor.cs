using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Components.Layout;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;
using MudBlazor;

namespace Managed.Dashboard.Components.Pages;

/// <summary>
/// One listener as YAML: every pause in typing is a dry run on the node, and nothing goes live without the review.
/// A text that somebody edits is never replaced; when the node moves on under it, both are shown side by side.
/// </summary>
public sealed partial class ListenerPage
{
    private const string Starter = """
        name: web
        address: 127.0.0.1:10080
        routes:
        - match: {prefix: /}
          direct_response: {status: 200, body: {inline_string: "hello\n"}}

        """;

    private static readonly EditorCheck Clean = new("clean", 0, null);

    private YamlEditor? _editor;
    private Account? _account;
    private EditorCheck _check = Clean;
    private Problem? _problem;
    private bool _ready, _dirty, _moved, _leaving, _mayWrite;
    private long? _seen;

    [Parameter] public string? Name { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;
    [Inject] private Shell Shell { get; set; } = null!;
    [Inject] private Toasts Toasts { get; set; } = null!;

    private bool CanReview => _ready && _mayWrite && _problem is null && (_dirty || Name is null) && _check.State is "valid" or "conflict";

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _seen = Feed.Active?.Version;
        _account = await Api.AccountAsync();
        _mayWrite = _account.CanWrite;
    }

    protected override void OnParametersSet() => (_check, _problem, _moved, _leaving) = (Clean, null, false, false);

    private async Task OnReadyAsync()
    {
        var load = await _editor!.LoadAsync(keep: false);
        _problem = load.Problem?.ToProblem();
        _ready = load.Ok;
    }

    private void OnDirty(bool dirty)
    {
        _dirty = dirty;
        if (!dirty)
            (_check, _moved) = (Clean, false);
    }

    private void OnCheck(EditorCheck check)
    {
        _check = check;
        _moved |= check.State is "conflict" && Name is not null;
    }

    private async Task ReviewAsync()
    {
        if (!CanReview || _editor is null)
            return;
        if (_moved)
        {
            await OpenConflictAsync();
            return;
        }
        var before = Feed.Active?.Version;
        var write = await ReviewDialog.ShowAsync(Dialogs, _editor, Name);
        if (write is null)
            return;
        if (!write.Ok)
        {
            await OpenConflictAsync();
            return;
        }
        _leaving = true;
        Feed.Refresh();
        await Toasts.AppliedAsync(new WriteResult(write.Version, write.Changed, null), before, TimeSpan.FromMilliseconds(write.ElapsedMs));
        if (Name is null && write.Name is not null)
            Navigation.NavigateTo($"/listeners/{Uri.EscapeDataString(write.Name)}");
        _leaving = false;
    }

    private async Task OpenConflictAsync()
    {
        if (await ConflictDialog.ShowAsync(Dialogs, _editor!) is not { } keepMine)
            return;
        await _editor!.ResolveAsync(keepMine);
        _moved = false;
    }

    private async Task ResetAsync()
    {
        await _editor!.ResetAsync();
        if (await _editor.LoadAsync(keep: false) is { Ok: false, Problem: { } problem })
            _problem = problem.ToProblem();
    }

    private async Task DeleteAsync()
    {
        var before = Feed.Active?.Version;
        if (await DeleteListenerDialog.ShowAsync(Dialogs, Name!) is not { } deleted)
            return;
        _leaving = true;
        Feed.Refresh();
        await Toasts.AppliedAsync(deleted.Result, before, deleted.Took);
        Navigation.NavigateTo("/listeners");
    }

    private async Task CopyAsync()
    {
        if (await Shell.CopyAsync(await _editor!.CurlAsync(null, null)))
            Toasts.Said("Copied: set TOKEN in your shell, then paste.");
        else
            Toasts.Failed("The browser does not let this page write to the clipboard.");
    }

    private async Task OnLeaveAsync(LocationChangingContext context)
    {
        if (!_dirty || _leaving)
            return;
        var leave = await Dialogs.ShowMessageBoxAsync("Leave the editor?", "Your edits are not applied and would be lost.", yesText: "Leave", cancelText: "Stay");
        if (leave is not true)
            context.PreventNavigation();
    }

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        if (!_ready || _editor is null || Name is null || Feed.Active?.Version == _seen)
            return;
        _seen = Feed.Active?.Version;
        var load = await _editor.LoadAsync(keep: true);
        if (load.Moved)
            _moved = true;
        StateHasChanged();
    });

    public void Dispose() => Feed.Changed -= OnFeedChanged;
}
