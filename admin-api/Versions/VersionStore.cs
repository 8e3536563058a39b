using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.Migrations;
using Managed.Proxy.Configuration;
using Microsoft.EntityFrameworkCore;

namespace Managed.AdminApi.Versions;

/// <summary>
/// The history on disk. The order of a change, each step durable (fsync) before the next begins:
/// <list type="number">
/// <item><see cref="Record"/>: the version, as pending. A crash from here on costs a version that nobody was promised: the head still
/// names the former one.</item>
/// <item>The workers take it. A crash: as before.</item>
/// <item><see cref="Settle"/>: the head names it. A crash: it is served after the start, though its caller heard nothing.</item>
/// <item><see cref="LastGoodFile"/>: its copy, written beside, synced, renamed, and the folder synced. What fails here is owed and
/// tried again; the version is in the history.</item>
/// <item>The caller hears of it.</item>
/// </list>
/// So what was acknowledged is in the history, mostly in the write-ahead log, whose merging into the file is no part of the order and
/// may fail; and in the copy, unless that is owed. The copy is never newer than the history unless the history has lost something, so
/// a start takes the newer of the two. Callers hold the publisher's lock while they write.
/// </summary>
internal sealed class VersionStore(IDbContextFactory<HistoryContext> contexts)
{
    /// <summary>What the head row says.</summary>
    public sealed record Head(long? Active, long? Previous, long LastNumber);

    public Head ReadHead()
    {
        using var db = contexts.CreateDbContext();
        return HeadOf(db);
    }

    public static Head HeadOf(HistoryContext db) =>
        db.Heads.AsNoTracking().SingleOrDefault() is { } row ? new(row.ActiveVersion, row.PreviousVersion, row.LastNumber) : new(null, null, 0);

    /// <summary>Stores a version and its deployment as pending and takes the next number.</summary>
    public long Record(Func<long, VersionRow> version, Func<long, DeploymentRow> deployment, IEnumerable<string> modules, IReadOnlyList<ModuleRow> files)
    {
        using var db = contexts.CreateDbContext();
        var head = HeadRowOf(db);
        var number = ++head.LastNumber;
        head.Revision++;
        db.Versions.Add(version(number));
        db.Deployments.Add(deployment(number));
        db.Modules.AddRange(files.Where(f => !db.Modules.Any(m => m.Digest == f.Digest)));
        foreach (var digest in modules.Where(d => files.Any(f => f.Digest == d) || db.Modules.Any(m => m.Digest == d)))
            db.VersionModules.Add(new() { Version = number, Digest = digest });
        db.SaveChanges();
        return number;
    }

    /// <summary>The publication went well: moves the head, marks the former version, updates the deployments.</summary>
    public void Settle(long version, Action<DeploymentRow> deployment, string deploymentId, string? revertedDeployment = null)
    {
        using var db = contexts.CreateDbContext();
        using var transaction = db.Database.BeginTransaction();
        var head = HeadRowOf(db);
        if (head.ActiveVersion is { } former)
        {
            Mark(db, former, VersionState.Superseded);
            head.PreviousVersion = former;
        }
        head.ActiveVersion = version;
        head.Revision++;
        deployment(db.Deployments.Find(deploymentId)!);
        if (revertedDeployment is not null)
            MarkReverted(db, revertedDeployment);
        Mark(db, version, VersionState.Active);
        db.SaveChanges();
        transaction.Commit();
    }

    /// <summary>A deployment that waited for its confirmation has nothing left to confirm.</summary>
    public void EndTrial(string deployment)
    {
        using var db = contexts.CreateDbContext();
        using var transaction = db.Database.BeginTransaction();
        MarkReverted(db, deployment);
        db.SaveChanges();
        transaction.Commit();
    }

    /// <summary>The publication failed: the head stays.</summary>
    public void Reject(long version, Action<DeploymentRow> deployment, string deploymentId)
    {
        using var db = contexts.CreateDbContext();
        using var transaction = db.Database.BeginTransaction();
        Mark(db, version, VersionState.Rejected);
        deployment(db.Deployments.Find(deploymentId)!);
        db.SaveChanges();
        transaction.Commit();
    }

