using Managed.AdminApi.Hosting;
using Managed.AdminApi.Modules;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Keeps the history within its bounds (<c>--history-keep</c>, <c>-age</c>, <c>-mib</c>): versions beyond them go, then the files and
/// modules that none of the others needs, then the file gets shorter. Begins a while after a publication, in steps between which those who
/// publish have their turn; without publications and with nothing left to do it sleeps.
/// </summary>
internal sealed class Retention(HistoryPruner pruner, Publisher publisher, ActiveConfiguration active, StoredModules modules,
    RunOptions keep, TimeProvider time, ILogger<Retention> logger) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5), Again = TimeSpan.FromMinutes(1), Aging = TimeSpan.FromHours(1);
    /// <summary>What nobody needs stays this long: a version that is being made may be about to name it.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan UploadGrace = TimeSpan.FromDays(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _wanted = new(1);
    private readonly Dictionary<string, DateTimeOffset> _unused = new(StringComparer.Ordinal);
    private bool _swept;
    private Task _running = Task.CompletedTask;

    /// <summary>From now on, first for what an earlier run has left.</summary>
    public void Start()
    {
        publisher.Published += _ => Want();
        _running = RunAsync();
    }

    /// <summary>Ends behind the step that is under way, after which nothing opens the history any more.</summary>
    public Task StopAsync()
    {
        _stop.Cancel();
        return _running;
    }

    public void Dispose() => _stop.Cancel();

    /// <summary>All that is due, in steps. Gives the time until there is more; null when only a publication can bring more.</summary>
    public async Task<TimeSpan?> SweepAsync()
    {
        var doomed = pruner.Doomed(keep, time.GetUtcNow()).ToArray();
        for (var done = 0; done < doomed.Length;)
            done += await StepAsync(() => pruner.Remove(doomed.AsSpan(done)));
        if (doomed.Length > 0)
            PublisherLog.Pruned(logger, doomed.Length, doomed[^1]);
        await RemoveUnusedAsync();
        if (!_swept)
            await StepAsync(RemoveCopies);
        _swept = true;
        while (await StepAsync(pruner.GiveBack))
            continue;
        return _unused.Count > 0 ? Again : keep.HistoryKeepAge is null ? null : Aging;
    }

    private async Task RemoveUnusedAsync()
    {
        var now = time.GetUtcNow();
        var unused = pruner.Unused(now - UploadGrace);
        foreach (var known in _unused.Keys.Except(unused).ToList())
            _unused.Remove(known);
        foreach (var digest in unused)
            if (_unused.TryAdd(digest, now) || now - _unused[digest] < Grace)
                continue;
            else if (await StepAsync(() => Remove(digest)))
                _unused.Remove(digest);
    }

    private bool Remove(string digest)
    {
        if (pruner.RemoveUnused(digest))
            modules.Forget(digest);
        return true;
    }

    /// <summary>Copies of what is not in the history: of one that was set aside, or of a removal that was cut off.</summary>
    private bool RemoveCopies()
    {
        foreach (var digest in pruner.Unknown(modules.Copies(olderThan: time.GetUtcNow() - UploadGrace)))
            modules.Forget(digest);
        return true;
    }

    private async Task<T> StepAsync<T>(Func<T> step)
        => await Task.Run(() => publisher.ExclusiveAsync(() => active.Degraded is { StoreUsable: false }
            ? throw new InvalidOperationException("the history is unusable") : step(), _stop.Token), _stop.Token);

    private void Want()
    {
        if (_wanted.CurrentCount == 0)
            _wanted.Release();
    }

    private async Task RunAsync()
    {
        var next = Timeout.InfiniteTimeSpan;
        try
        {
            while (true)
            {
                await _wanted.WaitAsync(next, _stop.Token);
                await Task.Delay(Pause, time, _stop.Token); // what is published until then is swept with it
                next = await ContainedAsync() ?? Timeout.InfiniteTimeSpan;
            }
        }
        catch (OperationCanceledException)
        {
            // The process ends.
        }
    }

    private async Task<TimeSpan?> ContainedAsync()
    {
        try
        {
            return await SweepAsync();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (!publisher.IsLent) // else whoever takes over does it
                PublisherLog.NotPruned(logger, e.Message);
            return Again;
        }
    }
}
