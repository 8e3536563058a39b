using Managed.Dashboard.Components.Layout;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>The last look before a change goes live: diff, impact of the dry run, comment, trial time.</summary>
public sealed partial class ReviewDialog
{
    private ElementReference _diff;
    private EditorDryRun? _run;
    private AdminApi.Problem? _refused;
    private readonly Trial _trial = new();
    private string _comment = "";
    private bool _busy, _copied;

    [Parameter, EditorRequired] public required YamlEditor Editor { get; set; }

    [CascadingParameter] private IMudDialogInstance Instance { get; set; } = null!;
    [Inject] private Shell Shell { get; set; } = null!;

    /// <returns>The accepted write; a write with Ok false when the node had moved on; null when it was called off.</returns>
    public static async Task<EditorWrite?> ShowAsync(IDialogService dialogs, YamlEditor editor, string noun, string? name)
    {
        var dialog = await dialogs.ShowAsync<ReviewDialog>(
            name is null ? $"Review the new {noun}" : $"Review the change of {name}",
            new DialogParameters<ReviewDialog> { { d => d.Editor, editor } },
            new DialogOptions { MaxWidth = MaxWidth.Large, FullWidth = true, CloseButton = true, BackdropClick = false });
        return (await dialog.Result)?.Data as EditorWrite;
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
            return;
        await Editor.ShowReviewAsync(_diff);
        _run = await Editor.DryRunAsync();
        if (_run.Problem is { Status: 412 })
            Instance.Close(new EditorWrite(false, null, false, 0, null, _run.Problem));
        StateHasChanged();
    }

    private async Task ApplyAsync()
    {
        (_busy, _refused) = (true, null);
        var write = await Editor.ApplyAsync(_comment.Trim(), _trial);
        _busy = false;
        if (write.Ok || write.Problem is { Status: 412 })
            Instance.Close(write);
        else
            _refused = write.Problem?.ToProblem();
    }

    private async Task CopyAsync() => _copied =
        await Shell.CopyAsync(await Editor.CurlAsync(_comment.Trim(), _trial));
}
