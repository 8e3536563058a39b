using Microsoft.EntityFrameworkCore;

namespace Managed.Migrations.Tests;

public sealed class HistoryDatabaseTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-history-").FullName;

    public void Dispose()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Migrations_MakeExactlyTheModel()
    {
        using var db = Open();
        Assert.False(db.Database.HasPendingModelChanges(), "the model has changed: dotnet ef migrations add NAME --project migrations");
        HistoryDatabase.Migrate(db);
        Assert.Empty(db.Database.GetPendingMigrations());
        HistoryDatabase.Migrate(db); // twice is once
    }

    [Fact]
    public void Connections_AreDurable()
    {
        using (var db = Open())
            HistoryDatabase.Migrate(db);
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
        HistoryDatabase.Migrate(first);
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
        HistoryDatabase.Migrate(db);
        db.Versions.Add(new() { Number = 1, CreatedAt = DateTimeOffset.UtcNow, Author = "a", Source = "api", State = "active", Document = [], Digest = "", Summary = "{}" });
        db.Modules.Add(new() { Digest = "sha256:0", Kind = "lua", Size = 0, CreatedAt = DateTimeOffset.UtcNow, Author = "a", Content = [] });
        db.VersionModules.Add(new() { Version = 1, Digest = "sha256:0" });
        db.SaveChanges();
        Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => db.Modules.ExecuteDelete());
    }

    [Fact]
    public void FileThatIsNoDatabase_IsRefused()
    {
        File.WriteAllText(Path.Combine(_folder, "history.db"), new string('x', 8192));
        using var db = Open();
        Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => HistoryDatabase.Migrate(db));
    }

    [Theory]
    [InlineData("DROP TABLE tokens")]
    [InlineData("ALTER TABLE head DROP COLUMN previous_version")]
    [InlineData("DROP TABLE __EFMigrationsHistory")]
    public void TableOrColumnThatIsMissing_IsDamage(string sql)
    {
        using (var db = Open())
        {
            HistoryDatabase.Migrate(db);
            db.Database.ExecuteSqlRaw(sql);
        }
        using var again = Open();
        Assert.True(HistoryDatabase.IsDamage(Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => HistoryDatabase.Migrate(again))));
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
