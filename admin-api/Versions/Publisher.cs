using System.Text.Json;
using Managed.AdminApi.Documents;
using Managed.AdminApi.Events;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Secrets;
using Managed.AdminApi.Trials;
using Managed.Migrations;
using Managed.Proxy;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Every change takes this way, one at a time: propose → build → record → publish → record the outcome. A version is on the disk
/// before it is published, and its outcome is on the disk before the caller hears of it.
/// </summary>
internal sealed class Publisher(ProxyServer proxy, VersionStore store, ActiveConfiguration active, LastGoodFile lastGood, EventLog events,
    VersionBuilder builder, SecretVault vault, ILogger<Publisher> logger)
{
    private const int ErrorsTold = 10; // in an event; the deployment has them all
    private readonly PublisherTurn _turn = new();
    private readonly DocumentPacker _packer = new();
    private long _lastNumber;
    private bool _unsettled; // the disk refused an outcome: some version or deployment is pending still
    private volatile string? _inFlight, _reverting;

    /// <summary>Told after a version has gone live that has to be confirmed.</summary>
    public event Action<string, DateTimeOffset, RevertRule?>? ConfirmationNeeded;

    /// <summary>Told after a version has gone live, before the next one can be made.</summary>
    public event Action<ActiveVersion>? Published;

    /// <summary>The number the next version will get.</summary>
    public long NextNumber => _lastNumber + 1;

    /// <summary>The deployment that is on its way: whatever its row says, it is not over before readers see the version.</summary>
    public string? InFlight => _inFlight;

    /// <summary>
    /// The unconfirmed deployment that the one in flight takes back: likewise not reverted before readers see the former version.
    /// </summary>
    public string? Reverting => _reverting;

    public void StartFrom(long lastNumber) => _lastNumber = lastNumber;

    /// <summary>At the end of the process: waits for the version that is on its way, and lets no further one begin.</summary>
    public Task CloseAsync() => _turn.CloseAsync(TimeSpan.FromSeconds(15)); // longer than a publication may take

    /// <summary>Another process has the history: no version is made here, and nothing else is to be written.</summary>
    public bool IsLent { get; private set; }

    /// <summary>
    /// When the version that is on its way has its outcome, no further one begins: whoever asks is refused. Gives what gives back the turn,
    /// which is to happen in any case.
    /// </summary>
    public async Task<Action> LendAsync(CancellationToken cancellation)
    {
        var giveBack = await _turn.TakeAsync(ahead: true, cancellation);
        IsLent = true;
        return giveBack;
    }

    /// <summary>Versions are made here again.</summary>
    public void TakeBack() => IsLent = false;

    /// <exception cref="ApiException">The history is lent to another process.</exception>
    public void RefuseWhileLent()
    {
        if (IsLent)
            throw new ApiException(ProblemCode.StoreUnavailable,
                "another process is taking over from this one: nothing is changed meanwhile")
            {
                Headers = new Dictionary<string, string> { ["Retry-After"] = "2" }, // a start takes about so long
            };
    }

    /// <summary>Runs something while no version is being made.</summary>
    /// <param name="ahead">Before those who queue.</param>
    public async Task<T> ExclusiveAsync<T>(Func<T> action, CancellationToken cancellation, bool ahead = false)
    {
        var giveBack = await _turn.TakeAsync(ahead, cancellation);
        try
        {
            cancellation.ThrowIfCancellationRequested();
            RefuseWhileLent();
            return action();
        }
        finally
        {
            giveBack();
        }
    }

    /// <summary>
    /// Prepares on the version that is active now (files read, code fetched, names asked for), takes its turn, and publishes; when another
    /// version has come in between, the edit is made anew on that one. A caller that has gone by its turn is forgotten.
    /// </summary>
    public async Task<Submission> SubmitAsync(Proposal proposal, CancellationToken cancellation)
    {
        var work = builder.Begin(trusted: proposal.IsRollback || proposal.IsOperators, proposal.MakesDo);
        var draft = await PrepareAsync(proposal, work, waits: true, cancellation);
        if (proposal.DryRun)
            return DryRun(draft!);
        Task<Submission>? publication = null;
        try
        {
            while (publication is null)
            {
                var giveBack = await _turn.TakeAsync(ahead: proposal.Reverts is not null, cancellation);
                try
                {
                    cancellation.ThrowIfCancellationRequested();
                    RefuseWhileLent();
                    if (active.Degraded is { StoreUsable: false } broken)
                        throw new ApiException(ProblemCode.StoreUnavailable,
                            $"nothing can be changed while the history is unusable: {broken.Reason}")
                        {
                            Headers = new Dictionary<string, string> { ["Retry-After"] = "1" }, // it is looked at every second
                        };
                    proposal.StillHolds?.Invoke();
                    if (draft is null || !ReferenceEquals(draft.Former, active.Current))
                    {
                        // What took long is here by now; the former build holds it until this one does.
                        var again = await PrepareAsync(proposal, work, waits: false, cancellation);
                        draft?.Next?.Dispose();
                        draft = again;
                    }
                    if (draft is { Next: null })
                        return new(SubmissionOutcome.Unchanged, draft.Former!.Number, draft.Former.Document, []);
                    if (draft is not null)
                        publication = Begin(proposal, draft, work, giveBack);
                }
                finally
                {
                    if (publication is null)
                        giveBack();
                }
                draft ??= await PrepareAsync(proposal, work, waits: true, cancellation);
            }
        }
        finally
        {
            if (publication is null)
                draft?.Next?.Dispose();
        }
        return proposal.Wait is { } wait ? await WaitAsync(publication, wait, proposal) : await publication;
    }

    /// <param name="Next">Null: the document is already so.</param>
    private sealed record Draft(ActiveVersion? Former, Edit Edit, ConfigComments? Comments, Snapshot? Next,
        IReadOnlyList<ErrorItem> Warnings);

    /// <summary>Null when it would have to wait and must not.</summary>
    private async Task<Draft?> PrepareAsync(Proposal proposal, VersionBuilder.Work work, bool waits, CancellationToken cancellation)
    {
        var former = active.Current;
        var edit = proposal.Edit(former);
        DocumentCheck.Fits(edit.Document);
        if (await builder.PinAsync(work, edit.Document, [former?.Document, .. edit.Stored], proposal.IsOperators, waits,
            cancellation) is not { } pinned)
            return null;
        edit = edit with { Document = pinned };
        var comments = ConfigComments.Carried(edit.Document, former?.Document);
        if (former is not null && SaysTheSame(edit.Document, comments, former.Document))
        {
            comments = former.Document.Source.Comments;
            if (!proposal.DryRun && proposal.Reverts is null && edit.Document.SameAs(former.Document))
                return new(former, edit, comments, null, []);
        }
        // A dry run gets a number as well: the builder stamps it into the snapshot.
        if (await builder.BuildAsync(work, edit.Document, NextNumber, waits, ahead: proposal.Reverts is not null || !waits,
            cancellation) is not { } built)
            return null;
        if (built.Snapshot is not { } next || built.Errors.Count > 0)
            throw Invalid(proposal, edit, built);
        try
        {
            if (!proposal.DryRun)
                await proxy.ResolveNamesAsync(next, cancellation, waits: waits && proposal.Reverts is null);
        }
        catch
        {
            next.Dispose();
            throw;
        }
        var warnings = ErrorItem.From(built.Warnings, edit.Submitted);
        return new(former, edit, comments, next, edit.Submitted?.Comments?.IsCut == true || comments?.IsCut == true
            ? [.. warnings, CommentsCut] : warnings);
    }

    // The same comment may be one above what follows or one below what was before: what counts is what is read.
    private static bool SaysTheSame(ConfigObject document, ConfigComments? comments, ConfigObject former)
        => ConfigComments.Same(comments, former.Source.Comments)
            || (document.SameAs(former) && VersionDocument.Settle(document, null, comments).ToYaml() == former.ToYaml());

    private static readonly ErrorItem CommentsCut = new("#", "COMMENTS_CUT",
        $"more than {ConfigComments.MaxChars >> 20} Mi characters of comments: the last ones are not kept");

    private static ApiException Invalid(Proposal proposal, Edit edit, BuildResult built) =>
        new(proposal.IsRollback ? ProblemCode.RollbackBlocked : ProblemCode.ValidationFailed, $"{Count(built.Errors.Count)} in {edit.What}")
        {
            Errors = ErrorItem.From(built.Errors, edit.Submitted),
            Warnings = ErrorItem.From(built.Warnings, edit.Submitted),
        };

    private Submission DryRun(Draft draft)
    {
        var (former, edit, comments, next, warnings) = draft;
        using var unused = next;
        var impact = proxy.Impact(next!);
        return new(SubmissionOutcome.DryRun, former?.Number ?? 0, edit.Document, warnings)
        {
            Diff = StructuralDiff.Between(former?.Document ?? new ConfigObject(), edit.Document),
            Summary = ChangeSummary.Between(former?.Document, VersionDocument.Settle(edit.Document, former?.Document, comments)),
            Impact = impact,
            CommentsChanged = !ConfigComments.Same(comments, former?.Document.Source.Comments),
        };
    }

    /// <summary>Records the version, then starts the publication, which gives the lock back when it is over.</summary>
    private Task<Submission> Begin(Proposal proposal, Draft draft, VersionBuilder.Work work, Action giveBack)
    {
        var (former, edit, next) = (draft.Former, draft.Edit, draft.Next!);
        var settled = VersionDocument.Settle(edit.Document, former?.Document, draft.Comments);
        var summary = ChangeSummary.Between(former?.Document, settled);
        var (json, document, digest) = _packer.Pack(settled);
        var named = FileReference.In(edit.Document).Where(r => r.Sha256 is { } sum && SecretMark.DigestOf(sum) is null).ToList();
        var files = work.Files.Fresh;
        var now = DateTimeOffset.UtcNow;
        var marks = SecretMarks.In(edit.Document);
        var secrets = vault.Rows(marks, work.Secrets, proposal.Author, now);
        if (_unsettled)
            store.SettleInterrupted();
        // True until the outcome is stored: a commit that fails late may have taken the number all the same.
        _unsettled = true;
        var number = store.Record(
            n => new VersionRow
            {
                Number = n, CreatedAt = now, Author = proposal.Author, Source = proposal.Source, Comment = proposal.Comment,
                BaseVersion = former?.Number,
                Restores = proposal.Restores, State = VersionState.Pending, Document = document, Digest = digest,
                Comments = VersionDocument.Pack(draft.Comments),
                Added = summary.Added, Changed = summary.Changed, Removed = summary.Removed, Summary = summary.ResourcesJson(),
            },
            n => new DeploymentRow { Id = DeploymentId(n), Version = n, PreviousVersion = former?.Number, State = DeploymentState.Preparing,
                StartedAt = now },
            [.. ModuleReferences.In(edit.Document), .. named.Select(r => "sha256:" + r.Sha256).Distinct(),
                .. marks.Select(d => StoredModules.SecretPrefix + d)],
            [.. secrets, .. named.Select(r => r.Sha256!).Distinct().Where(files.ContainsKey)
                .Select(d => StoredModules.FileRow(d, files[d], proposal.Author, now))]);
        vault.Keep(secrets);
        next.Version = number;
        _lastNumber = number;
        _inFlight = DeploymentId(number);
        _reverting = proposal.Reverts;
        events.Add("deployment.started", new { id = DeploymentId(number), version = number });
        var version = new ActiveVersion(number, settled, now, proposal.Author);
        return Task.Run(() => PublishAsync(proposal, draft, version, json, summary, giveBack));
    }

    private async Task<Submission> PublishAsync(Proposal proposal, Draft draft, ActiveVersion version, byte[] json, ChangeSummary summary,
        Action giveBack)
    {
        var (former, edit, _, next, warnings) = draft;
        ControlThread.StandBack();
        try
        {
            var id = DeploymentId(version.Number);
            var rule = proposal.RevertRule?.Invoke();
            var result = await proxy.PublishAsync(next!, CancellationToken.None);
            if (!result.Applied)
                throw Rejected(proposal, edit, version, id, result);
            var deadline = DateTimeOffset.UtcNow + proposal.ConfirmWithin;
            await SettleAsync(proposal, former, version, id, result, deadline, rule);
            _unsettled = false;
            lastGood.Write(version, json);
            active.Set(version);
            active.Degraded = null;
            _inFlight = _reverting = null;
            PublisherLog.Applied(logger, version.Number, proposal.Author, proposal.Source, result.DurationMs);
            events.Add("version.created", new { version = version.Number, state = VersionState.Active, author = proposal.Author,
                source = proposal.Source, comment = proposal.Comment, summary = new { summary.Added, summary.Changed, summary.Removed } });
            events.Add(deadline is null ? "deployment.applied" : "deployment.awaiting_confirmation",
                new { id, version = version.Number, duration_ms = result.DurationMs, confirm_deadline = deadline });
            if (proposal.Reverts is not null)
                events.Add("deployment.reverted", new { id = proposal.Reverts, version = version.Number, reason = proposal.Comment });
            Published?.Invoke(version);
            if (deadline is { } until)
                ConfirmationNeeded?.Invoke(id, until, rule);
            return new(SubmissionOutcome.Applied, version.Number, version.Document, warnings) { Deployment = id, Summary = summary,
                ConfirmDeadline = deadline };
        }
        finally
        {
            _inFlight = _reverting = null;
            giveBack();
        }
    }

    private async Task SettleAsync(Proposal proposal, ActiveVersion? former, ActiveVersion version, string id, PublishResult result,
        DateTimeOffset? deadline, RevertRule? rule)
    {
        try
        {
            store.Settle(version.Number, row =>
            {
                (row.State, row.ConfirmDeadline) = deadline is null ? (DeploymentState.Applied, null)
                    : (DeploymentState.AwaitingConfirmation, deadline);
                row.RevertRule = rule?.ToJson();
                Fill(row, result);
            }, id, proposal.Reverts);
        }
        catch (Exception e)
        {
            // The workers serve what the history does not know: put the former version back before anybody is told anything.
            PublisherLog.OutcomeLost(logger, e, version.Number);
            if (former is not null && proxy.Build(former.Document, former.Number, builder.Begin(trusted: true).Host).Snapshot is { } back)
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
            row.Errors = JsonSerializer.Serialize(result.TimedOut ? [new("#", "APPLY_TIMEOUT", "the workers did not acknowledge in time")]
                : errors, JsonAnswer.Options);
            Fill(row, result);
        }, id);
        _unsettled = false;
        PublisherLog.Rejected(logger, version.Number,
            result.TimedOut ? "the workers did not acknowledge in time" : string.Join("; ", result.Errors.Select(e => e.Detail)));
        events.Add("version.created", new { version = version.Number, state = VersionState.Rejected, author = proposal.Author,
            source = proposal.Source, comment = proposal.Comment });
        events.Add("deployment.failed", new { id, version = version.Number, errors = errors.Take(ErrorsTold) });
        var code = result.TimedOut ? ProblemCode.ApplyTimeout : proposal.IsRollback ? ProblemCode.RollbackBlocked : ProblemCode.ApplyFailed;
        return new ApiException(code, result.TimedOut ? $"version {version.Number} was not acknowledged by every worker in time"
            : $"version {version.Number} was rejected: {result.Errors.FirstOrDefault()?.Detail}")
        {
            Errors = errors,
            Members = new Dictionary<string, object?> { ["rejected_version"] = version.Number, ["deployment"] = id,
                ["workers"] = WorkerParts(version.Number, result) },
        };
    }

    private async Task<Submission> WaitAsync(Task<Submission> publication, TimeSpan wait, Proposal proposal)
    {
        var number = _lastNumber;
        if (wait > TimeSpan.Zero)
            await Task.WhenAny(publication, Task.Delay(wait));
        if (wait > TimeSpan.Zero && publication.IsCompleted)
            return await publication;
        _ = publication.ContinueWith(t => PublisherLog.FailedLater(logger, number, t.Exception!.GetBaseException().Message),
            CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return new(SubmissionOutcome.Accepted, number, new ConfigObject(), []) { Deployment = DeploymentId(number) };
    }

    private static void Fill(DeploymentRow row, PublishResult result)
    {
        (row.FinishedAt, row.PrepareMs, row.DurationMs) = (DateTimeOffset.UtcNow, result.PrepareMs, result.DurationMs);
        row.Workers = JsonSerializer.Serialize(WorkerParts(row.Version, result), JsonAnswer.Options);
    }

    private static IEnumerable<Contracts.DeploymentWorker> WorkerParts(long version, PublishResult result)
        => result.Workers.Select(w => new Contracts.DeploymentWorker(
        w.Id,
        result.Applied ? "applied" : w.State switch { WorkerAckState.Acknowledged => "rolled_back", WorkerAckState.TimedOut => "timed_out",
            _ => "pending" },
        version, Math.Round(w.PrepareMs, 3), Math.Round(w.AckMs, 3),
        w.State == WorkerAckState.TimedOut ? "no acknowledgement in time" : null));

    /// <summary>Each version is published once, so its number names the deployment; padded, so that identifiers sort by age.</summary>
    public static string DeploymentId(long version) => $"d-{version:D8}";

    private static string Count(int errors) => errors == 1 ? "1 error" : $"{errors} errors";
}
