using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Managed.Dashboard.Components.Layout;

/// <summary>The countdowns of deployments that somebody applied with "confirm within". They end with the trial, however it ends.</summary>
public sealed partial class PendingConfirmation
{
    private readonly CancellationTokenSource _gone = new();
    private bool _busy, _mayWrite;
    private int _ticks;

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;
    [Inject] private ISnackbar Toasts { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        _ = Every.RunAsync(TimeSpan.FromSeconds(1), TickAsync, _gone.Token);
        _mayWrite = (await Api.AccountAsync()).CanWrite;
    }

    private Task TickAsync()
    {
        if (Feed.Trials.Count > 0)
        {
            // What conditions come to now is no event.
            if (Feed.Trials.Any(t => t.ConfirmBy < DateTimeOffset.UtcNow)
                || (Feed.Trials.Any(t => t.Conditions is not null) && ++_ticks % 2 == 0))
                Feed.Refresh();
            StateHasChanged();
        }
        return Task.CompletedTask;
    }

    private static string? Left(Deployment trial)
    {
        if (trial.ConfirmBy is not { } until)
            return null;
        var left = until - DateTimeOffset.UtcNow;
        if (left < TimeSpan.Zero)
            left = TimeSpan.Zero;
        return $"{(int)left.TotalMinutes}:{left.Seconds:00}";
    }

    private async Task DecideAsync(Func<string, CancellationToken, Task<WriteResult>> decide, Deployment trial)
    {
        _busy = true;
        try
        {
            await decide(trial.Id, _gone.Token);
        }
        catch (AdminApiException e)
        {
            Toasts.Add(e.Message, Severity.Error);
        }
        _busy = false;
        Feed.Refresh();
    }

    private void OnFeedChanged() => _ = InvokeAsync(StateHasChanged);

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
    }
}
