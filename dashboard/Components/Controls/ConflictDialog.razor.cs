using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>Base, theirs and yours of the places that both changed, after the node moved on under an edit.</summary>
public sealed partial class ConflictDialog
{
    private ElementReference _host;
    private AdminApi.Problem? _problem;
    private EditorConflict? _shown;

    [Parameter, EditorRequired] public required YamlEditor Editor { get; set; }

    /// <summary>Such as <c>, by kim at 14:05</c>.</summary>
    [Parameter] public string Who { get; set; } = "";

    [CascadingParameter] private IMudDialogInstance Instance { get; set; } = null!;

    /// <returns>See <see cref="YamlEditor.ResolveAsync"/>; null when nothing was decided.</returns>
    public static async Task<string?> ShowAsync(IDialogService dialogs, YamlEditor editor, string who)
    {
        var dialog = await dialogs.ShowAsync<ConflictDialog>(
            "Changed on the node meanwhile",
            new DialogParameters<ConflictDialog> { { d => d.Editor, editor }, { d => d.Who, who } },
            new DialogOptions { MaxWidth = MaxWidth.Large, FullWidth = true, CloseButton = true, BackdropClick = false });
        return (await dialog.Result) is { Canceled: false, Data: string choice } ? choice : null;
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
            return;
        var conflict = await Editor.ShowConflictAsync(_host);
        (_shown, _problem) = (conflict.Ok ? conflict : null, conflict.Problem?.ToProblem());
        StateHasChanged();
    }

    private void Choose(string choice) => Instance.Close(DialogResult.Ok(choice));
}
