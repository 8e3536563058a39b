using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>Theirs and yours side by side, after a write was refused with 412 or the node moved on under an edit.</summary>
public sealed partial class ConflictDialog
{
    private ElementReference _host;
    private AdminApi.Problem? _problem;
    private bool _shown;

    [Parameter, EditorRequired] public required YamlEditor Editor { get; set; }

    [CascadingParameter] private IMudDialogInstance Instance { get; set; } = null!;

    /// <returns>True: go on with mine, against theirs. False: take theirs. Null: nothing decided.</returns>
    public static async Task<bool?> ShowAsync(IDialogService dialogs, YamlEditor editor)
    {
        var dialog = await dialogs.ShowAsync<ConflictDialog>(
            "Changed on the node meanwhile",
            new DialogParameters<ConflictDialog> { { d => d.Editor, editor } },
            new DialogOptions { MaxWidth = MaxWidth.Large, FullWidth = true, CloseButton = true, BackdropClick = false });
        return (await dialog.Result) is { Canceled: false, Data: bool mine } ? mine : null;
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
            return;
        var load = await Editor.ShowConflictAsync(_host);
        (_shown, _problem) = (load.Ok, load.Problem?.ToProblem());
        StateHasChanged();
    }
}
