using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Layout;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// One resource as YAML: every pause in typing is a dry run on the node, and nothing goes live without the review.
/// A text that somebody edits is never lost: what others change elsewhere in it is merged into it, what they change in the same places is
/// shown beside it, and a reload or a restart brings it back.
/// </summary>
public sealed partial class ResourceEditor
{
    private static readonly EditorCheck Clean = new("clean", 0, null, false);

    private YamlEditor? _editor;
    private Account? _account;
    private EditorCheck _check = Clean;
    private Problem? _problem;
    private bool _ready, _dirty, _moved, _leaving, _mayWrite, _wanted, _unkept;
    private long? _seen;

    private string? _merged, _who, _found;

    [Parameter, EditorRequired] public required ResourceKind Kind { get; set; }

    /// <summary>Null: a new one.</summary>
    [Parameter] public string? Name { get; set; }

    /// <summary>One of the kind's tabs; the text where it is none.</summary>
    [Parameter] public string? Tab { get; set; }

    /// <summary>What the text is opened at: the name of a piece, or a word.</summary>
    [Parameter] public string? Find { get; set; }

    /// <summary>Of a new one: the name of the one that it begins as a copy of.</summary>
    [Parameter] public string? From { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;
    [Inject] private Shell Shell { get; set; } = null!;
    [Inject] private Toasts Toasts { get; set; } = null!;

    private string Shown => Name is not null && Tab is { } tab && Kind.Tabs.Contains(tab) ? tab : "yaml";

    /// <summary>Who moved it on under the editor, for a sentence: <c>, by kim at 14:05</c>.</summary>
    private string Who => _who is null ? "" : $", {_who}";

    private bool MayReview => _ready && _mayWrite && _problem is null && (_dirty || Name is null);

    // Also while it is checked: whoever asks then gets the review as soon as the text is found valid.
    private bool CanReview => MayReview && _check.State is "valid" or "conflict" or "unchecked" or "checking";

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _seen = Feed.Active?.Version;
        _account = await Api.AccountAsync();
        _mayWrite = _account.CanWrite;
    }

