using Managed.AdminApi.Documents;
using Managed.AdminApi.Events;
using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Takes back deployments that nobody confirms in time. The deadline is in the history, so it holds across a restart. A revert
/// touches only the resources that the unconfirmed version touched: what others changed elsewhere in the meantime stays. When that
/// mixture cannot be built, the whole former document comes back.
/// </summary>
internal sealed class ConfirmationClock : IDisposable
{
    private readonly Publisher _publisher;
    private readonly VersionStore _versions;
    private readonly DeploymentStore _deployments;
    private readonly EventLog _events;
    private readonly ILogger<ConfirmationClock> _logger;
    private readonly Dictionary<string, Timer> _timers = [];
    private readonly Lock _lock = new();

    public ConfirmationClock(Publisher publisher, VersionStore versions, DeploymentStore deployments, EventLog events, ILogger<ConfirmationClock> logger)
    {
        (_publisher, _versions, _deployments, _events, _logger) = (publisher, versions, deployments, events, logger);
        publisher.ConfirmationNeeded += Arm;
    }

    /// <summary>After a start: arms what still waits; a deadline that has passed fires at once.</summary>
    public void Resume()
    {
        foreach (var (id, deadline) in _deployments.AwaitingConfirmation())
            Arm(id, deadline ?? DateTimeOffset.UtcNow);
    }

    public async Task ConfirmAsync(string id, CancellationToken cancellation)
    {
        var confirmed = await _publisher.ExclusiveAsync(() => _deployments.TryMove(id, DeploymentState.AwaitingConfirmation, DeploymentState.Applied), cancellation, ahead: true);
        if (!confirmed)
            throw NotAwaiting(id);
        Disarm(id);
        _events.Add("deployment.confirmed", new { id });
    }

    /// <summary>Takes a deployment that awaits confirmation back now.</summary>
    /// <exception cref="ApiException">404, or 409 when it does not wait.</exception>
    public async Task<Submission> RevertAsync(string id, string author, string comment, CancellationToken cancellation)
    {
        try
        {
            return await SubmitAsync(id, author, comment, whole: false, cancellation);
        }
        catch (ApiException e) when (e.Code == ProblemCode.RollbackBlocked)
        {
            return await SubmitAsync(id, author, comment, whole: true, cancellation);
        }
        finally
        {
            if (_deployments.Find(id)?.State != DeploymentState.AwaitingConfirmation)
                Disarm(id);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var timer in _timers.Values)
                timer.Dispose();
            _timers.Clear();
        }
    }

    private Task<Submission> SubmitAsync(string id, string author, string comment, bool whole, CancellationToken cancellation)
    {
        var deployment = _deployments.Find(id) ?? throw ApiException.NotFound("deployment", id, []);
        if (deployment.State != DeploymentState.AwaitingConfirmation || deployment.PreviousVersion is not { } previous)
            throw NotAwaiting(id);
        return _publisher.SubmitAsync(new(author, ChangeSource.AutoRevert, active =>
        {
            var former = _versions.Load(previous).Document;
            var document = whole ? former : Without(active!.Document, former, _versions.Load(deployment.Version).Document);
            return new(document, null, $"version {previous}") { Stored = [former] };
        })
        {
            Comment = comment, Restores = previous, Reverts = id, IsRollback = true,
            StillHolds = () =>
            {
                if (_deployments.Find(id)?.State != DeploymentState.AwaitingConfirmation)
                    throw NotAwaiting(id);
            },
        }, cancellation);
    }

    /// <summary>The active document with every resource that the unconfirmed version touched as it was before it.</summary>
    private static ConfigObject Without(ConfigObject active, ConfigObject before, ConfigObject unconfirmed)
    {
        if (active.SameAs(unconfirmed))
            return before;
        var result = active.Clone();
        var summary = ChangeSummary.Between(before, unconfirmed);
        foreach (var list in TopLevelList.All)
        {
            if (!summary.Resources.TryGetValue(list.Collection, out var touched))
                continue;
            var items = list.Read(result);
            foreach (var name in touched.Added.Where(n => items.IndexOfName(n) >= 0))
                items.RemoveAt(items.IndexOfName(name));
            foreach (var name in touched.Changed.Concat(touched.Removed))
            {
                var former = list.Get(before, name);
                if (items.IndexOfName(name) is >= 0 and var at)
                    items[at] = former;
                else
                    items.Add(former);
            }
            list.Write(result, items);
        }
        return result;
    }

    private void Arm(string id, DateTimeOffset deadline)
    {
        var due = deadline - DateTimeOffset.UtcNow;
        lock (_lock)
            _timers[id] = new Timer(_ => _ = ExpireAsync(id), null, due > TimeSpan.Zero ? due : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    private void Disarm(string id)
    {
        lock (_lock)
            if (_timers.Remove(id, out var timer))
                timer.Dispose();
    }

    private async Task ExpireAsync(string id)
    {
        try
        {
            PublisherLog.NotConfirmed(_logger, id);
            await RevertAsync(id, "managed", $"{id} was not confirmed in time", CancellationToken.None);
        }
        catch (ApiException e) when (e.Code == ProblemCode.NotAwaitingConfirmation)
        {
            Disarm(id); // confirmed at the last moment
        }
        catch (Exception e)
        {
            Disarm(id);
            Arm(id, DateTimeOffset.UtcNow.AddSeconds(30)); // the port may be free again, or the disk
            PublisherLog.RevertFailed(_logger, id, e.Message); // last: a log that fails must not cost the revert
        }
    }

    private ApiException NotAwaiting(string id) => _deployments.Find(id) is { } deployment
        ? new(ProblemCode.NotAwaitingConfirmation, $"deployment {id} is {deployment.State}")
        : ApiException.NotFound("deployment", id, []);
}
