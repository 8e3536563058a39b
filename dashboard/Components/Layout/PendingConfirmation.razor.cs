using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Layout;

/// <summary>The countdown of a deployment that somebody applied with "confirm within".</summary>
public sealed partial class PendingConfirmation
{
    private readonly CancellationTokenSource _gone = new();
    private string? _left;
    private bool _busy;

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private ISnackbar Toasts { get; set; } = null!;

    protected override void OnInitialized()
    {
        Feed.Changed += OnFeedChanged;
        _ = Every.RunAsync(TimeSpan.FromSeconds(1), TickAsync, _gone.Token);
    }

    private Task TickAsync()
    {
        if (Feed.Pending is not null)
        {
            CountDown();
            StateHasChanged();
        }
        return Task.CompletedTask;
    }

    private void CountDown()
    {
        if (Feed.Pending?.ConfirmBy is not { } until)
        {
            _left = null;
            return;
        }
        var left = until - DateTimeOffset.UtcNow;
        if (left < TimeSpan.Zero)
        {
            left = TimeSpan.Zero;
            Feed.Refresh();
        }
        _left = $"{(int)left.TotalMinutes}:{left.Seconds:00}";
    }

    private async Task DecideAsync(Func<string, CancellationToken, Task<WriteResult>> decide, Deployment pending)
    {
        _busy = true;
        try
        {
            await decide(pending.Id, _gone.Token);
        }
        catch (AdminApiException e)
        {
            Toasts.Add(e.Message, Severity.Error);
        }
        _busy = false;
        Feed.Refresh();
    }

    private void OnFeedChanged() => _ = InvokeAsync(() =>
    {
        CountDown();
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
        _gone.Dispose();
    }
}
