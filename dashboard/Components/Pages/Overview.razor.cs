using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Components.Pages;

public sealed partial class Overview
{
    /// <summary>How often the worker table is read; the figures above it stream at their own pace.</summary>
    private static readonly TimeSpan WorkerInterval = TimeSpan.FromSeconds(3);

    private const int Shown = 5; // of each kind: the rest is behind a link
    private const int Soon = 30; // days: what the node warns of too

    private readonly CancellationTokenSource _gone = new();
    private readonly Loadable<Page<WorkerStatus>> _workers = new();
    private readonly Loadable<Page<ConfigVersion>> _versions = new();
    private readonly Loadable<Page<GuestVm>> _ailing = new();
    private IReadOnlyList<(string Cluster, int Healthy, int Total)> _unwell = [];
    private IReadOnlyList<ServedCertificate> _expiring = [];
    private Account? _account;
    private bool _isEmpty; // nobody can connect to it

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _account = await Api.AccountAsync();
        _ = Every.RunAsync(WorkerInterval, PollWorkersAsync, _gone.Token);
        _ = ShowAilingAsync();
        _ = LookAsync();
        await Task.WhenAll(LoadWorkersAsync(), LoadVersionsAsync());
    }

    private Task LoadWorkersAsync() => _workers.LoadAsync(Api.WorkersAsync, _gone.Token);

    private Task LoadVersionsAsync() => _versions.LoadAsync(c => Api.VersionsAsync(8, null, null, c), _gone.Token);

    // Beside the panels: they do not wait for it.
    private async Task ShowAilingAsync()
    {
        await _ailing.LoadAsync(Api.AilingVmsAsync, _gone.Token);
        await InvokeAsync(StateHasChanged);
    }

    // Endpoints that are unwell and certificates that end: asked for when something has happened, not every few seconds.
    private async Task LookAsync()
    {
        try
        {
            var members = (await Api.StatsAsync(@"^cluster\..*\.membership_(healthy|total)$", _gone.Token)).Stats ?? [];
            var healthy = members.Where(s => s.Name.EndsWith(".membership_healthy", StringComparison.Ordinal))
                .ToDictionary(s => s.Name[..^".membership_healthy".Length], s => (int)s.Value, StringComparer.Ordinal);
            _unwell = [.. from s in members
                where s.Name.EndsWith(".membership_total", StringComparison.Ordinal)
                let cluster = s.Name[..^".membership_total".Length]
                where healthy.TryGetValue(cluster, out var well) && well < s.Value
                select (cluster["cluster.".Length..], healthy[cluster], (int)s.Value)];
            _isEmpty = (await Api.StatusAsync(_gone.Token)).Listeners is { Count: 0 };
            _expiring = [.. from c in (await Api.CertificatesAsync(_gone.Token)).Certificates ?? []
                from shown in c.CertChain ?? []
                where shown.Days < Soon
                orderby shown.Days
                select shown];
            await InvokeAsync(StateHasChanged);
        }
        catch (Exception e) when (e is AdminApiException or OperationCanceledException or ObjectDisposedException)
        {
            // The rest of the page says when the node does not answer.
        }
    }

    private async Task PollWorkersAsync()
    {
        _ = ShowAilingAsync();
        await LoadWorkersAsync();
        StateHasChanged();
    }

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        _ = LookAsync();
        await Task.WhenAll(LoadWorkersAsync(), LoadVersionsAsync());
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
    }
}
