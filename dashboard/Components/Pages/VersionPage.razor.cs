using System.Globalization;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Pages;

/// <summary>One version: who, why, how its deployment went, and its document.</summary>
public sealed partial class VersionPage
{
    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<ConfigVersion> _version = new();
    private readonly Loadable<Page<Deployment>> _deployments = new();
    private Account? _account;
    private long _shown;

    [Parameter] public long Number { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private Toasts Toasts { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _account = await Api.AccountAsync();
    }

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == Number)
            return;
        _shown = Number;
        await LoadAsync();
    }

    // The deployment log is short; an old version's deployment may have left it, and then the section is not shown.
    private Task LoadAsync() => Task.WhenAll(
        _version.LoadAsync(c => Api.VersionAsync(Number.ToString(CultureInfo.InvariantCulture), c), _gone.Token),
        _deployments.LoadAsync(c => Api.DeploymentsAsync(200, c), _gone.Token));

    private async Task PinAsync(bool pinned)
    {
        try
        {
            await Api.MarkVersionAsync(Number, new() { ["pinned"] = pinned }, _gone.Token);
            await LoadAsync();
        }
        catch (AdminApiException e)
        {
            Toasts.Failed(e.Problem.Detail ?? e.Problem.Title ?? "The node refused");
        }
    }

    private static string Ms(double? value) => value is { } ms ? ms.ToString("0.00", CultureInfo.InvariantCulture) + " ms" : "–";

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
