using System.Diagnostics;
using Managed.Dashboard.AdminApi;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// Asks once more, with what a dry run says: what still refers to the resource (409 IN_USE) is listed, and it cannot be deleted then.
/// </summary>
public sealed partial class DeleteResourceDialog
{
    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<DryRun> _run = new();
    private Problem? _problem;
    private string _comment = "";
    private bool _busy;

    [Parameter, EditorRequired] public required ResourceKind Kind { get; set; }
    [Parameter, EditorRequired] public required string Name { get; set; }

    [CascadingParameter] private IMudDialogInstance Instance { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;
    [Inject] private AdminApiClient Api { get; set; } = null!;

    public static async Task<Deleted?> ShowAsync(IDialogService dialogs, ResourceKind kind, string name)
    {
        var dialog = await dialogs.ShowAsync<DeleteResourceDialog>(
            $"Delete {kind.Noun} {name}?",
            new DialogParameters<DeleteResourceDialog> { { d => d.Kind, kind }, { d => d.Name, name } },
            new DialogOptions { MaxWidth = MaxWidth.ExtraSmall, FullWidth = true, CloseButton = true });
        return (await dialog.Result)?.Data as Deleted;
    }

    /// <summary>Said before anybody presses the button.</summary>
    private bool IsInUse => _run.Problem is { Code: "IN_USE" };

    protected override Task OnInitializedAsync() => _run.LoadAsync(c => Api.TryDeleteAsync(Kind.Collection, Name, c), _gone.Token);

    public void Dispose() => _gone.Cancel();

    private async Task DeleteAsync()
    {
        (_busy, _problem) = (true, null);
        try
        {
            var started = Stopwatch.GetTimestamp();
            var result = await Api.DeleteAsync(Kind.Collection, Name, _comment.Trim(), CancellationToken.None);
            Instance.Close(new Deleted(result, Stopwatch.GetElapsedTime(started)));
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
}

public sealed record Deleted(WriteResult Result, TimeSpan Took);
