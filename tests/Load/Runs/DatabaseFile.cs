using Microsoft.Data.Sqlite;

namespace Managed.Load.Runs;

/// <summary>Checks the database that a killed process left, on a copy: opening it would recover it before the product can.</summary>
internal static class DatabaseFile
{
    public static void Check(string dataFolder, Verdict verdict, int round)
    {
        var copy = Directory.CreateTempSubdirectory("managed-load-db-");
        try
        {
            foreach (var file in new[] { "history.db", "history.db-wal" })
                if (File.Exists(Path.Combine(dataFolder, file)))
                    File.Copy(Path.Combine(dataFolder, file), Path.Combine(copy.FullName, file));
            using var connection = new SqliteConnection($"Data Source={Path.Combine(copy.FullName, "history.db")};Pooling=False");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA integrity_check";
            var answer = command.ExecuteScalar() as string;
            verdict.Expect(answer == "ok", $"round {round}: the database is damaged: {answer}");
            command.CommandText = "PRAGMA foreign_key_check";
            verdict.Expect(command.ExecuteScalar() is null, $"round {round}: the database breaks a foreign key");
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }
}
