using System.Globalization;
using System.Text.Json;
using Managed.AdminApi.Documents;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Secrets;
using Managed.Migrations;
using Managed.Proxy.Configuration;
using Microsoft.Data.Sqlite;
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
internal sealed class VersionStore(HistoryAccess history, SecretVault vault)
{
    /// <summary>Versions that are pinned or labelled, which retention leaves alone.</summary>
    public const int MostKept = 1000;

    private const int Full = 13; // SQLITE_FULL, https://www.sqlite.org/rescode.html

    /// <summary>What the head row says.</summary>
    public sealed record Head(long? Active, long? Previous, long LastNumber);

    public Head ReadHead()
    {
        using var db = history.Open();
        return HeadOf(db);
    }

    public static Head HeadOf(HistoryConnection db) =>
        db.Rows("SELECT active_version, previous_version, last_number FROM head",
            r => new Head(HistoryConnection.Number(r, 0), HistoryConnection.Number(r, 1), r.GetInt64(2)))
            .SingleOrDefault() ?? new(null, null, 0);

    /// <summary>
    /// Runs one change of the history. The log has pages as often as they were written and is merged only now and then: where there is
    /// no room, it is merged, and the change is tried once more.
    /// </summary>
    private T Change<T>(Func<HistoryConnection, T> change)
    {
        try
        {
            return Once();
        }
        catch (SqliteException e) when (e.SqliteErrorCode == Full)
        {
            using (var db = history.Open())
                db.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
            return Once();
        }

        T Once()
        {
            using var db = history.Open();
            db.Begin();
            var result = change(db);
            db.Commit();
            return result;
        }
    }

