using Managed.Dashboard.AdminApi;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// The bench (bench.js): a script or a module on one side, a request and what the upstream answers on the other, run in the node's sandbox.
/// The browser asks the node itself, since scripts, bodies and answers may be larger than a message of a circuit; this side only attaches
/// what was tried.
/// </summary>
public sealed partial class BenchView
{
    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    private ElementReference _host;
    private ScriptModule? _script;
    private IJSObjectReference? _bench;
    private DotNetObjectReference<BenchView>? _self;
    private Account? _account;
    private bool _drawn;

    /// <summary>A stored module by name or digest that it begins with.</summary>
    [Parameter] public string? Module { get; set; }

    /// <summary>With <see cref="Chain"/> and <see cref="Filter"/>: a filter of the active version that it begins with.</summary>
    [Parameter] public string? Listener { get; set; }

    [Parameter] public string? Chain { get; set; }
    [Parameter] public string? Filter { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private IJSRuntime Js { get; set; } = null!;

    protected override async Task OnInitializedAsync() => _account = await Api.AccountAsync();

    protected override bool ShouldRender() => !_drawn;

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (_account is null || _drawn)
            return;
        _drawn = true;
        await ScriptModule.IgnoreGoneAsync(async () =>
        {
            _self = DotNetObjectReference.Create(this);
            _script = new ScriptModule(Js, "editor.js");
            _bench = await _script.InvokeAsync<IJSObjectReference>("createBench", _host,
                new { module = Module, listener = Listener, chain = Chain, filter = Filter }, _self);
        });
    }

    /// <summary>Stores the script of the editor as a module.</summary>
    internal ValueTask<EditorWrite> StoreAsync(string name) => _bench!.InvokeAsync<EditorWrite>("store", name);

    [JSInvokable]
    public Task OnAttach(BenchSubject subject) => InvokeAsync(() => AttachDialog.ShowAsync(Dialogs, this, subject));

    public async ValueTask DisposeAsync()
    {
        await ScriptModule.EndAsync(_bench);
        if (_script is not null)
            await _script.DisposeAsync();
        _self?.Dispose();
    }
}

/// <summary>What the bench tries, without its code.</summary>
/// <param name="Kind">lua: the script of the editor; wasm or dotnet: a stored module.</param>
/// <param name="Module">Its name or digest; of a script: the name it was opened from, null for a new one.</param>
/// <param name="Type">Of a .NET module: its filter class.</param>
/// <param name="Root">Of a Wasm module: its root_id.</param>
/// <param name="Listener">With <paramref name="Chain"/>: where it was tried; empty: by itself.</param>
/// <param name="Filter">The filter in whose place it was tried; empty: none.</param>
public sealed record BenchSubject(string Kind, string? Module, string? Type, string? Root, string? Configuration, string? Listener,
    string? Chain, string? Filter);
