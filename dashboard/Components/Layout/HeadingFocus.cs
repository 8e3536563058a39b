using Managed.Dashboard.Components.Controls;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Components.Layout;

/// <summary>
/// After each way to another page the heading has the focus, so that a screen reader begins there. Blazor's own FocusOnNavigate takes it
/// a round trip after the page was drawn, also from a field that somebody types into by then; the browser decides here.
/// </summary>
public sealed class HeadingFocus : ComponentBase
{
    private Type? _shown;
    private bool _moved;

    [Parameter, EditorRequired] public required Microsoft.AspNetCore.Components.RouteData RouteData { get; set; }

    [Inject] private Shell Shell { get; set; } = null!;

    protected override void OnParametersSet()
    {
        _moved = _shown != RouteData.PageType;
        _shown = RouteData.PageType;
    }

    protected override Task OnAfterRenderAsync(bool firstRender)
    {
        if (!_moved)
            return Task.CompletedTask;
        _moved = false;
        return ScriptModule.IgnoreGoneAsync(Shell.FocusHeadingAsync);
    }
}