    /// <summary>Takes back everything, as long as no version was ever served: a first start that failed leaves an empty history.</summary>
    public void ForgetFailedStart()
    {
        using var db = contexts.CreateDbContext();
        if (db.Heads.SingleOrDefault()?.ActiveVersion is not null)
            return;
        db.Deployments.ExecuteDelete();
        db.Versions.ExecuteDelete();
        db.Heads.ExecuteDelete();
    }

    /// <summary>
    /// Takes in a version that was acknowledged and is not in this history: it was lost from it, or the history is a new one. Its number
    /// stays, and so do those that were given before.
    /// </summary>
    public void Adopt(ActiveVersion version, long lastNumber, string comment)
    {
        using var db = contexts.CreateDbContext();
        using var transaction = db.Database.BeginTransaction();
        var head = HeadRowOf(db);
        head.LastNumber = Math.Max(Math.Max(head.LastNumber, lastNumber), version.Number);
        head.Revision++;
        var (document, digest) = VersionDocument.Pack(version.Document);
        var known = db.Versions.AsNoTracking().Where(v => v.Number == version.Number).Select(v => v.Digest).SingleOrDefault();
        if (version.Number > 0 && (known is null || known == digest))
        {
            if (head.ActiveVersion is { } former)
            {
                Mark(db, former, VersionState.Superseded);
                head.PreviousVersion = former;
            }
            if (known is null)
                db.Versions.Add(new VersionRow
                {
                    Number = version.Number, CreatedAt = version.CreatedAt, Author = version.Author, Source = ChangeSource.File, Comment = comment, BaseVersion = head.ActiveVersion,
                    State = VersionState.Active, Document = document, Digest = digest, Summary = ChangeSummary.Between(null, version.Document).ResourcesJson(),
                });
            head.ActiveVersion = version.Number;
        }
        db.SaveChanges();
        if (known == digest)
            Mark(db, version.Number, VersionState.Active);
        transaction.Commit();
    }

    /// <summary>Versions below a number that were served once, newest first, without documents.</summary>
    public IReadOnlyList<VersionRow> ServedBefore(long number, int count)
    {
        using var db = contexts.CreateDbContext();
        return [.. WithoutDocument(db.Versions.AsNoTracking().Where(v => v.Number < number && v.State != VersionState.Pending && v.State != VersionState.Rejected)
            .OrderByDescending(v => v.Number).Take(count))];
    }

    /// <summary>After a crash: versions without an outcome are rejected unless the head names them; the head decides. Returns their numbers.</summary>
    public IReadOnlyList<long> SettleInterrupted()
    {
        using var db = contexts.CreateDbContext();
        var active = db.Heads.SingleOrDefault()?.ActiveVersion;
        var interrupted = db.Versions.Where(v => v.State == VersionState.Pending && v.Number != active).ToList();
        interrupted.ForEach(v => v.State = VersionState.Rejected);
        foreach (var deployment in db.Deployments.Where(d => d.State == DeploymentState.Preparing || d.State == DeploymentState.Committing))
        {
            deployment.State = DeploymentState.Failed;
            deployment.FinishedAt = DateTimeOffset.UtcNow;
            deployment.Errors = """[{"pointer":"#","code":"INTERRUPTED","detail":"the process ended before the outcome was known; the former version stayed active"}]""";
        }
        db.SaveChanges();
        return [.. interrupted.Select(v => v.Number)];
    }

    public VersionRow? Find(long number)
    {
        using var db = contexts.CreateDbContext();
        return db.Versions.AsNoTracking().SingleOrDefault(v => v.Number == number);
    }

    /// <summary>A version without its document, or 404 with the numbers near it.</summary>
    public VersionRow Describe(long number)
    {
        using var db = contexts.CreateDbContext();
        return WithoutDocument(db.Versions.AsNoTracking().Where(v => v.Number == number)).SingleOrDefault() ?? throw Missing(number);
    }

    /// <summary>The document of a version, or 404 with the numbers near it.</summary>
    /// <param name="number">Of the version.</param>
    /// <param name="room">Told how many bytes of JSON are about to be read; may refuse by throwing.</param>
    public (VersionRow Row, ConfigObject Document) Load(long number, Action<long>? room = null)
    {
        var row = Find(number) ?? throw Missing(number);
        room?.Invoke(VersionDocument.LengthOf(row.Document));
        return (row, VersionDocument.Unpack(row.Document, row.Digest));
    }

