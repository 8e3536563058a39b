using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Managed.Dashboard.Components.Controls;

/// <summary>One version's document as YAML, or the difference of two; fetched and drawn by the browser.</summary>
public sealed partial class TextView
{
    private ElementReference _host;
    private ScriptModule? _script;
    private AdminApi.Problem? _problem;
    private (long?, long, bool)? _drawn;

    [Parameter, EditorRequired] public long Version { get; set; }

    /// <summary>The version it is compared with; null: no comparison.</summary>
    [Parameter] public long? From { get; set; }

    [Parameter] public bool Split { get; set; }

    [Inject] private IJSRuntime Js { get; set; } = null!;

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (_drawn == (From, Version, Split))
            return;
        _drawn = (From, Version, Split);
        await ScriptModule.IgnoreGoneAsync(DrawAsync);
    }

    private async Task DrawAsync()
    {
        _script ??= new ScriptModule(Js, "editor.js");
        var load = From is { } from
            ? await _script.InvokeAsync<EditorLoad>("showComparison", _host, Path(from), Path(Version), Split, $"v{from}", $"v{Version}")
            : await _script.InvokeAsync<EditorLoad>("showDocument", _host, Path(Version));
        _problem = load.Problem?.ToProblem();
        if (_problem is not null)
            StateHasChanged();
    }

    private static string Path(long version) => $"/api/v1/versions/{version}/config";

    public ValueTask DisposeAsync() => _script?.DisposeAsync() ?? ValueTask.CompletedTask;
}
