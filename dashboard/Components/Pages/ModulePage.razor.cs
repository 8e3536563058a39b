using System.Text.Json.Nodes;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Pages;

/// <summary>One stored module, by digest or by name: what it is, what runs of it and how well, who uses it, how to attach it.</summary>
public sealed partial class ModulePage
{
    private const int Shown = 40;
    private const string WasmType = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<Module> _module = new();
    private readonly Loadable<IReadOnlyList<GuestVm>> _vms = new();
    private IReadOnlyList<ModuleUse> _uses = [];
    private Account? _account;
    private string? _shown;
    private long? _usesOf;

    [Parameter] public string Reference { get; set; } = "";
    [SupplyParameterFromQuery(Name = "sort")] private string? Sort { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;
    [Inject] private Toasts Toasts { get; set; } = null!;

    private List<GuestVm> Vms => [.. _vms.Value?.Where(v => v.Digest == _module.Value?.Digest) ?? []];

    private List<VmCallback> Callbacks =>
    [
        .. Vms.SelectMany(v => v.Callbacks ?? []).Where(c => c.Calls > 0).GroupBy(c => c.Name)
            .Select(g => new VmCallback(g.Key, g.Sum(c => c.Calls), g.Sum(c => c.TimeMicros), g.Max(c => c.MaxMicros)))
                .OrderByDescending(c => c.TimeMicros).ThenBy(c => c.Name, StringComparer.Ordinal),
    ];

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _account = await Api.AccountAsync();
        _ = Every.RunAsync(Interval, PollAsync, _gone.Token);
    }

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == Reference)
            return;
        _shown = Reference;
        await LoadAsync();
    }

    private async Task LoadAsync()
    {
        await Task.WhenAll(_module.LoadAsync(c => Api.ModuleAsync(Reference, c), _gone.Token), LoadVmsAsync());
        await FindUsesAsync();
    }

    private Task LoadVmsAsync() => _vms.LoadAsync(Api.VmsAsync, _gone.Token);

    // The whole document is read for it, so only once for each version, and only where the active one needs the module.
    private async Task FindUsesAsync()
    {
        if (_module.Value is not { } module || Feed.Active is not { } active || active.Version == _usesOf)
            return;
        if (!module.UsedBy.Contains(active.Version))
        {
            (_uses, _usesOf) = ([], active.Version);
            return;
        }
        try
        {
            _uses = ModuleUse.Find(await Api.ConfigAsync(_gone.Token), module.Digest);
            _usesOf = active.Version;
            StateHasChanged();
        }
        catch (Exception e) when (e is AdminApiException or OperationCanceledException)
        {
            // The list of versions is there all the same.
        }
    }

    private async Task PollAsync()
    {
        await LoadVmsAsync();
        StateHasChanged();
    }

    private void SortBy(string key) => Navigation.NavigateTo(
        Navigation.GetUriWithQueryParameter("sort", (Sort ?? "worker") == key ? "-" + key : key is "worker" ? null : key), replace: true);

    /// <summary>The filter with the module by name, or by digest where it has none.</summary>
    private static string Snippet(Module module) => module.Kind == "dotnet"
        ? $$"""
           - name: {{FilterName(module)}}
             typed_config:
               "@type": native
               module: "{{Reachable(module)}}"
               type: {{module.Exports.FirstOrDefault()}}
               configuration: {}

           """
        : module.Kind == "lua"
        ? $"""
           - name: {FilterName(module)}
             typed_config:
               "@type": lua
               module: "{Reachable(module)}"

           """
        : $$"""
           - name: {{FilterName(module)}}
             typed_config:
               "@type": {{WasmType}}
               config:
                 name: {{FilterName(module)}}
                 vm_config:
                   code: {module: "{{Reachable(module)}}"}
                 configuration: ""

           """;

    private static string Json(Module module) => (module.Kind == "dotnet"
        ? new JsonObject { ["name"] = FilterName(module),
            ["typed_config"] = new JsonObject { ["@type"] = "native", ["module"] = Reachable(module),
                ["type"] = module.Exports.FirstOrDefault(), ["configuration"] = new JsonObject() } }
        : module.Kind == "lua"
        ? new JsonObject { ["name"] = FilterName(module),
            ["typed_config"] = new JsonObject { ["@type"] = "lua", ["module"] = Reachable(module) } }
        : new JsonObject
        {
            ["name"] = FilterName(module),
            ["typed_config"] = new JsonObject
            {
                ["@type"] = WasmType, ["config"] = new JsonObject { ["name"] = FilterName(module),
                    ["vm_config"] = new JsonObject { ["code"] = new JsonObject { ["module"] = Reachable(module) } } },
            },
        }).ToJsonString();

    private string AttachCommand(Module module)
        => Curl.Of(Navigation.BaseUri, "listeners/LISTENER/filter_chains/CHAIN/http_filters?before=router",
            "-H 'Content-Type: application/json'", $"-d {Curl.Quote(Json(module))}");

    private static string FilterName(Module module) => module.Names.Count > 0 ? module.Names[0] : "module";

    private static string Reachable(Module module) => module.Names.Count > 0 ? module.Names[0] : module.Digest;

    private async Task DeleteAsync()
    {
        if (_module.Value is not { } module || !await DeleteModuleDialog.ShowAsync(Dialogs, module))
            return;
        Toasts.Said($"Module {module.Title} is deleted.");
        Navigation.NavigateTo("/modules");
    }

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        await LoadAsync();
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
    }
}
