using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Managed.Migrations;

/// <summary>
/// How the history file is opened: WAL, every commit on the disk before it returns, foreign keys, at most 5 s of waiting for a lock.
/// </summary>
public static class HistoryDatabase
{
    // Primary result codes, https://www.sqlite.org/rescode.html
    private const int GenericError = 1, Corrupt = 11, Format = 24, NotADatabase = 26;
    private const int ShortRead = 522; // SQLITE_IOERR_SHORT_READ: the file ends before its last page

    /// <summary>FULL: in WAL mode anything less may lose acknowledged commits at a power cut.</summary>
    // The log is merged each megabyte: on a disk without room for what the file grows by it could not be any more.
    internal const string Durable =
        "PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; PRAGMA journal_size_limit=16777216; PRAGMA wal_autocheckpoint=250;";

    public static DbContextOptions<HistoryContext> Options(string file) => Options(file, () => Durable);

    /// <param name="pragmas">Asked at each opening.</param>
    internal static DbContextOptions<HistoryContext> Options(string file, Func<string> pragmas)
        => new DbContextOptionsBuilder<HistoryContext>().UseSqlite(ConnectionString(file)).AddInterceptors(new Pragmas(pragmas)).Options;

    internal static string ConnectionString(string file) =>
        new SqliteConnectionStringBuilder { DataSource = file, ForeignKeys = true, DefaultTimeout = 5, Pooling = true }.ConnectionString;

    /// <summary>
    /// A connection that reads a history whose disk takes nothing: in exclusive locking mode the index of the write-ahead log is in
    /// memory instead of a file beside it, and what is closed is not merged. One at a time; nobody else may have the file open.
    /// </summary>
    public static HistoryConnection OpenForReading(string file) => HistoryConnection.Open(
        new SqliteConnectionStringBuilder { DataSource = file, DefaultTimeout = 1, Pooling = false }.ConnectionString,
            "PRAGMA busy_timeout=0; PRAGMA locking_mode=EXCLUSIVE;");

    /// <summary>
    /// Creates the file or brings it up to the newest migration, and checks it. A history that is up to date is only read, so a full
    /// disk does not keep a process from starting. Throws <see cref="SqliteException"/> when it is not a sound database.
    /// </summary>
    public static void Migrate(HistoryAccess history)
    {
        using var db = history.Open();
        var isEmpty = db.Value("SELECT count(*) FROM sqlite_schema") is 0L;
        if (isEmpty)
            db.Execute("PRAGMA auto_vacuum=INCREMENTAL"); // so that it can get shorter; counts only before anything is in the file
        if (db.Value("PRAGMA journal_mode") as string != "wal")
            db.Execute("PRAGMA journal_mode=WAL");
        if (isEmpty)
            HistorySchema.Make(db);
        else if (!HistorySchema.IsCurrent(db))
            MigrateByMapper(history);
        if (db.Value("PRAGMA quick_check(1)") is var verdict && verdict as string != "ok")
            throw new SqliteException($"the database is damaged: {verdict}", Corrupt);
        HistorySchema.Check(db);
    }

    /// <summary>Whether this program needs no other tables than the file has. Only reads.</summary>
    public static bool IsCurrent(HistoryAccess history)
    {
        using var db = history.Open();
        return HistorySchema.IsCurrent(db);
    }

    private static void MigrateByMapper(HistoryAccess history)
    {
        using var context = history.Map();
        // The data folder is this process's alone, so a lock in it was left by one that was killed; the framework would wait for it without
        // end.
        context.Database.ExecuteSqlRaw("DROP TABLE IF EXISTS \"__EFMigrationsLock\"");
        context.Database.Migrate();
    }

    /// <summary>
    /// Whether an error says that the file itself is not what it has to be: trying again will not help. Everything else (a full disk, a
    /// lock, a lack of rights, of memory or descriptors) may pass, and the file must be kept where it is.
    /// </summary>
    public static bool IsDamage(SqliteException error) =>
        error.SqliteErrorCode is GenericError or Corrupt or Format or NotADatabase || error.SqliteExtendedErrorCode == ShortRead;

    /// <summary>Pragmas that belong to a connection, not to the file.</summary>
    private sealed class Pragmas(Func<string> text) : DbConnectionInterceptor
    {
        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
        {
            using var command = connection.CreateCommand();
            command.CommandText = text();
            command.ExecuteNonQuery();
        }

        public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData,
            CancellationToken cancellationToken = default)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = text();
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
