using Managed.Dashboard.AdminApi;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>Asks once more; which versions still need the module is the API's to say (409 IN_USE) and is listed.</summary>
public sealed partial class DeleteModuleDialog
{
    private Problem? _problem;
    private bool _busy;

    [Parameter, EditorRequired] public required Module Module { get; set; }

    [CascadingParameter] private IMudDialogInstance Instance { get; set; } = null!;
    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;

    /// <returns>Whether it is deleted.</returns>
    public static async Task<bool> ShowAsync(IDialogService dialogs, Module module)
    {
        var dialog = await dialogs.ShowAsync<DeleteModuleDialog>(
            $"Delete module {module.Title}?",
            new DialogParameters<DeleteModuleDialog> { { d => d.Module, module } },
            new DialogOptions { MaxWidth = MaxWidth.Small, FullWidth = true, CloseButton = true });
        return (await dialog.Result)?.Data is true;
    }

    private async Task DeleteAsync()
    {
        (_busy, _problem) = (true, null);
        try
        {
            await Api.DeleteModuleAsync(Module.Digest, CancellationToken.None);
            Instance.Close(true);
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
