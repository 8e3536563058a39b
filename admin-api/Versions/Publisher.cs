using System.Text.Json;
using Managed.AdminApi.Documents;
using Managed.AdminApi.Events;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.Migrations;
using Managed.Proxy;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Every change takes this way, one at a time: propose → build → record → publish → record the outcome. A version is on the disk
/// before it is published, and its outcome is on the disk before the caller hears of it.
/// </summary>
internal sealed class Publisher(ProxyServer proxy, VersionStore store, ActiveConfiguration active, LastGoodFile lastGood, EventLog events, StoredModules modules, ILogger<Publisher> logger)
{
    private readonly SemaphoreSlim _oneWriter = new(1, 1);
    private long _lastNumber;
    private bool _unsettled; // the disk refused an outcome: some version or deployment is pending still
    private volatile string? _inFlight, _reverting;

    /// <summary>Told after a version has gone live that has to be confirmed.</summary>
    public event Action<string, DateTimeOffset>? ConfirmationNeeded;

    /// <summary>The number the next version will get.</summary>
    public long NextNumber => _lastNumber + 1;

    /// <summary>The deployment that is on its way: whatever its row says, it is not over before readers see the version.</summary>
    public string? InFlight => _inFlight;

    /// <summary>The unconfirmed deployment that the one in flight takes back: likewise not reverted before readers see the former version.</summary>
    public string? Reverting => _reverting;

    public void StartFrom(long lastNumber) => _lastNumber = lastNumber;

    /// <summary>At the end of the process: waits for the version that is on its way, and lets no further one begin.</summary>
    public Task CloseAsync() => _oneWriter.WaitAsync(TimeSpan.FromSeconds(15)); // longer than a publication may take

    /// <summary>Runs something while no version is being made.</summary>
    public async Task<T> ExclusiveAsync<T>(Func<T> action, CancellationToken cancellation)
    {
        await _oneWriter.WaitAsync(cancellation);
        try
        {
            return action();
        }
        finally
        {
            _oneWriter.Release();
        }
    }

    public async Task<Submission> SubmitAsync(Proposal proposal, CancellationToken cancellation)
    {
        await _oneWriter.WaitAsync(cancellation);
        Task<Submission>? publication = null;
        try
        {
            if (active.Degraded is { StoreUsable: false } broken && !proposal.DryRun)
                throw new ApiException(ProblemCode.StoreUnavailable, $"nothing can be changed while the history is unusable: {broken.Reason}")
                {
                    Headers = new Dictionary<string, string> { ["Retry-After"] = "1" }, // it is looked at every second
                };
            var former = active.Current;
            var edit = proposal.Edit(former);
            DocumentCheck.Fits(edit.Document);
            edit = edit with { Document = ModuleReferences.Pin(edit.Document, modules) };
            if (former is not null && edit.Document.SameAs(former.Document) && !proposal.DryRun && proposal.Reverts is null)
                return new(SubmissionOutcome.Unchanged, former.Number, former.Document, []);
            var built = Build(proposal, edit, former);
            var warnings = ErrorItem.From(built.Warnings, edit.Submitted);
            if (proposal.DryRun)
                return DryRun(built.Snapshot!, edit, former, warnings);
            try
            {
                publication = Begin(proposal, edit, former, built.Snapshot!, warnings);
            }
            finally
            {
                if (publication is null)
                    built.Snapshot!.Dispose();
            }
        }
        finally
        {
            if (publication is null)
                _oneWriter.Release();
        }
        return proposal.Wait is { } wait ? await WaitAsync(publication, wait, proposal) : await publication;
    }

    private BuildResult Build(Proposal proposal, Edit edit, ActiveVersion? former)
    {
        // A dry run gets a number as well: the builder stamps it into the snapshot.
        var built = proxy.Build(edit.Document, NextNumber);
        if (built.Snapshot is not null && built.Errors.Count == 0)
            return built;
        var code = proposal.IsRollback ? ProblemCode.RollbackBlocked : ProblemCode.ValidationFailed;
        throw new ApiException(code, $"{Count(built.Errors.Count)} in {edit.What}")
        {
            Errors = ErrorItem.From(built.Errors, edit.Submitted),
            Warnings = ErrorItem.From(built.Warnings, edit.Submitted),
        };
    }

