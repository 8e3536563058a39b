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
    private ScriptModule? _script;
    private IJSObjectReference? _island;

    [Inject] private IJSRuntime Js { get; set; } = null!;

    protected override bool ShouldRender() => false;

    protected override Task OnAfterRenderAsync(bool firstRender)
        => !firstRender ? Task.CompletedTask : ScriptModule.IgnoreGoneAsync(async () =>
    {
        _script = new ScriptModule(Js, "chart.js");
        _island = await _script.InvokeAsync<IJSObjectReference>("mount", _root, "/api/v1/stats/stream?interval=1s");
    });

    public async ValueTask DisposeAsync()
    {
        await ScriptModule.EndAsync(_island);
        if (_script is not null)
            await _script.DisposeAsync();
    }
}
