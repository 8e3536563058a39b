using Managed.Dashboard.Components.Layout;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// Figures and charts from <c>/stats/stream</c>. The browser subscribes and draws by itself (chart.js): a sample never
/// touches the circuit, and Blazor never renders the parts that the script owns again.
/// </summary>
public sealed partial class LiveChart
{
    private ElementReference _root;
    private IJSObjectReference? _island;

    [Inject] private IJSRuntime Js { get; set; } = null!;

    protected override bool ShouldRender() => false;

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
            return;
        await using var module = await Js.InvokeAsync<IJSObjectReference>("import", Shell.Scripts + "chart.js");
        _island = await module.InvokeAsync<IJSObjectReference>("mount", _root, "/api/v1/stats/stream?interval=1s");
    }

    public async ValueTask DisposeAsync()
    {
        if (_island is null)
            return;
        try
        {
            await _island.InvokeVoidAsync("dispose");
            await _island.DisposeAsync();
        }
        catch (Exception e) when (e is JSDisconnectedException or TaskCanceledException)
        {
            // The page is gone, and with it the island.
        }
    }
}