    private Submission DryRun(Snapshot next, Edit edit, ActiveVersion? former, IReadOnlyList<ErrorItem> warnings)
    {
        using var unused = next;
        var impact = proxy.Impact(next);
        return new(SubmissionOutcome.DryRun, former?.Number ?? 0, edit.Document, warnings)
        {
            Diff = StructuralDiff.Between(former?.Document ?? new ConfigObject(), edit.Document),
            Summary = ChangeSummary.Between(former?.Document, edit.Document),
            Impact = impact,
        };
    }

    /// <summary>Records the version, then starts the publication, which gives the lock back when it is over.</summary>
    private Task<Submission> Begin(Proposal proposal, Edit edit, ActiveVersion? former, Snapshot next, IReadOnlyList<ErrorItem> warnings)
    {
        var summary = ChangeSummary.Between(former?.Document, edit.Document);
        var (document, digest) = VersionDocument.Pack(edit.Document);
        var now = DateTimeOffset.UtcNow;
        if (_unsettled)
            store.SettleInterrupted();
        // True until the outcome is stored: a commit that fails late may have taken the number all the same.
        _unsettled = true;
        var number = store.Record(
            n => new VersionRow
            {
                Number = n, CreatedAt = now, Author = proposal.Author, Source = proposal.Source, Comment = proposal.Comment, BaseVersion = former?.Number,
                Restores = proposal.Restores, State = VersionState.Pending, Document = document, Digest = digest,
                Added = summary.Added, Changed = summary.Changed, Removed = summary.Removed, Summary = summary.ResourcesJson(),
            },
            n => new DeploymentRow { Id = DeploymentId(n), Version = n, PreviousVersion = former?.Number, State = DeploymentState.Preparing, StartedAt = now },
            ModuleReferences.In(edit.Document));
        _lastNumber = number;
        if (number != next.Version)
            throw new ApiException(ProblemCode.StoreUnavailable, "a number was lost when the disk failed; try again"); // rejected by the next change
        _inFlight = DeploymentId(number);
        _reverting = proposal.Reverts;
        events.Add("deployment.started", new { id = DeploymentId(number), version = number });
        var version = new ActiveVersion(number, VersionDocument.Parse(edit.Document.ToJson()), now, proposal.Author);
        return Task.Run(() => PublishAsync(proposal, edit, former, version, next, summary, warnings));
    }

    private async Task<Submission> PublishAsync(Proposal proposal, Edit edit, ActiveVersion? former, ActiveVersion version, Snapshot next, ChangeSummary summary, IReadOnlyList<ErrorItem> warnings)
    {
        try
        {
            var id = DeploymentId(version.Number);
            var result = await proxy.PublishAsync(next, CancellationToken.None);
            if (!result.Applied)
                throw Rejected(proposal, edit, version, id, result);
            var deadline = DateTimeOffset.UtcNow + proposal.ConfirmWithin;
            await SettleAsync(proposal, former, version, id, result, deadline);
            _unsettled = false;
            lastGood.Write(version);
            active.Set(version);
            active.Degraded = null;
            _inFlight = _reverting = null;
            PublisherLog.Applied(logger, version.Number, proposal.Author, proposal.Source, result.DurationMs);
            events.Add("version.created", new { version = version.Number, state = VersionState.Active, author = proposal.Author, source = proposal.Source, comment = proposal.Comment, summary = new { summary.Added, summary.Changed, summary.Removed } });
            events.Add(deadline is null ? "deployment.applied" : "deployment.awaiting_confirmation", new { id, version = version.Number, duration_ms = result.DurationMs, confirm_deadline = deadline });
            if (proposal.Reverts is not null)
                events.Add("deployment.reverted", new { id = proposal.Reverts, version = version.Number });
            if (deadline is { } until)
                ConfirmationNeeded?.Invoke(id, until);
            return new(SubmissionOutcome.Applied, version.Number, version.Document, warnings) { Deployment = id, Summary = summary, ConfirmDeadline = deadline };
        }
        finally
        {
            _inFlight = _reverting = null;
            _oneWriter.Release();
        }
    }