    /// <summary>Newest first, without documents.</summary>
    public (IReadOnlyList<VersionRow> Rows, long Total) List(long? below, int count, string? text)
    {
        using var db = contexts.CreateDbContext();
        var query = db.Versions.AsNoTracking();
        if (!string.IsNullOrEmpty(text))
        {
            var pattern = $"%{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%";
            query = query.Where(v => EF.Functions.Like(v.Comment!, pattern, "\\") || EF.Functions.Like(v.Author, pattern, "\\") || v.Source == text || v.State == text
                || EF.Functions.Like(v.Labels, pattern, "\\") || EF.Functions.Like(v.Summary, pattern, "\\"));
        }
        var total = query.LongCount();
        if (below is { } limit)
            query = query.Where(v => v.Number < limit);
        return ([.. WithoutDocument(query.OrderByDescending(v => v.Number).Take(count))], total);
    }

    /// <summary>The newest version that was served and touched a resource; the answer to "who changed it".</summary>
    public VersionRow? LastToTouch(string collection, string? name, long upTo)
    {
        const int lookBack = 500; // a conflict is about the last minutes; the whole history is not worth reading for it
        using var db = contexts.CreateDbContext();
        var rows = WithoutDocument(db.Versions.AsNoTracking().Where(v => v.Number <= upTo && v.State != VersionState.Rejected && v.State != VersionState.Pending)
            .OrderByDescending(v => v.Number).Take(lookBack)).ToList();
        return rows.Find(r => ChangeSummary.FromStored(r.Added, r.Changed, r.Removed, r.Summary).Touches(collection, name));
    }

    public VersionRow Annotate(long number, Action<VersionRow> change)
    {
        using var db = contexts.CreateDbContext();
        var row = db.Versions.Find(number) ?? throw Missing(number);
        change(row);
        db.SaveChanges();
        return row;
    }

    public IReadOnlyDictionary<long, IReadOnlyList<string>> ModulesOf(IReadOnlyCollection<long> versions)
    {
        using var db = contexts.CreateDbContext();
        return db.VersionModules.AsNoTracking().Where(m => versions.Contains(m.Version)).AsEnumerable()
            .GroupBy(m => m.Version).ToDictionary(g => g.Key, g => (IReadOnlyList<string>)[.. g.Select(m => m.Digest)]);
    }

    private ApiException Missing(long number)
    {
        var head = ReadHead();
        return ApiException.NotFound("version", number.ToString(System.Globalization.CultureInfo.InvariantCulture),
            head.LastNumber == 0 ? [] : [head.LastNumber.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
    }

    private static void MarkReverted(HistoryContext db, string deployment)
    {
        if (db.Deployments.Find(deployment) is not { } reverted)
            return;
        (reverted.State, reverted.FinishedAt, reverted.ConfirmDeadline) = (DeploymentState.Reverted, DateTimeOffset.UtcNow, null);
        Mark(db, reverted.Version, VersionState.Reverted);
    }

    /// <summary>In place: reading the row would read its document.</summary>
    private static void Mark(HistoryContext db, long version, string state) => db.Versions.Where(v => v.Number == version).ExecuteUpdate(set => set.SetProperty(v => v.State, state));

    private static HeadRow HeadRowOf(HistoryContext db)
    {
        if (db.Heads.SingleOrDefault() is { } head)
            return head;
        return db.Heads.Add(new()).Entity;
    }

    private static IQueryable<VersionRow> WithoutDocument(IQueryable<VersionRow> query) => query.Select(v => new VersionRow
    {
        Number = v.Number, CreatedAt = v.CreatedAt, Author = v.Author, Source = v.Source, Comment = v.Comment, Labels = v.Labels, Pinned = v.Pinned,
        BaseVersion = v.BaseVersion, Restores = v.Restores, State = v.State, Document = Array.Empty<byte>(), Digest = v.Digest,
        Added = v.Added, Changed = v.Changed, Removed = v.Removed, Summary = v.Summary,
    });
}
