using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// A listener as what a connection goes through, with rates, and the time that each HTTP filter takes. Each part opens its editor; filters
/// are moved (by mouse or keys), added, disabled and removed here, each with a look at what it does first.
/// </summary>
public sealed partial class ListenerDiagram
{
    private const int MostClusters = 12;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<IReadOnlyList<ChainDocument>> _chains = new();
    private readonly Loadable<ListenerDocument> _listener = new();
    private readonly RateMeter _rates = new();
    private readonly Dictionary<(string Chain, string Filter), FilterTimes> _times = [];
    private IReadOnlyList<HttpFilterDocument> _listenerFilters = [];
    private JsonArray _listenerFiltersWritten = [];
    private string? _etag;
    private (ChainDocument? Chain, int Index)? _dragged; // no chain: a listener filter
    private long? _seen;
    private bool _mayWrite;

    [Parameter, EditorRequired] public required string Name { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private IJSRuntime Js { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _seen = Feed.Active?.Version;
        _mayWrite = (await Api.AccountAsync()).CanWrite;
        await LoadAsync();
    }

    protected override void OnAfterRender(bool firstRender)
    {
        if (firstRender) // not while a page is drawn for the first answer
            _ = Every.RunAsync(Interval, () => InvokeAsync(async () =>
            {
                await MeasureAsync();
                StateHasChanged();
            }), _gone.Token);
    }

    private async Task LoadAsync()
    {
        ChainDocument? last = null;
        await _listener.LoadAsync(async c =>
        {
            (var piece, _etag) = await Api.PieceAsync(Path, c);
            _listenerFiltersWritten = piece["listener_filters"] as JsonArray ?? [];
            var document = JsonSerializer.SerializeToElement(piece);
            last = ChainDocument.DefaultOf(Name, document);
            _listenerFilters = [.. JsonReads.Items(document, "listener_filters").Select(HttpFilterDocument.Read)];
            return ListenerDocument.Read(document);
        }, _gone.Token);
        await _chains.LoadAsync(async c =>
        {
            var chains = await Api.ChainsAsync(Name, c);
            return last is null ? chains : [.. chains, await Api.WithFiltersAsync(last, c)];
        }, _gone.Token);
        await MeasureAsync();
    }

    private async Task MeasureAsync()
    {
        try
        {
            foreach (var chain in _chains.Value ?? [])
                if (chain.HttpFilters.Count > 0)
                    foreach (var each in (await Api.FilterTimesAsync(chain, _gone.Token)).Items)
                    {
                        _times[(chain.Name, each.Name)] = each;
                        _rates.Take(Key(chain, each.Name, true), each.Request.Count);
                        _rates.Take(Key(chain, each.Name, false), each.Response.Count);
                        _rates.Take($"{chain.Name}/{each.Name}/errors", each.Errors);
                    }
            var prefixes = (_chains.Value ?? []).Select(c => c.StatPrefix).OfType<string>().Distinct().ToList();
            var filter = @"^listener\..*\.downstream_(cx_active|cx_total|pre_cx_timeout)$"
                + $@"|^http\.({string.Join('|', prefixes.Select(Escaped))})\.downstream_rq_(total|4xx|5xx)$";
            var clusters = (_chains.Value ?? []).SelectMany(c => c.Clusters.Take(MostClusters)).Distinct().ToList();
            if (clusters.Count > 0)
                filter += $@"|^cluster\.({string.Join('|', clusters.Select(c => Escaped(StatName(c))))})\.membership_(healthy|total)$";
            foreach (var stat in (await Api.StatsAsync(filter, _gone.Token)).Stats ?? [])
                _rates.Take(stat.Name, stat.Value);
        }
        catch (Exception e) when (e is AdminApiException or OperationCanceledException)
        {
            // Figures are a courtesy: the last ones stay.
        }
    }

    private string Path => $"listeners/{Uri.EscapeDataString(Name)}";

    private static string Escaped(string text) => System.Text.RegularExpressions.Regex.Escape(text);

    private static string Key(ChainDocument chain, string filter, bool request)
        => $"{chain.Name}/{filter}/{(request ? "request" : "response")}";

    // Envoy writes ':' in names of statistics as '_'.
    private static string StatName(string cluster) => cluster.Replace(':', '_');

    private (int Healthy, int Total)? HealthOf(string cluster)
        => _rates.Value($"cluster.{StatName(cluster)}.membership_total") is { } total
            && _rates.Value($"cluster.{StatName(cluster)}.membership_healthy") is { } healthy ? ((int)healthy, (int)total) : null;

    private string Figure(string stat) => _rates.Value(stat) is { } value ? Units.Count((long)value) : "–";

    private string Rate(string stat) => Per(_rates.PerSecond(stat));

    private static string Per(double? rate) => rate is { } r ? r.ToString(r < 10 ? "0.#" : "N0", CultureInfo.InvariantCulture) : "–";

    private string TimeOf(ChainDocument chain, HttpFilterDocument filter, bool request)
    {
        if (!_times.TryGetValue((chain.Name, filter.Name), out var times))
            return "–";
        var time = request ? times.Request : times.Response;
        return $"{Per(_rates.PerSecond(Key(chain, filter.Name, request)))}/s" + (time.Count == 0 ? ""
            : $" · p50 {Units.Micros(time.P50)} · p99 {Units.Micros(time.P99)}");
    }

    /// <summary>Null while there are none.</summary>
    private string? ErrorsOf(ChainDocument chain, HttpFilterDocument filter)
        => !_times.TryGetValue((chain.Name, filter.Name), out var times) || times.Errors == 0 ? null
            : $"{(times.Errors == 1 ? "1 error" : $"{Units.Count(times.Errors)} errors")} · {Rate($"{chain.Name}/{filter.Name}/errors")}/s";

    private static string Short(string name) => name[(name.LastIndexOf('.') + 1)..];

    /// <summary>The text of the listener, at a word.</summary>
    private string Text(string? find = null) => ResourceKind.Listener.AddressOf(Name) + "?tab=yaml"
        + (find is null ? "" : "&find=" + Uri.EscapeDataString(find));

    // The router stays the last.
    private static int LastMovable(ChainDocument chain) => chain.HttpFilters.Count - (chain.HttpFilters[^1].IsRouter ? 2 : 1);

    private Task DropAsync(ChainDocument? chain, int at)
    {
        var from = _dragged;
        _dragged = null;
        if (from is not (var other, var index) || other != chain)
            return Task.CompletedTask;
        return chain is null ? MoveListenerFilterAsync(index, at) : MoveAsync(chain, index, Math.Min(at, LastMovable(chain)));
    }

    // They have no addresses of their own in the API: the list is written as a whole, guarded by the listener's ETag.
    private Task<bool> ReviewListenerFiltersAsync(string title, Action<JsonArray> change)
    {
        var list = (JsonArray)_listenerFiltersWritten.DeepClone();
        change(list);
        var patch = new JsonObject { ["listener_filters"] = list.Count == 0 ? null : list };
        return ReviewAsync(title, new(HttpMethod.Patch, Path, patch, _etag, "application/merge-patch+json"));
    }

    private Task MoveListenerFilterAsync(int from, int to)
        => from == to || to < 0 || to >= _listenerFilters.Count ? Task.CompletedTask
            : ReviewListenerFiltersAsync($"Move {Short(_listenerFilters[from].Name)}", list =>
            {
                var moved = list[from];
                list.RemoveAt(from);
                list.Insert(to, moved);
            });

    private Task RemoveListenerFilterAsync(int index)
        => ReviewListenerFiltersAsync($"Remove {Short(_listenerFilters[index].Name)}", list => list.RemoveAt(index));

    private string ListenerFilterPath => Path + "/listener_filters";

    private async Task EditListenerFilterAsync(int index)
    {
        var filter = _listenerFilters[index];
        if (await FilterDialog.WriteAsync(Dialogs, ListenerFilterPath, filter, _listenerFiltersWritten[index] as JsonObject, [], _mayWrite)
                is { } piece && await ReviewListenerFiltersAsync($"Review the change of {Short(filter.Name)}", list => list[index] = piece))
            await KeptForm.ForgetAsync(Js, FilterDialog.KeptKey(ListenerFilterPath, filter.Name));
    }

    private async Task AddListenerFilterAsync()
    {
        if (await FilterDialog.WriteAsync(Dialogs, ListenerFilterPath, null, null, [.. _listenerFilters.Select(f => f.Name)], _mayWrite)
                is { } piece && await ReviewListenerFiltersAsync("Review the new listener filter", list => list.Add(piece)))
            await KeptForm.ForgetAsync(Js, FilterDialog.KeptKey(ListenerFilterPath, null));
    }

    private async Task MoveAsync(ChainDocument chain, int from, int to)
    {
        if (from == to || to < 0 || to > LastMovable(chain))
            return;
        var names = chain.HttpFilters.Select(f => f.Name).ToList();
        var moved = names[from];
        names.RemoveAt(from);
        names.Insert(to, moved);
        await ReviewAsync($"Move {Short(moved)}", new(HttpMethod.Put, chain.FiltersPath + "/order",
            new JsonArray([.. names.Select(n => JsonValue.Create(n))])));
    }

    private Task ToggleAsync(ChainDocument chain, HttpFilterDocument filter) => ReviewAsync(
        $"{(filter.Disabled ? "Enable" : "Disable")} {Short(filter.Name)}", new(HttpMethod.Patch, PathOf(chain, filter),
            new JsonObject { ["disabled"] = filter.Disabled ? null : true }, MediaType: "application/merge-patch+json"));

    private Task RemoveAsync(ChainDocument chain, HttpFilterDocument filter)
        => ReviewAsync($"Remove {Short(filter.Name)}", new(HttpMethod.Delete, PathOf(chain, filter), null));

    private async Task EditAsync(ChainDocument chain, HttpFilterDocument filter)
    {
        if (await FilterDialog.EditAsync(Dialogs, PathOf(chain, filter), filter, _mayWrite) is { } change
                && await ReviewAsync($"Review the change of {Short(filter.Name)}", change))
            await KeptForm.ForgetAsync(Js, FilterDialog.KeptKey(PathOf(chain, filter), filter.Name));
    }

    private async Task AddAsync(ChainDocument chain)
    {
        if (await FilterDialog.AddAsync(Dialogs, chain.FiltersPath, [.. chain.HttpFilters.Select(f => f.Name)]) is { } change
                && await ReviewAsync("Review the new filter", change))
            await KeptForm.ForgetAsync(Js, FilterDialog.KeptKey(chain.FiltersPath, null));
    }

    private static string PathOf(ChainDocument chain, HttpFilterDocument filter)
        => $"{chain.FiltersPath}/{Uri.EscapeDataString(filter.Name)}";

    /// <returns>Whether it was applied.</returns>
    private async Task<bool> ReviewAsync(string title, Change change)
    {
        if (!await ChangeDialog.ShowAsync(Dialogs, title, change))
            return false;
        await LoadAsync();
        return true;
    }

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        if (Feed.Active?.Version == _seen)
            return;
        _seen = Feed.Active?.Version;
        await LoadAsync();
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
    }
}