    private async Task SettleAsync(Proposal proposal, ActiveVersion? former, ActiveVersion version, string id, PublishResult result, DateTimeOffset? deadline)
    {
        try
        {
            store.Settle(version.Number, row =>
            {
                (row.State, row.ConfirmDeadline) = deadline is null ? (DeploymentState.Applied, null) : (DeploymentState.AwaitingConfirmation, deadline);
                Fill(row, result);
            }, id, proposal.Reverts);
        }
        catch (Exception e)
        {
            // The workers serve what the history does not know: put the former version back before anybody is told anything.
            PublisherLog.OutcomeLost(logger, e, version.Number);
            if (former is not null && proxy.Build(former.Document, former.Number).Snapshot is { } back)
                await proxy.PublishAsync(back, CancellationToken.None);
            throw;
        }
    }

    private ApiException Rejected(Proposal proposal, Edit edit, ActiveVersion version, string id, PublishResult result)
    {
        var errors = ErrorItem.From(result.Errors, edit.Submitted);
        store.Reject(version.Number, row =>
        {
            row.State = DeploymentState.Failed;
            row.Errors = JsonSerializer.Serialize(result.TimedOut ? [new("#", "APPLY_TIMEOUT", "the workers did not acknowledge in time")] : errors, JsonAnswer.Options);
            Fill(row, result);
        }, id);
        _unsettled = false;
        PublisherLog.Rejected(logger, version.Number, result.TimedOut ? "the workers did not acknowledge in time" : string.Join("; ", result.Errors.Select(e => e.Detail)));
        events.Add("version.created", new { version = version.Number, state = VersionState.Rejected, author = proposal.Author, source = proposal.Source, comment = proposal.Comment });
        events.Add("deployment.failed", new { id, version = version.Number, errors });
        var code = result.TimedOut ? ProblemCode.ApplyTimeout : proposal.IsRollback ? ProblemCode.RollbackBlocked : ProblemCode.ApplyFailed;
        return new ApiException(code, result.TimedOut ? $"version {version.Number} was not acknowledged by every worker in time" : $"version {version.Number} was rejected: {result.Errors.FirstOrDefault()?.Detail}")
        {
            Errors = errors,
            Members = new Dictionary<string, object?> { ["rejected_version"] = version.Number, ["deployment"] = id, ["workers"] = WorkerParts(version.Number, result) },
        };
    }

    private async Task<Submission> WaitAsync(Task<Submission> publication, TimeSpan wait, Proposal proposal)
    {
        var number = _lastNumber;
        if (wait > TimeSpan.Zero)
            await Task.WhenAny(publication, Task.Delay(wait));
        if (wait > TimeSpan.Zero && publication.IsCompleted)
            return await publication;
        _ = publication.ContinueWith(t => PublisherLog.FailedLater(logger, number, t.Exception!.GetBaseException().Message), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return new(SubmissionOutcome.Accepted, number, new ConfigObject(), []) { Deployment = DeploymentId(number) };
    }

    private static void Fill(DeploymentRow row, PublishResult result)
    {
        (row.FinishedAt, row.PrepareMs, row.DurationMs) = (DateTimeOffset.UtcNow, result.PrepareMs, result.DurationMs);
        row.Workers = JsonSerializer.Serialize(WorkerParts(row.Version, result), JsonAnswer.Options);
    }

    private static IEnumerable<Contracts.DeploymentWorker> WorkerParts(long version, PublishResult result) => result.Workers.Select(w => new Contracts.DeploymentWorker(
        w.Id,
        result.Applied ? "applied" : w.State switch { WorkerAckState.Acknowledged => "rolled_back", WorkerAckState.TimedOut => "timed_out", _ => "pending" },
        version, Math.Round(w.PrepareMs, 3), Math.Round(w.AckMs, 3),
        w.State == WorkerAckState.TimedOut ? "no acknowledgement in time" : null));

    /// <summary>Each version is published once, so its number names the deployment; padded, so that identifiers sort by age.</summary>
    public static string DeploymentId(long version) => $"d-{version:D8}";

    private static string Count(int errors) => errors == 1 ? "1 error" : $"{errors} errors";
}
