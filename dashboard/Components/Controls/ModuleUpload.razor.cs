using Managed.Dashboard.AdminApi;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// Modules by drop or by choice. The browser sends them to the API itself (upload.js): SignalR's messages are small, modules are
/// not. This side hears how far each is and what the node said.
/// </summary>
public sealed partial class ModuleUpload
{
    private readonly List<Upload> _uploads = [];
    private ElementReference _drop, _input, _name;
    private ScriptModule? _script;
    private IJSObjectReference? _island;
    private DotNetObjectReference<ModuleUpload>? _self;
    private string _typed = "", _said = "";

    /// <summary>A module was stored, or was there already.</summary>
    [Parameter] public EventCallback OnStored { get; set; }

    [Inject] private IJSRuntime Js { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;

    private string Command
    {
        get
        {
            var name = _typed.Length > 0 ? _typed : "auth";
            return Curl.Of(Navigation.BaseUri, $"modules?name={Uri.EscapeDataString(name)}", "-H 'Content-Type: application/wasm'",
                $"--data-binary {Curl.Quote($"@{name}.wasm")}");
        }
    }

    protected override Task OnAfterRenderAsync(bool firstRender)
        => !firstRender ? Task.CompletedTask : ScriptModule.IgnoreGoneAsync(async () =>
    {
        _self = DotNetObjectReference.Create(this);
        _script = new ScriptModule(Js, "upload.js");
        _island = await _script.InvokeAsync<IJSObjectReference>("mount", _drop, _input, _name, _self);
    });

    [JSInvokable]
    public void OnStart(int id, string file, long size) => Show(id, file, u => (u.Size, u.State) = (size, "sending"));

    [JSInvokable]
    public void OnProgress(int id, int percent) => Show(id, "", u => u.Percent = percent);

    [JSInvokable]
    public async Task OnDone(int id, string digest, string? name, bool isNew)
    {
        Show(id, "", u => (u.State, u.Digest, u.Name, u.New) = ("stored", digest, name, isNew));
        await OnStored.InvokeAsync();
    }

    [JSInvokable]
    public void OnFailed(int id, string file, long size, EditorProblem problem)
        => Show(id, file, u => (u.Size, u.State, u.Problem) = (size, "refused", problem.ToProblem()));

    [JSInvokable]
    public void OnCancelled(int id) => Show(id, "", u => u.State = "cancelled");

    private Task CancelAsync(int id) => ScriptModule.IgnoreGoneAsync(async () =>
    {
        if (_island is not null)
            await _island.InvokeVoidAsync("cancel", id);
    });

    private void Show(int id, string file, Action<Upload> change)
    {
        var upload = _uploads.Find(u => u.Id == id);
        if (upload is null)
            _uploads.Insert(0, upload = new Upload(id, file));
        change(upload);
        if (upload.State != "sending")
            _said = $"{upload.File}: {upload.State}";
        StateHasChanged();
    }

    public async ValueTask DisposeAsync()
    {
        await ScriptModule.EndAsync(_island);
        if (_script is not null)
            await _script.DisposeAsync();
        _self?.Dispose();
    }

    private sealed class Upload(int id, string file)
    {
        public int Id => id;
        public string File => file;
        public long Size { get; set; }
        public int Percent { get; set; }
        /// <summary>sending, stored, refused, cancelled.</summary>
        public string State { get; set; } = "sending";
        public string? Digest { get; set; }
        public string? Name { get; set; }
        public bool New { get; set; }
        public Problem? Problem { get; set; }
    }
}
