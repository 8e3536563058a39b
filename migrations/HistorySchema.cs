using System.Reflection;

namespace Managed.Migrations;

/// <summary>
/// What the migrations come to, without the mapper: <c>history.sql</c> is what they write for an empty file (a test compares the two, and
/// writes it anew with MANAGED_UPDATE_GOLDEN=1).
/// </summary>
public static class HistorySchema
{
    /// <summary>All migrations, the newest last.</summary>
    public static readonly IReadOnlyList<string> Migrations = ["20261122223303_InitialHistory", "20261130180000_VersionComments",
        "20261130230000_RevertRules", "20261201030000_SecretSpans"];

    /// <summary>The <c>user_version</c> of a history in which no secret stands as it is; those of older programs have 0.</summary>
    public const long WithoutPlainSecrets = 2;

    /// <summary>The columns of each table.</summary>
    public static readonly IReadOnlyDictionary<string, string> Columns = new Dictionary<string, string>
    {
        ["deployments"] = "confirm_deadline duration_ms errors finished_at id prepare_ms previous_version revert_rule started_at state "
            + "version workers",
        ["head"] = "active_version id last_number previous_version revision",
        ["module_names"] = "digest name updated_at",
        ["modules"] = "abi author content created_at digest exports imports kind size",
        ["secret_spans"] = "digest first last",
        ["sessions"] = "expires_at hash name role",
        ["tokens"] = "created_at hash name role",
        ["version_modules"] = "digest version",
        ["versions"] = "added author base_version changed comment comments created_at digest document labels number pinned "
            + "removed restores source state summary",
    };

    /// <summary>Fills an empty file, all or nothing.</summary>
    internal static void Make(HistoryConnection db)
    {
        using var script = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream("history.sql")!);
        db.Begin();
        db.Execute(script.ReadToEnd());
        db.Execute($"PRAGMA user_version = {WithoutPlainSecrets}");
        db.Commit();
    }

    /// <summary>Every migration was applied.</summary>
    internal static bool IsCurrent(HistoryConnection db) =>
        db.Value("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '__EFMigrationsHistory'") is 1L
        && db.Rows("SELECT \"MigrationId\" FROM \"__EFMigrationsHistory\"", r => r.GetString(0)) is var applied
        && Migrations.All(applied.Contains);

    /// <summary>A table or column that is missing is found here and not by the first call that needs it.</summary>
    internal static void Check(HistoryConnection db)
    {
        foreach (var (table, columns) in Columns)
            // With the table's name before it: a name in quotes that is no column is a text to SQLite.
            db.Execute($"SELECT {string.Join(", ", columns.Split(' ').Select(c => $"t.\"{c}\""))} FROM \"{table}\" t LIMIT 0");
    }
}