    /// <summary>Stores a version and its deployment as pending and takes the next number.</summary>
    public long Record(Func<long, VersionRow> version, Func<long, DeploymentRow> deployment, IReadOnlyCollection<string> modules,
        IReadOnlyList<ModuleRow> files) => Change(db =>
    {
        var number = HeadOf(db).LastNumber + 1;
        MoveHead(db, "last_number = $1", number);
        Insert(db, version(number));
        var first = deployment(number);
        db.Execute("INSERT INTO deployments (id, version, previous_version, state, started_at, prepare_ms, duration_ms, workers) VALUES "
            + "($1, $2, $3, $4, $5, $6, $7, $8)",
            first.Id, first.Version, first.PreviousVersion, first.State, first.StartedAt, first.PrepareMs, first.DurationMs, first.Workers);
        foreach (var file in files)
            db.Execute("INSERT OR IGNORE INTO modules (digest, kind, size, created_at, author, abi, imports, exports, content) VALUES "
                + "($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                file.Digest, file.Kind, file.Size, file.CreatedAt, file.Author, file.Abi, file.Imports, file.Exports, file.Content);
        var secrets = modules.Where(m => m.StartsWith(StoredModules.SecretPrefix, StringComparison.Ordinal))
            .ToHashSet(StringComparer.Ordinal);
        Link(db, number, modules.Where(m => !secrets.Contains(m)));
        Extend(db, number, secrets);
        return number;
    });

    // The spans that are open are those of the version recorded before: only what has come or gone is written.
    private static void Extend(HistoryConnection db, long version, HashSet<string> secrets)
    {
        foreach (var open in db.Rows("SELECT digest FROM secret_spans WHERE last IS NULL", r => r.GetString(0)))
            if (!secrets.Remove(open))
                db.Execute("UPDATE secret_spans SET last = $2 WHERE digest = $1 AND last IS NULL", open, version - 1);
        if (secrets.Count > 0)
            db.Execute("INSERT OR IGNORE INTO secret_spans (digest, first) SELECT value, $1 FROM json_each($2)", version,
                JsonSerializer.Serialize(secrets));
    }

    // What no version needs is removed (Retention): the rows say what this one needs.
    private static void Link(HistoryConnection db, long version, IEnumerable<string> modules)
    {
        if (modules.ToList() is { Count: > 0 } needed)
            db.Execute("INSERT OR IGNORE INTO version_modules (version, digest) SELECT $1, digest FROM modules WHERE digest IN "
                + "(SELECT value FROM json_each($2))", version, JsonSerializer.Serialize(needed));
    }

    /// <summary>The publication went well: moves the head, marks the former version, updates the deployments.</summary>
    public void Settle(long version, Action<DeploymentRow> deployment, string deploymentId, string? revertedDeployment = null)
        => Change(db =>
    {
        Activate(db, version);
        Write(db, deploymentId, version, deployment);
        if (revertedDeployment is not null && db.Value("SELECT version FROM deployments WHERE id = $1",
            revertedDeployment) is long reverted)
        {
            MarkReverted(db, revertedDeployment, reverted);
        }
        Mark(db, version, VersionState.Active);
        return version;
    });

    /// <summary>A deployment that waited for its confirmation has nothing left to confirm.</summary>
    public void EndTrial(string deployment)
    {
        using var db = history.Open();
        db.Begin();
        if (db.Value("SELECT version FROM deployments WHERE id = $1", deployment) is long reverted)
            MarkReverted(db, deployment, reverted);
        db.Commit();
    }

    /// <summary>The publication failed: the head stays.</summary>
    public void Reject(long version, Action<DeploymentRow> deployment, string deploymentId) => Change(db =>
    {
        Mark(db, version, VersionState.Rejected);
        Write(db, deploymentId, version, deployment);
        return version;
    });

    /// <summary>Takes back everything, as long as no version was ever served: a first start that failed leaves an empty history.</summary>
    public void ForgetFailedStart()
    {
        using var db = history.Open();
        if (HeadOf(db).Active is null)
            db.Execute("DELETE FROM deployments; DELETE FROM versions; DELETE FROM secret_spans; DELETE FROM head;");
    }

    /// <summary>
    /// Takes in a version that was acknowledged and is not in this history: it was lost from it, or the history is a new one. Its number
    /// stays, and so do those that were given before.
    /// </summary>
    /// <param name="modules">Digests of the modules, files and secrets that it needs.</param>
    public void Adopt(ActiveVersion version, long lastNumber, string comment, IEnumerable<string> modules)
    {
        using var db = history.Open();
        db.Begin();
        var head = HeadOf(db);
        MoveHead(db, "last_number = $1", Math.Max(Math.Max(head.LastNumber, lastNumber), version.Number));
        var (document, digest) = VersionDocument.Pack(version.Document);
        var known = db.Value("SELECT digest FROM versions WHERE number = $1", version.Number) as string;
        if (version.Number > 0 && (known is null || known == digest))
        {
            if (known is null)
                Insert(db, new VersionRow
                {
                    Number = version.Number, CreatedAt = version.CreatedAt, Author = version.Author, Source = ChangeSource.File,
                    Comment = comment, BaseVersion = head.Active,
                    State = VersionState.Active, Document = document, Digest = digest,
                    Comments = VersionDocument.Pack(version.Document.Source.Comments),
                    Summary = ChangeSummary.Between(null, version.Document).ResourcesJson(),
                });
            Link(db, version.Number, modules);
            Activate(db, version.Number);
            Mark(db, version.Number, VersionState.Active);
        }
        db.Commit();
    }

    /// <summary>Versions below a number that were served once, newest first, without documents.</summary>
    public IReadOnlyList<VersionRow> ServedBefore(long number, int count)
    {
        using var db = history.Map();
        return [.. WithoutDocument(db.Versions.AsNoTracking()
            .Where(v => v.Number < number && v.State != VersionState.Pending && v.State != VersionState.Rejected)
            .OrderByDescending(v => v.Number).Take(count))];
    }

    /// <summary>
    /// After a crash: versions without an outcome are rejected unless the head names them; the head decides. Returns their numbers.
    /// </summary>
    public IReadOnlyList<long> SettleInterrupted()
    {
        using var db = history.Open();
        var interrupted = db.Rows("SELECT number FROM versions WHERE state = $1 AND number IS NOT (SELECT active_version FROM head)",
            r => r.GetInt64(0), VersionState.Pending);
        var open = db.Value("SELECT count(*) FROM deployments WHERE state IN ($1, $2)", DeploymentState.Preparing,
            DeploymentState.Committing);
        if (interrupted.Count == 0 && open is 0L)
            return []; // nothing to write, also where nothing can be written
        db.Begin();
        foreach (var number in interrupted)
            Mark(db, number, VersionState.Rejected);
        db.Execute("UPDATE deployments SET state = $3, finished_at = $4, errors = $5 WHERE state IN ($1, $2)", DeploymentState.Preparing,
            DeploymentState.Committing, DeploymentState.Failed,
            DateTimeOffset.UtcNow,
                """[{"pointer":"#","code":"INTERRUPTED","detail":"the process ended before the outcome was known; the former version """
                    + """stayed active"}]""");
        db.Commit();
        return interrupted;
    }

    /// <summary>
    /// The active version as the head names it, when it is whole; null in any doubt. Looks at nothing else, so it is quick however long the
    /// history is.
    /// </summary>
    public ActiveVersion? Glance()
    {
        try
        {
            using var db = history.Open();
            db.Patience = 1;
            return HeadOf(db).Active is { } number && Served(db, number) is { } version ? vault.SealStored(version) : null;
        }
        catch (Exception e) when (e is SqliteException or InvalidOperationException or InvalidDataException or InvalidCastException
            or FormatException or ArgumentException or IOException)
        {
            return null; // whoever opens it whole says what is wrong
        }
    }

    /// <summary>A version with its document; null when there is none of that number.</summary>
    /// <exception cref="InvalidDataException">The document is damaged.</exception>
    public static ActiveVersion? Served(HistoryConnection db, long number) =>
        db.Rows("SELECT created_at, author, document, digest, comments FROM versions WHERE number = $1",
            r => (At: HistoryConnection.Time(r, 0), Author: r.GetString(1), Document: r.GetFieldValue<byte[]>(2), Digest: r.GetString(3),
                Comments: r.IsDBNull(4) ? null : r.GetFieldValue<byte[]>(4)), number) is [var row]
            ? new(number, VersionDocument.Unpack(row.Document, row.Digest, row.Comments), row.At, row.Author) : null;

    public VersionRow? Find(long number)
    {
        using var db = history.Map();
        return db.Versions.AsNoTracking().SingleOrDefault(v => v.Number == number);
    }

    /// <summary>A version without its document, or 404 with the numbers near it.</summary>
    public VersionRow Describe(long number)
    {
        using var db = history.Map();
        return WithoutDocument(db.Versions.AsNoTracking().Where(v => v.Number == number)).SingleOrDefault() ?? throw Missing(number);
    }

    /// <summary>The document of a version, or 404 with the numbers near it.</summary>
    /// <param name="number">Of the version.</param>
    /// <param name="room">Told how many bytes of JSON are about to be read; may refuse by throwing.</param>
    public (VersionRow Row, ConfigObject Document) Load(long number, Action<long>? room = null)
    {
        var row = Find(number) ?? throw Missing(number);
        room?.Invoke(VersionDocument.LengthOf(row.Document));
        return (row, vault.SealStored(VersionDocument.Unpack(row.Document, row.Digest, row.Comments)));
    }

    /// <summary>Newest first, without documents.</summary>
    public (IReadOnlyList<VersionRow> Rows, long Total) List(long? below, int count, string? text)
    {
        using var db = history.Map();
        var query = db.Versions.AsNoTracking();
        if (!string.IsNullOrEmpty(text))
        {
            var literal = text.Replace("\\", "\\\\", StringComparison.Ordinal)
                .Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal);
            var pattern = $"%{literal}%";
            query = query.Where(v => EF.Functions.Like(v.Comment!, pattern, "\\") || EF.Functions.Like(v.Author, pattern, "\\")
                || v.Source == text || v.State == text
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
        using var db = history.Map();
        var rows = WithoutDocument(db.Versions.AsNoTracking()
            .Where(v => v.Number <= upTo && v.State != VersionState.Rejected && v.State != VersionState.Pending)
            .OrderByDescending(v => v.Number).Take(lookBack)).ToList();
        return rows.Find(r => ChangeSummary.FromStored(r.Added, r.Changed, r.Removed, r.Summary).Touches(collection, name));
    }

    public VersionRow Annotate(long number, Action<VersionRow> change)
    {
        using var db = history.Map();
        var row = db.Versions.Find(number) ?? throw Missing(number);
        change(row);
        if ((row.Pinned || row.Labels != "{}")
            && db.Versions.Count(v => v.Number != number && (v.Pinned || v.Labels != "{}")) is var kept && kept >= MostKept)
            throw new ApiException(ProblemCode.ValidationFailed, $"{kept} versions are pinned or labelled and kept, the most there may be");
        db.SaveChanges();
        return row;
    }

    public IReadOnlyDictionary<long, IReadOnlyList<string>> ModulesOf(IReadOnlyCollection<long> versions)
    {
        using var db = history.Map();
        return db.VersionModules.AsNoTracking().Where(m => versions.Contains(m.Version) && m.Digest.StartsWith("sha256:"))
            .AsEnumerable()
            .GroupBy(m => m.Version).ToDictionary(g => g.Key, g => (IReadOnlyList<string>)[.. g.Select(m => m.Digest)]);
    }

    private ApiException Missing(long number)
    {
        using var db = history.Open();
        var head = HeadOf(db);
        if (number < 1 || number > head.LastNumber)
            return ApiException.NotFound("version", number.ToString(CultureInfo.InvariantCulture),
                head.LastNumber == 0 ? [] : [head.LastNumber.ToString(CultureInfo.InvariantCulture)]);
        var oldest = db.Value("SELECT number FROM versions ORDER BY number LIMIT 1");
        return new(ProblemCode.VersionPruned, string.Create(CultureInfo.InvariantCulture,
            $"version {number} is no longer kept (retention: --history-keep, --history-keep-age, --history-keep-mib)"))
        {
            Members = new Dictionary<string, object?> { ["oldest_version"] = oldest },
        };
    }

    private static void MarkReverted(HistoryConnection db, string deployment, long version)
    {
        db.Execute("UPDATE deployments SET state = $2, finished_at = $3, confirm_deadline = NULL WHERE id = $1", deployment,
            DeploymentState.Reverted, DateTimeOffset.UtcNow);
        Mark(db, version, VersionState.Reverted);
    }

    private static void Activate(HistoryConnection db, long version)
    {
        if (HeadOf(db).Active is { } former)
        {
            Mark(db, former, VersionState.Superseded);
            MoveHead(db, "previous_version = $1", former);
        }
        MoveHead(db, "active_version = $1", version);
    }

    /// <summary>Compare-and-set: whoever else has written meanwhile makes it fail.</summary>
    private static void MoveHead(HistoryConnection db, string change, long value)
    {
        if (db.Value("SELECT revision FROM head WHERE id = 1") is not long revision)
        {
            db.Execute("INSERT INTO head (id, last_number, revision) VALUES (1, 0, 0)");
            revision = 0;
        }
        if (db.Execute($"UPDATE head SET {change}, revision = revision + 1 WHERE id = 1 AND revision = $2", value, revision) != 1)
            throw new SqliteException("the head of the history was moved by somebody else", 1);
    }

    private static void Insert(HistoryConnection db, VersionRow v) => db.Execute(
        """
        INSERT INTO versions (number, created_at, author, source, comment, labels, pinned, base_version, restores, state, document, digest, added, changed, removed, summary, comments)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        """,
        v.Number, v.CreatedAt, v.Author, v.Source, v.Comment, v.Labels, v.Pinned, v.BaseVersion, v.Restores, v.State, v.Document, v.Digest,
            v.Added, v.Changed, v.Removed, v.Summary, v.Comments);

    private static void Write(HistoryConnection db, string id, long version, Action<DeploymentRow> outcome)
    {
        var row = new DeploymentRow { Id = id, Version = version, State = "", StartedAt = default };
        outcome(row);
        db.Execute("UPDATE deployments SET state = $2, finished_at = $3, confirm_deadline = $4, prepare_ms = $5, duration_ms = $6, "
            + "workers = $7, errors = $8, revert_rule = $9 WHERE id = $1",
            id, row.State, row.FinishedAt, row.ConfirmDeadline, row.PrepareMs, row.DurationMs, row.Workers, row.Errors,
            row.RevertRule);
    }

    private static void Mark(HistoryConnection db, long version, string state)
        => db.Execute("UPDATE versions SET state = $2 WHERE number = $1", version, state);

    private static IQueryable<VersionRow> WithoutDocument(IQueryable<VersionRow> query) => query.Select(v => new VersionRow
    {
        Number = v.Number, CreatedAt = v.CreatedAt, Author = v.Author, Source = v.Source, Comment = v.Comment, Labels = v.Labels,
        Pinned = v.Pinned,
        BaseVersion = v.BaseVersion, Restores = v.Restores, State = v.State, Document = Array.Empty<byte>(), Digest = v.Digest,
        Added = v.Added, Changed = v.Changed, Removed = v.Removed, Summary = v.Summary,
    });
}
