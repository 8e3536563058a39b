using System.Net.ServerSentEvents;
using System.Threading.Channels;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Hosting;

namespace Managed.Dashboard.Live;

public enum FeedState
{
    Connecting,
    Live,
    /// <summary>The admin API went away; the feed tries again by itself.</summary>
    Lost,
    /// <summary>The session ended; the feed has stopped.</summary>
    SignedOut,
}

/// <summary>
/// What every page of a circuit must know at once: the active version, a deployment that waits for a confirmation, and
/// whether the node still answers. One subscription to <c>/events</c> per circuit; events only say that something
/// moved, the facts are then read from the API. However fast versions change, subscribers hear of it at most four times
/// a second. <see cref="Changed"/> is raised off the renderer: handlers go through InvokeAsync.
/// </summary>
internal sealed class LiveFeed(AdminApiClient api, ILogger<LiveFeed> log) : IAsyncDisposable
{
    private static readonly TimeSpan Throttle = TimeSpan.FromMilliseconds(250), DegradedInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan[] Backoff =
        [TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5)];

    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<bool> _moved = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private Task? _running;

    public FeedState State { get; private set; } = FeedState.Connecting;

    public ConfigVersion? Active { get; private set; }

    /// <summary>The deployments that revert by themselves unless somebody confirms them, newest first.</summary>
    public IReadOnlyList<Deployment> Trials { get; private set; } = [];

    /// <summary>What the last start found wrong with the history; null when all is well.</summary>
    public Degradation? Degraded { get; private set; }

    public event Action? Changed;

    /// <summary>Starts at the first call of the circuit; later calls do nothing.</summary>
    public void Start() => _running ??= Task.WhenAll(ListenAsync(), PublishAsync());

    /// <summary>Reads the facts again soon; for the page that has just changed them.</summary>
    public void Refresh() => _moved.Writer.TryWrite(true);

    private async Task ListenAsync()
    {
        string? lastEventId = null;
        for (var attempt = 0; !_stop.IsCancellationRequested;)
        {
            try
            {
                using var response = await api.OpenEventsAsync(lastEventId, _stop.Token);
                await using var body = await response.Content.ReadAsStreamAsync(_stop.Token);
                attempt = 0;
                State = FeedState.Live;
                Refresh();
                var parser = SseParser.Create(body);
                await foreach (var item in parser.EnumerateAsync(_stop.Token))
                {
                    lastEventId = parser.LastEventId;
                    if (item.EventType is "reset")
                        lastEventId = null;
                    if (item.EventType is not "heartbeat")
                        Refresh();
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (AdminApiException e) when (e.Problem.Status is 401 or 403)
            {
                Become(FeedState.SignedOut);
                return;
            }
            catch (Exception e) when (e is AdminApiException or IOException or HttpRequestException or OperationCanceledException)
            {
                Log.FeedLost(log, e);
            }
            if (api.IsStopping)
                return;
            Become(FeedState.Lost);
            try
            {
                await Task.Delay(Backoff[Math.Min(attempt++, Backoff.Length - 1)], _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task PublishAsync()
    {
        try
        {
            await foreach (var _ in _moved.Reader.ReadAllAsync(_stop.Token))
            {
                try
                {
                    Active = await api.VersionAsync("active", _stop.Token);
                    Trials = (await api.TrialsAsync(_stop.Token)).Items;
                    Degraded = (await api.StatusAsync(_stop.Token)).Degraded;
                    if (Degraded is not null)
                        LookAgain(); // its end is no event
                }
                catch (AdminApiException e) when (e.Problem.Status is 401 or 403)
                {
                    Become(FeedState.SignedOut);
                    return;
                }
                catch (AdminApiException)
                {
                    // ListenAsync sees the same outage and reports it; what was known stays on the screen.
                }
                Changed?.Invoke();
                await Task.Delay(Throttle, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The circuit has ended.
        }
    }

    private void LookAgain() => _ = Task.Delay(DegradedInterval, _stop.Token)
        .ContinueWith(_ => Refresh(), _stop.Token, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);

    private void Become(FeedState state)
    {
        if (State == state)
            return;
        State = state;
        Changed?.Invoke();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_running is not null)
            await _running;
        _stop.Dispose();
    }
}