    protected override void OnParametersSet() => (_problem, _leaving) = (null, false);

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (Find == _found || !_ready || Shown is not "yaml")
            return;
        _found = Find;
        if (_found is not null)
            await ScriptModule.IgnoreGoneAsync(() => _editor!.ShowAsync(_found).AsTask());
    }

    private async Task OnReadyAsync()
    {
        (_check, _moved, _merged) = (Clean, false, null);
        var load = await _editor!.LoadAsync(keep: false);
        _problem = load.Problem?.ToProblem();
        _ready = load.Ok;
        if (Name is null && From is { Length: > 0 } && load.RestoredAt is null)
            await CopyAsync(From);
        if (load.RestoredAt is { } at)
            _merged = $"Your unsaved changes from {at} were restored; they were never applied. “Discard edits” returns to what runs.";
        await TakeAsync(load);
    }

    private async Task CopyAsync(string other)
    {
        var copy = await _editor!.CopyOfAsync(other);
        _merged = copy.Ok ? $"A copy of {other}: give it an address of its own, then review it."
            : $"{other} could not be read: {copy.Problem?.Detail ?? copy.Problem?.Title}";
    }

    private async Task OnNodeMovedAsync() => await TakeAsync(await _editor!.LoadAsync(keep: true));

    /// <summary>What a look at the node found while somebody edits.</summary>
    private async Task TakeAsync(EditorLoad load)
    {
        if (!load.Ok && load.Problem is { Status: 404 } gone)
            _problem = gone.ToProblem();
        if (!load.Moved && !load.Merged)
            return;
        _who = await WhoAsync();
        if (load.Merged)
            _merged = $"This {Kind.Noun} was changed on the node{Who}, in other places than yours: your text has those changes now.";
        _moved = load.Moved;
    }

    private async Task<string?> WhoAsync()
    {
        try
        {
            var last = (await Api.ResourceHistoryAsync(Kind.Collection, Name!, 1, null, CancellationToken.None)).Items.FirstOrDefault();
            return last is null ? null : $"by {last.Author} at {last.CreatedAt.ToLocalTime():HH:mm} (v{last.Version})";
        }
        catch (AdminApiException)
        {
            return null; // the name is a courtesy; the state is shown without it
        }
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
        if (check.State is not ("unchecked" or "checking") && _wanted)
        {
            _wanted = false;
            if (check.State is "valid")
                _ = InvokeAsync(ReviewAsync);
        }
        if (check.State is not "conflict" || Name is null || _moved)
            return;
        _moved = true;
        _ = InvokeAsync(async () =>
        {
            _who = await WhoAsync();
            StateHasChanged();
        });
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
        _wanted = _check.State is "unchecked" or "checking";
        if (_wanted)
            return;
        var write = await ReviewDialog.ShowAsync(Dialogs, _editor, Kind.Noun, Name);
        if (write is null)
            return;
        if (!write.Ok)
        {
            if (Name is not null)
                await OnNodeMovedAsync();
            if (_moved || Name is null)
                await OpenConflictAsync();
            return;
        }
        _leaving = true;
        Feed.Refresh();
        await Toasts.AppliedAsync(new WriteResult(write.Version, write.Changed, null), TimeSpan.FromMilliseconds(write.ElapsedMs));
        if (Name is null && write.Name is not null)
            Navigation.NavigateTo(Kind.AddressOf(write.Name));
        _leaving = false;
    }

    private async Task OpenConflictAsync()
    {
        if (await ConflictDialog.ShowAsync(Dialogs, _editor!, Who) is not { } choice)
            return;
        await _editor!.ResolveAsync(choice);
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
        if (await DeleteResourceDialog.ShowAsync(Dialogs, Kind, Name!) is not { } deleted)
            return;
        _leaving = true;
        Feed.Refresh();
        await Toasts.AppliedAsync(deleted.Result, deleted.Took);
        Navigation.NavigateTo($"/{Kind.Collection}");
    }

    private async Task DrainAsync()
    {
        if (await Dialogs.ShowMessageBoxAsync($"Drain {Name}?", "It stops accepting connections at once, and asks those that are open to "
                + "end. This makes no version: the next one that changes this listener opens it again, and so does a restart.",
                yesText: "Drain", cancelText: "Cancel") is not true)
            return;
        try
        {
            await Api.DrainListenerAsync(Name!, CancellationToken.None);
            Toasts.Said($"{Name} takes no more connections.");
            Feed.Refresh();
        }
        catch (AdminApiException e)
        {
            Toasts.Failed(e.Problem.Detail ?? e.Problem.Title ?? "The node refused");
        }
    }

    private async Task CopyAsync()
    {
        if (await Shell.CopyAsync(await _editor!.CurlAsync(null, new())))
            Toasts.Said("Copied: set TOKEN in your shell, then paste.");
        else
            Toasts.Failed("The browser does not let this page write to the clipboard.");
    }

    private async Task OnLeaveAsync(LocationChangingContext context)
    {
        if (!_dirty || _leaving || IsHere(context.TargetLocation))
            return;
        var leave = await Dialogs.ShowMessageBoxAsync("Leave the editor?",
            _unkept ? "Your edits are not applied, and since a secret is in them this tab does not keep them: they are lost."
                : "Your edits are not applied. This tab keeps them; closing it loses them.",
            yesText: "Leave", cancelText: "Stay");
        if (leave is not true)
            context.PreventNavigation();
    }

    /// <summary>Another tab of the same resource keeps the editor.</summary>
    private bool IsHere(string target) => Name is not null
        && Navigation.ToAbsoluteUri(target).AbsolutePath == new Uri(Navigation.Uri).AbsolutePath;

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        if (!_ready || _editor is null || Feed.Active?.Version == _seen)
            return;
        _seen = Feed.Active?.Version;
        await TakeAsync(await _editor.LoadAsync(keep: true));
        StateHasChanged();
    });

    public void Dispose() => Feed.Changed -= OnFeedChanged;
}
