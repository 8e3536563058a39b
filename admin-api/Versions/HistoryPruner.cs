using System.Globalization;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Modules;
using Managed.Migrations;

namespace Managed.AdminApi.Versions;

/// <summary>
/// The statements of retention, each small enough that a publication which waits for it hardly notices. Whether something is free to go is
/// asked anew in the statement that removes it. What writes is called while no version is being made.
/// </summary>
internal sealed class HistoryPruner(HistoryAccess history)
{
    private const int VersionsAtOnce = 20, PagesAtOnce = 256;
    private const long BytesAtOnce = 4 << 20;
    /// <summary>Pages that stay free for what comes next: giving each back at once would move the others for nothing.</summary>
    private const long FreePages = 256;

    /// <summary>
    /// Versions that something hangs on: active, the one before it, in trial, and those that a trial's end goes back to: what it was made
    /// from, and where that was taken back itself, what that was made from.
    /// </summary>
    private const string Needed =
        """
        WITH RECURSIVE trial(number) AS (SELECT version FROM deployments WHERE state = 'awaiting_confirmation'),
        needed(number) AS (
            SELECT number FROM trial
            UNION SELECT active_version FROM head WHERE active_version IS NOT NULL
            UNION SELECT previous_version FROM head WHERE previous_version IS NOT NULL
            UNION SELECT v.base_version FROM versions v JOIN needed n ON v.number = n.number WHERE v.base_version IS NOT NULL
                AND (v.state = 'reverted' OR v.number IN trial))

        """;

    /// <summary>Of a version: nothing keeps it. It has an outcome, nobody has pinned or labelled it, and nothing hangs on it.</summary>
    private const string Free = "(NOT pinned AND labels = '{}' AND state <> 'pending' AND number NOT IN needed)";

    /// <summary>Versions that are to go, the oldest first.</summary>
    public IReadOnlyList<long> Doomed(RunOptions keep, DateTimeOffset now)
    {
        using var db = history.Open();
        var doomed = db.Rows(Needed + $"SELECT number, {Free} FROM versions ORDER BY number DESC LIMIT -1 OFFSET $1",
            r => (Number: r.GetInt64(0), Free: r.GetBoolean(1)), keep.HistoryKeep).Where(v => v.Free).Select(v => v.Number).ToHashSet();
        if (keep.HistoryKeepAge is { } age)
            doomed.UnionWith(db.Rows(Needed + $"SELECT number FROM versions WHERE created_at < $1 AND {Free}", r => r.GetInt64(0),
                now - age));
        if (BytesInUse(db) > keep.HistoryKeepSize)
            doomed.UnionWith(BeyondSize(db, keep.HistoryKeepSize));
        return [.. doomed.Order()];
    }

    /// <summary>Removes the first of <paramref name="doomed"/>; gives how many of them were looked at.</summary>
    public int Remove(ReadOnlySpan<long> doomed)
    {
        using var db = history.Open();
        db.Begin();
        var (done, bytes) = (0, 0L);
        while (done < doomed.Length && done < VersionsAtOnce && bytes < BytesAtOnce)
        {
            var number = doomed[done++];
            bytes += db.Value("SELECT length(document) FROM versions WHERE number = $1", number) as long? ?? 0;
            db.Execute(Needed + $"DELETE FROM versions WHERE number = $1 AND {Free}", number);
        }
        db.Execute("DELETE FROM secret_spans WHERE last < (SELECT min(number) FROM versions)");
        db.Commit();
        return done;
    }

    /// <summary>Digests of files, secrets and modules that no version needs and no name points at.</summary>
    /// <param name="uploadedBefore">Modules younger than this stay: they were uploaded to be used.</param>
    public IReadOnlyList<string> Unused(DateTimeOffset uploadedBefore)
    {
        using var db = history.Open();
        return db.Rows("SELECT digest FROM modules m WHERE (kind IN ($1, $2) OR created_at < $3)"
            + " AND NOT EXISTS (SELECT 1 FROM version_modules v WHERE v.digest = m.digest)"
            + string.Format(CultureInfo.InvariantCulture, NotSpanned, "m.digest")
            + " AND NOT EXISTS (SELECT 1 FROM module_names n WHERE n.digest = m.digest)",
            r => r.GetString(0), StoredModules.FileKind, StoredModules.SecretKind, uploadedBefore);
    }

    /// <summary>False when a version or a name has come to need it.</summary>
    public bool RemoveUnused(string digest)
    {
        using var db = history.Open();
        db.Begin();
        var removed = db.Execute("DELETE FROM modules WHERE digest = $1 AND NOT EXISTS (SELECT 1 FROM version_modules WHERE digest = $1)"
            + string.Format(CultureInfo.InvariantCulture, NotSpanned, "$1")
            + " AND NOT EXISTS (SELECT 1 FROM module_names WHERE digest = $1)", digest) > 0;
        if (removed)
            db.Execute("DELETE FROM secret_spans WHERE digest = $1", digest);
        db.Commit();
        return removed;
    }

    /// <summary>Which of these the history does not have.</summary>
    public IReadOnlyList<string> Unknown(IEnumerable<string> digests)
    {
        using var db = history.Open();
        return [.. digests.Where(d => db.Value("SELECT 1 FROM modules WHERE digest = $1", d) is null)];
    }

    /// <summary>Gives some of the free pages back to the file system; false when there are few left.</summary>
    public bool GiveBack()
    {
        using var db = history.Open();
        if (Pragma(db, "auto_vacuum") == 0 || Pragma(db, "freelist_count") < FreePages + PagesAtOnce)
            return false;
        // A row for each page: only who reads them all gets them all done.
        db.Rows(string.Create(CultureInfo.InvariantCulture, $"PRAGMA incremental_vacuum({PagesAtOnce})"), _ => 0);
        return true;
    }

    // No version that is still there is within one of its spans.
    private const string NotSpanned = " AND NOT EXISTS (SELECT 1 FROM secret_spans s WHERE s.digest = {0} "
        + "AND EXISTS (SELECT 1 FROM versions WHERE number BETWEEN s.first AND coalesce(s.last, 9223372036854775807)))";

    private static long BytesInUse(HistoryConnection db)
        => (Pragma(db, "page_count") - Pragma(db, "freelist_count")) * Pragma(db, "page_size");

    private static long Pragma(HistoryConnection db, string name) => (long)db.Value("PRAGMA " + name)!;

    /// <summary>From the newest down as long as all together fit; what is kept in any case counts first.</summary>
    private static List<long> BeyondSize(HistoryConnection db, long most)
    {
        var files = db.Rows("SELECT v.version, v.digest, m.size FROM version_modules v JOIN modules m ON m.digest = v.digest",
            r => (Version: r.GetInt64(0), Digest: r.GetString(1), Size: r.GetInt64(2))).ToLookup(f => f.Version);
        var (sum, seen, doomed) = (0L, new HashSet<string>(StringComparer.Ordinal), new List<long>());
        foreach (var (number, bytes, free) in db.Rows(
            Needed + $"SELECT number, length(document), {Free} FROM versions ORDER BY {Free}, number DESC",
            r => (r.GetInt64(0), r.GetInt64(1), r.GetBoolean(2))))
        {
            sum += bytes + files[number].Sum(f => seen.Add(f.Digest) ? f.Size : 0);
            if (sum > most && free)
                doomed.Add(number);
        }
        return doomed;
    }
}
