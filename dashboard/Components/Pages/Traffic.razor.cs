using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using MudBlazor;

namespace Managed.Dashboard.Components.Pages;

/// <summary>
/// The traffic over time. The browser reads and draws it by itself (traffic.js); what is looked at is in the address.
/// </summary>
public sealed partial class Traffic
{
    private static readonly string[] Ranges = ["15m", "1h", "6h", "24h"], Kinds = ["listener", "route", "cluster", "worker"];

    private static readonly (string Metric, string Label)[] Metrics =
    [
        ("requests", "requests per second"), ("4xx", "4xx per second"), ("5xx", "5xx per second"), ("p50", "latency p50"),
        ("p95", "latency p95"), ("p99", "latency p99"), ("connections", "connections"),
    ];

    private readonly CancellationTokenSource _gone = new();
    private IReadOnlyList<string> _names = [];
    private ElementReference _root;
    private DotNetObjectReference<Traffic>? _self;
    private ScriptModule? _script;
    private IJSObjectReference? _island;
    private (string, string, string) _looked;

    [SupplyParameterFromQuery(Name = "range")] private string? Range { get; set; }
    [SupplyParameterFromQuery(Name = "of")] private string? Of { get; set; }
    [SupplyParameterFromQuery(Name = "metric")] private string? Wanted { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private IJSRuntime Js { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;

    private string Span => Ranges.Contains(Range) ? Range! : "1h";

    private string Whose => Of ?? "";

    private string Shown => Array.Exists(Metrics, m => m.Metric == Wanted) ? Wanted! : "requests";

    private string Metric => Array.Find(Metrics, m => m.Metric == Shown).Label;

    protected override async Task OnInitializedAsync()
    {
        try
        {
            var names = await Api.TrafficNamesAsync(_gone.Token);
            _names = Whose.Length == 0 || names.Contains(Whose) ? names : [.. names, Whose];
        }
        catch (AdminApiException)
        {
            // The charts say so; all listeners together need no name.
        }
    }

    protected override Task OnAfterRenderAsync(bool firstRender) => ScriptModule.IgnoreGoneAsync(async () =>
    {
        if (firstRender)
        {
            _self = DotNetObjectReference.Create(this);
            _script = new ScriptModule(Js, "traffic.js");
            _island = await _script.InvokeAsync<IJSObjectReference>("mount", _root, _self);
        }
        if (_island is null || _looked == (Span, Whose, Shown))
            return;
        _looked = (Span, Whose, Shown);
        await _island.InvokeVoidAsync("look", new { range = Span, of = Whose, metric = Shown });
    });

    [JSInvokable]
    public Task OnRollBack(long version) => InvokeAsync(() => RollBackDialog.ShowAsync(Dialogs, version));

    private void Go(string range, string? of, string? metric) => Navigation.NavigateTo(Address(range, of, metric), replace: true);

    private static string Address(string range, string? of, string? metric) =>
        $"/traffic?range={range}" + (string.IsNullOrEmpty(of) ? "" : "&of=" + Uri.EscapeDataString(of))
        + (metric is null or "requests" ? "" : "&metric=" + Uri.EscapeDataString(metric));

    public async ValueTask DisposeAsync()
    {
        await _gone.CancelAsync();
        await ScriptModule.EndAsync(_island);
        if (_script is not null)
            await _script.DisposeAsync();
        _self?.Dispose();
    }
}
