using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Managed.Migrations;

/// <summary>How the history file is opened: WAL, every commit on the disk before it returns, foreign keys, at most 5 s of waiting for a lock.</summary>
public static class HistoryDatabase
{
    public static DbContextOptions<HistoryContext> Options(string file)
    {
        var connection = new SqliteConnectionStringBuilder { DataSource = file, ForeignKeys = true, DefaultTimeout = 5, Pooling = true };
        return new DbContextOptionsBuilder<HistoryContext>()
            .UseSqlite(connection.ConnectionString)
            .AddInterceptors(new DurablePragmas())
            .Options;
    }

    /// <summary>Creates the file or brings it up to the newest migration. Throws <see cref="SqliteException"/> when it is not a sound database.</summary>
    public static void Migrate(HistoryContext context)
    {
        context.Database.ExecuteSqlRaw("PRAGMA journal_mode=WAL");
        // The data folder is this process's alone, so a lock in it was left by one that was killed; the framework would wait for it without end.
        context.Database.ExecuteSqlRaw("DROP TABLE IF EXISTS \"__EFMigrationsLock\"");
        context.Database.Migrate();
        var verdict = context.Database.SqlQueryRaw<string>("PRAGMA quick_check(1)").AsEnumerable().First();
        if (verdict != "ok")
            throw new SqliteException($"the database is damaged: {verdict}", 11); // SQLITE_CORRUPT
    }

    /// <summary>Pragmas that belong to a connection, not to the file. FULL: in WAL mode anything less may lose acknowledged commits at a power cut.</summary>
    private sealed class DurablePragmas : DbConnectionInterceptor
    {
        private const string Pragmas = "PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;";

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
        {
            using var command = connection.CreateCommand();
            command.CommandText = Pragmas;
            command.ExecuteNonQuery();
        }

        public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = Pragmas;
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
