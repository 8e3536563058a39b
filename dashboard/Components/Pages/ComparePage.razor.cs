using System.Globalization;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Pages;

/// <summary>Two versions against each other: by place, and as text.</summary>
public sealed partial class ComparePage
{
    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<ConfigDiff> _diff = new();
    private Account? _account;
    private string? _shown;
    private long? _from, _to;

    [Parameter] public string Range { get; set; } = "";

    [SupplyParameterFromQuery(Name = "view")] private string? View { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;

    private bool Split => View is "split";

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _account = await Api.AccountAsync();
    }

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == Range)
            return;
        _shown = Range;
        (_from, _to) = Parse(Range);
        await LoadAsync();
    }

    internal static (long?, long?) Parse(string range) =>
        range.Split("...") is [var a, var b]
        && long.TryParse(a, NumberStyles.None, CultureInfo.InvariantCulture, out var from)
        && long.TryParse(b, NumberStyles.None, CultureInfo.InvariantCulture, out var to)
            ? (from, to) : (null, null);

    private Task LoadAsync() => _from is { } from && _to is { } to
        ? _diff.LoadAsync(c => Api.DiffAsync(from, to, c), _gone.Token, forget: true)
        : Task.CompletedTask;

    /// <summary>What the button rolls back to: the left version, or the right one when the left one is active.</summary>
    private long? Target(long active) => _from != active ? _from : _to != active ? _to : null;

    private void Show(bool split) => Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("view", split ? "split" : null),
        replace: true);

    private void OnFeedChanged() => _ = InvokeAsync(StateHasChanged);

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
    }
}
