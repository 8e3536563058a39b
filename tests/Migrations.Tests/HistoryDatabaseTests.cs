using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Managed.Migrations.Tests;

public sealed class HistoryDatabaseTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-history-").FullName;

    public void Dispose()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    private HistoryAccess History => new(Path.Combine(_folder, "history.db"));

    [Fact]
    public void Migrations_MakeExactlyTheModel()
    {
        using var db = Open();
        Assert.False(db.Database.HasPendingModelChanges(), "the model has changed: dotnet ef migrations add NAME --project migrations");
        HistoryDatabase.Migrate(History);
        Assert.Empty(db.Database.GetPendingMigrations());
        HistoryDatabase.Migrate(History); // twice is once
    }

    [Fact]
    public void Schema_IsThatOfTheMigrations()
    {
        using var db = Open();
        Assert.Equal(db.Database.GetMigrations(), HistorySchema.Migrations);
        var tables = db.Model.GetEntityTypes().ToDictionary(e => e.GetTableName()!,
            e => string.Join(' ', e.GetProperties().Select(p => p.GetColumnName()).Order(StringComparer.Ordinal)));
        Assert.Equal(tables.OrderBy(t => t.Key), HistorySchema.Columns.OrderBy(t => t.Key));

        var script = string.Join('\n', db.GetService<IMigrator>().GenerateScript().ReplaceLineEndings("\n").Split('\n')
            .Where(l => l is not ("BEGIN TRANSACTION;" or "COMMIT;"))).Trim() + "\n";
        if (Environment.GetEnvironmentVariable("MANAGED_UPDATE_GOLDEN") == "1")
            File.WriteAllText(Path.Combine(RepositoryRoot(), "migrations", "history.sql"), script);
        using var made = new StreamReader(typeof(HistorySchema).Assembly.GetManifestResourceStream("history.sql")!);
        Assert.Equal(script, made.ReadToEnd());
    }

    [Fact]
    public void FileOfAnOlderRelease_IsMigrated()
    {
        using (var db = Open())
            db.Database.Migrate(); // as a release before wrote it
        HistoryDatabase.Migrate(History);
        using (var db = History.Open())
            db.Execute("DELETE FROM \"__EFMigrationsHistory\"; DROP TABLE head; DROP TABLE deployments; DROP TABLE version_modules; "
                + "DROP TABLE secret_spans; DROP TABLE module_names; "
                + "DROP TABLE versions; DROP TABLE modules; DROP TABLE sessions; DROP TABLE tokens;");
        HistoryDatabase.Migrate(History);
        using var again = Open();
        Assert.Empty(again.Database.GetPendingMigrations());
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Managed.sln")))
            folder = folder.Parent;
        return folder.FullName;
    }

    [Fact]
    public void Connections_AreDurable()
    {
        HistoryDatabase.Migrate(History);
        using var again = Open();
        Assert.Equal("wal", Pragma(again, "journal_mode"));
        Assert.Equal("2", Pragma(again, "synchronous")); // FULL
        Assert.Equal("5000", Pragma(again, "busy_timeout"));
        Assert.Equal("1", Pragma(again, "foreign_keys"));
    }

    [Fact]
    public void Head_IsOneRow_WrittenByCompareAndSet()
    {
        using var first = Open();
        HistoryDatabase.Migrate(History);
        first.Heads.Add(new());
        first.SaveChanges();
        using var second = Open();
        var (one, other) = (first.Heads.Single(), second.Heads.Single());
        (one.LastNumber, one.Revision) = (1, one.Revision + 1);
        first.SaveChanges();
        (other.LastNumber, other.Revision) = (2, other.Revision + 1);
        Assert.Throws<DbUpdateConcurrencyException>(() => second.SaveChanges());
        using var third = Open();
        third.Heads.Add(new() { Id = 2 });
        Assert.Throws<DbUpdateException>(() => third.SaveChanges());
    }

    [Fact]
    public void Module_ThatAVersionNeeds_CannotGo()
    {
        using var db = Open();
        HistoryDatabase.Migrate(History);
        db.Versions.Add(new() { Number = 1, CreatedAt = DateTimeOffset.UtcNow, Author = "a", Source = "api", State = "active",
            Document = [], Digest = "", Summary = "{}" });
        db.Modules.Add(new() { Digest = "sha256:0", Kind = "lua", Size = 0, CreatedAt = DateTimeOffset.UtcNow, Author = "a",
            Content = [] });
        db.VersionModules.Add(new() { Version = 1, Digest = "sha256:0" });
        db.SaveChanges();
        Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => db.Modules.ExecuteDelete());
    }

    [Fact]
    public void FileThatIsNoDatabase_IsRefused()
    {
        File.WriteAllText(Path.Combine(_folder, "history.db"), new string('x', 8192));
        Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => HistoryDatabase.Migrate(History));
    }

    [Theory]
    [InlineData("DROP TABLE tokens")]
    [InlineData("ALTER TABLE head DROP COLUMN previous_version")]
    [InlineData("DROP TABLE __EFMigrationsHistory")]
    public void TableOrColumnThatIsMissing_IsDamage(string sql)
    {
        using (var db = Open())
        {
            HistoryDatabase.Migrate(History);
            db.Database.ExecuteSqlRaw(sql);
        }
        Assert.True(HistoryDatabase.IsDamage(Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => HistoryDatabase.Migrate(History))));
    }

    private HistoryContext Open() => new(HistoryDatabase.Options(Path.Combine(_folder, "history.db")));

    private static string Pragma(HistoryContext db, string name)
    {
        db.Database.OpenConnection();
        using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = $"PRAGMA {name}";
        return command.ExecuteScalar()!.ToString()!;
    }
}
