using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// CodeMirror on one configuration resource (editor.js). The text is loaded, checked and applied by the browser itself;
/// this side steers it and hears of states. Use: render, await <see cref="LoadAsync"/> through OnReady, then the rest.
/// </summary>
public sealed partial class YamlEditor
{
    private ElementReference _host;
    private ScriptModule? _script;
    private IJSObjectReference? _editor;
    private DotNetObjectReference<YamlEditor>? _self;

    /// <summary>Collection below /api/v1, such as <c>listeners</c>.</summary>
    [Parameter, EditorRequired] public required string Collection { get; set; }

    /// <summary>In sentences: <c>listener</c>.</summary>
    [Parameter, EditorRequired] public required string Noun { get; set; }

    /// <summary>Null: a new resource, named by the text.</summary>
    [Parameter] public string? Name { get; set; }

    [Parameter] public string? Starter { get; set; }
    [Parameter] public bool ReadOnly { get; set; }
    [Parameter] public EventCallback OnReady { get; set; }
    [Parameter] public EventCallback<bool> OnDirtyChanged { get; set; }
    [Parameter] public EventCallback<EditorCheck> OnCheck { get; set; }
    [Parameter] public EventCallback OnReview { get; set; }

    /// <summary>Whether the text is one that the browser does not keep, since a secret is in it.</summary>
    [Parameter] public EventCallback<bool> OnUnkeptChanged { get; set; }

    /// <summary>A check found that the node has another text by now: load with keep.</summary>
    [Parameter] public EventCallback OnNodeMoved { get; set; }

    [Inject] private IJSRuntime Js { get; set; } = null!;

    protected override bool ShouldRender() => false;

    protected override Task OnAfterRenderAsync(bool firstRender)
        => !firstRender ? Task.CompletedTask : ScriptModule.IgnoreGoneAsync(async () =>
    {
        _self = DotNetObjectReference.Create(this);
        _script = new ScriptModule(Js, "editor.js");
        _editor = await _script.InvokeAsync<IJSObjectReference>("createEditor", _host, Collection, Noun, Name, Starter, ReadOnly, _self);
        await OnReady.InvokeAsync();
    });

    /// <param name="keep">Keeps a text that is being edited, and says so with <see cref="EditorLoad.Moved"/>.</param>
    public ValueTask<EditorLoad> LoadAsync(bool keep) => Editor.InvokeAsync<EditorLoad>("load", keep);

    /// <summary>Begins a new resource as a copy of another one.</summary>
    public ValueTask<EditorLoad> CopyOfAsync(string name) => Editor.InvokeAsync<EditorLoad>("copyOf", name);

    public ValueTask<EditorDryRun> DryRunAsync() => Editor.InvokeAsync<EditorDryRun>("dryRun");

    public ValueTask<EditorWrite> ApplyAsync(string? comment, Trial trial)
        => Editor.InvokeAsync<EditorWrite>("apply", comment, trial.ConfirmWithin, trial.RevertIf);

    /// <summary>What <see cref="ApplyAsync"/> would send, for a shell with $TOKEN.</summary>
    public ValueTask<string> CurlAsync(string? comment, Trial trial)
        => Editor.InvokeAsync<string>("curl", comment, trial.ConfirmWithin, trial.RevertIf);

    public ValueTask ShowReviewAsync(ElementReference host) => Editor.InvokeVoidAsync("showReview", host);

    public ValueTask<EditorConflict> ShowConflictAsync(ElementReference host) => Editor.InvokeAsync<EditorConflict>("showConflict", host);

    /// <param name="choice">mine, theirs (both at the places that both changed), or discard.</param>
    public ValueTask ResolveAsync(string choice) => Editor.InvokeVoidAsync("resolve", choice);

    /// <summary>Puts the cursor where the text names something.</summary>
    public ValueTask ShowAsync(string word) => Editor.InvokeVoidAsync("show", word);

    public ValueTask ResetAsync() => Editor.InvokeVoidAsync("reset");

    [JSInvokable] public Task OnDirty(bool dirty) => OnDirtyChanged.InvokeAsync(dirty);
    [JSInvokable] public Task OnChecked(EditorCheck check) => OnCheck.InvokeAsync(check);
    [JSInvokable] public Task OnUnkept(bool unkept) => OnUnkeptChanged.InvokeAsync(unkept);
    [JSInvokable] public Task OnMoved() => OnNodeMoved.InvokeAsync();
    // Not awaited: the browser's call would wait for the person in the dialog, and end on a page that is gone.
    [JSInvokable] public void OnReviewKey() => _ = InvokeAsync(() => OnReview.InvokeAsync());

    private IJSObjectReference Editor => _editor
        ?? throw new InvalidOperationException("The editor is not on the page yet; wait for OnReady.");

    public async ValueTask DisposeAsync()
    {
        await ScriptModule.EndAsync(_editor);
        if (_script is not null)
            await _script.DisposeAsync();
        _self?.Dispose();
    }
}
