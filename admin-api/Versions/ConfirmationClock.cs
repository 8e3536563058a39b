using Managed.AdminApi.Events;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Trials;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Takes back deployments that nobody confirms in time, or of which a condition holds before. Both are in the history, so they hold
/// across a restart. A revert
/// takes back only what the unconfirmed version changed: what others changed in the meantime stays, also in the same resource, and ends
/// the wait when nothing of the change is left. When that mixture cannot be built, the whole former document comes back.
/// </summary>
internal sealed class ConfirmationClock : IDisposable
{
    /// <summary>Deployments that wait at one time; the history keeps what each would go back to.</summary>
    public const int MostOpen = 100;

    private readonly Publisher _publisher;
    private readonly VersionStore _versions;
    private readonly DeploymentStore _deployments;
    private readonly EventLog _events;
    private readonly TrialWatch _watch;
    private readonly ILogger<ConfirmationClock> _logger;
    private readonly Dictionary<string, Timer> _timers = [];
    private readonly Lock _lock = new();

    public ConfirmationClock(Publisher publisher, VersionStore versions, DeploymentStore deployments, EventLog events,
        TrialWatch watch, ILogger<ConfirmationClock> logger)
    {
        (_publisher, _versions, _deployments, _events, _watch, _logger) = (publisher, versions, deployments, events, watch, logger);
        publisher.ConfirmationNeeded += Arm;
        publisher.Published += EndReplaced;
        watch.Held += (id, why) => _ = TakeBackAsync(id, $"{id} was taken back by its condition: {why}");
    }

    public int Open
    {
        get
        {
            lock (_lock)
                return _timers.Count;
        }
    }

    /// <summary>After a start: arms what still waits; a deadline that has passed fires at once.</summary>
    public void Resume()
    {
        foreach (var (id, _, deadline, rule) in _deployments.AwaitingConfirmation())
            Arm(id, deadline ?? DateTimeOffset.UtcNow, RevertRule.From(rule));
    }

    public async Task ConfirmAsync(string id, CancellationToken cancellation)
    {
        var confirmed = await _publisher.ExclusiveAsync(() =>
            _deployments.TryMove(id, DeploymentState.AwaitingConfirmation, DeploymentState.Applied), cancellation, ahead: true);
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
        _watch.Dispose();
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
        if (deployment.State != DeploymentState.AwaitingConfirmation || deployment.PreviousVersion is null)
            throw NotAwaiting(id);
        var undo = ChangeUndo.Of(_versions, deployment.Version);
        var proposal = new Proposal(author, ChangeSource.AutoRevert,
            active => new(whole ? undo.Before : undo.From(active!.Document, overlapsToo: false).Document, null,
                $"version {deployment.Version} taken back")
        {
            Stored = [undo.Before],
        })
        {
            Comment = comment, Restores = deployment.Version, Reverts = id, IsRollback = true,
            StillHolds = () =>
            {
                if (_deployments.Find(id)?.State != DeploymentState.AwaitingConfirmation)
                    throw NotAwaiting(id);
            },
        };
        return _publisher.SubmitAsync(!whole ? proposal : proposal with
        {
            Source = ChangeSource.Rollback, Restores = undo.FormerNumber,
            Comment = $"{comment}; its change alone cannot be taken back out of what came after it",
        }, cancellation);
    }

    /// <summary>Ends the wait of deployments whose change is no longer in force: others took it back or replaced it.</summary>
    private void EndReplaced(ActiveVersion active)
    {
        lock (_lock)
            if (_timers.Count == 0)
                return;
        try
        {
            foreach (var deployment in _deployments.AwaitingConfirmation().Where(d => d.Version != active.Number))
            {
                if (!ChangeUndo.Of(_versions, deployment.Version)
                    .From(active.Document, overlapsToo: false).Document.SameAs(active.Document))
                    continue;
                _versions.EndTrial(deployment.Id);
                Disarm(deployment.Id);
                _events.Add("deployment.reverted", new { id = deployment.Id, version = active.Number });
            }
        }
        catch (Exception e)
        {
            PublisherLog.RevertFailed(_logger, "a replaced trial", e.Message); // its own deadline ends it
        }
    }

    private void Arm(string id, DateTimeOffset deadline, RevertRule? rule)
    {
        Arm(id, deadline, $"{id} was not confirmed in time");
        if (rule is not null)
            _watch.Begin(id, rule);
    }

    private void Arm(string id, DateTimeOffset deadline, string why)
    {
        var due = deadline - DateTimeOffset.UtcNow;
        lock (_lock)
        {
            _timers.GetValueOrDefault(id)?.Dispose();
            _timers[id] = new Timer(_ => _ = TakeBackAsync(id, why), null, due > TimeSpan.Zero ? due : TimeSpan.Zero,
                Timeout.InfiniteTimeSpan);
        }
    }

    private void Disarm(string id)
    {
        _watch.End(id);
        lock (_lock)
            if (_timers.Remove(id, out var timer))
                timer.Dispose();
    }

    private async Task TakeBackAsync(string id, string why)
    {
        try
        {
            PublisherLog.TakenBack(_logger, why);
            await RevertAsync(id, "managed", why, CancellationToken.None);
        }
        catch (ApiException e) when (e.Code == ProblemCode.NotAwaitingConfirmation)
        {
            Disarm(id); // confirmed at the last moment
        }
        catch (Exception e)
        {
            Arm(id, DateTimeOffset.UtcNow.AddSeconds(30), why); // the port may be free again, or the disk
            PublisherLog.RevertFailed(_logger, id, e.Message); // last: a log that fails must not cost the revert
        }
    }

    private ApiException NotAwaiting(string id) => _deployments.Find(id) is { } deployment
        ? new(ProblemCode.NotAwaitingConfirmation, $"deployment {id} is {deployment.State}")
        : ApiException.NotFound("deployment", id, []);
}
