using System.Net;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Versions;
using Managed.TestKit;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>Which version a start serves, for every state of the history together with every state of the last good copy.</summary>
public sealed class StartStateTests(StartFixture fixture) : IClassFixture<StartFixture>, IDisposable
{
    private const int Nothing = 0;
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-state-").FullName;

    private string Data => Path.Combine(_folder, "data");
    private string Database => Path.Combine(Data, "history.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string, string, int> Combinations()
    {
        string[] histories = ["good", "killed", "empty", "truncated", "cut", "garbage", "missing", "no-head", "no-tokens", "no-migrations",
            "no-rows", "torn"];
        (string, int)[] copies = [("good", 3), ("older", 2), ("newer", 4), ("missing", 0), ("garbage", 0), ("empty", 0)];
        var data = new TheoryData<string, string, int>();
        foreach (var history in histories)
            foreach (var (copy, number) in copies)
                data.Add(history, copy, Math.Max(number,
                    history switch { "good" or "killed" or "no-tokens" or "no-migrations" => 3, "torn" => 2, _ => Nothing }));
        return data;
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public async Task Start_ServesTheNewestAcknowledgedVersionThatIsLeft_AndSaysWhenThatIsNotTheHistorys(string history, string copy,
        int expected)
    {
        Arrange(history, copy);
        await using var node = await StartedNode.StartAsync(Data);
        Assert.Equal(expected, node.Served);
        Assert.DoesNotContain(node.Host.Proxy.Listeners(), l => l.BoundAddress?.ToString() == "127.0.0.1:10000"); // the starter's
        var whole = history is "good" or "killed" && expected == 3 || history == "torn" && expected == 2;
        Assert.Equal(whole, node.Degraded is null);
        Assert.Equal(!whole, (await node.GetAsync("/api/v1/status")).Contains("\"state\":\"degraded\"", StringComparison.Ordinal));
        if (!whole)
            Assert.Equal(expected == Nothing ? Degradation.Nothing : node.Degraded!.Serving, node.Degraded!.Serving);

        // The history takes changes at once, under numbers that were not given before.
        using var answer = await node.PutClusterAsync("after");
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.True(node.Served > expected);
        Assert.Null(node.Degraded);
        var kept = Directory.GetFiles(Data, "history.db.damaged-*");
        Assert.Equal(history is "truncated" or "cut" or "garbage" or "no-head" or "no-tokens" or "no-migrations", kept.Length > 0);
    }

    [Fact]
    public async Task RestartAfterMending_IsWhole()
    {
        Arrange("garbage", "good");
        await using (var node = await StartedNode.StartAsync(Data))
            Assert.Contains("set aside as history.db.damaged-", node.Degraded!.Reason);
        await using var again = await StartedNode.StartAsync(Data);
        Assert.Null(again.Degraded);
        Assert.Equal(3, again.Served);
    }

    [Fact]
    public async Task NewFolder_GetsTheStarterOrTheFile_AlsoAfterAFirstStartThatFailed()
    {
        var file = Path.Combine(_folder, "config.yaml");
        await File.WriteAllTextAsync(file, "listeners: [{name: edge, address: 'nonsense'}]");
        await Assert.ThrowsAsync<StartException>(() => StartedNode.StartAsync(Data, "--config", file));
        await File.WriteAllTextAsync(file, TestNode.Document);
        await using var node = await StartedNode.StartAsync(Data, "--config", file);
        Assert.Equal(1, node.Served);
        Assert.Null(node.Degraded);
    }

    [Theory]
    [InlineData("history.db")]
    [InlineData("history.db-wal")]
    [InlineData("admin-token")]
    [InlineData("last-good.json")]
    public async Task FolderWithATraceOfAFormerLife_GetsNoStarter(string trace)
    {
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, trace), "");
        await using var node = await StartedNode.StartAsync(Data);
        Assert.Equal(Degradation.Nothing, node.Degraded!.Serving);
        Assert.Empty(node.Host.Proxy.Listeners());
    }

    [Fact]
    public async Task HistoryLockedByAnotherProcess_IsTakenUpWhenTheLockGoes()
    {
        Arrange("good", "older");
        await using var node = await LockedStartAsync();
        await Eventually.Async(() => node.Served == 3 && node.Degraded is null, "version 3 is served", 60);
        using var answer = await node.PutClusterAsync("after");
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Empty(Directory.GetFiles(Data, "history.db.damaged-*"));
    }

    private async Task<StartedNode> LockedStartAsync()
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        using (var command = connection.CreateCommand())
        {
            command.CommandText = "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE head SET revision = revision; COMMIT;";
            command.ExecuteNonQuery();
        }
        var node = await StartedNode.StartAsync(Data);
        Assert.Equal(2, node.Served); // the copy is what can be read
        Assert.False(node.Degraded!.StoreUsable);
        using var refused = await node.PutClusterAsync("refused");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        return node;
    }

    private void Arrange(string history, string copy)
    {
        StartFixture.CopyFolder(history is "killed" or "torn" ? fixture.Killed : fixture.Closed, Data);
        switch (history)
        {
            case "empty": File.WriteAllBytes(Database, []); break;
            case "missing": File.Delete(Database); break;
            case "garbage": File.WriteAllBytes(Database, [.. Enumerable.Range(0, 20_000).Select(i => (byte)(i * 31 + i / 7))]); break;
            case "truncated": Cut(Database, 4096 + 100); break;
            case "cut": Cut(Database, 90); break;
            case "no-head": Execute("DROP TABLE head"); break;
            case "no-tokens": Execute("DROP TABLE tokens"); break;
            case "no-migrations": Execute("DROP TABLE __EFMigrationsHistory"); break;
            case "no-rows": Execute("DELETE FROM head; DELETE FROM deployments; DELETE FROM versions;"); break;
            case "torn": TearOffLastCommits(); break;
        }
        var file = Path.Combine(Data, "last-good.json");
        switch (copy)
        {
            case "older": File.WriteAllText(file, fixture.OlderCopy); break;
            case "newer": File.WriteAllText(file, fixture.Copy.Replace("\"version\":3", "\"version\":4", StringComparison.Ordinal)); break;
            case "missing": File.Delete(file); break;
            case "garbage": File.WriteAllText(file, "\0\0 no JSON"); break;
            case "empty": File.WriteAllText(file, ""); break;
        }
    }

    private static void Cut(string file, long length)
    {
        using var stream = File.OpenWrite(file);
        stream.SetLength(Math.Min(length, stream.Length));
    }

    /// <summary>Shortens the log until the history ends with version 2, in the middle of a frame.</summary>
    private void TearOffLastCommits()
    {
        var log = Database + "-wal";
        var whole = File.ReadAllBytes(log);
        for (var length = whole.Length - 1000; length > 32; length -= 1000)
        {
            var probe = Path.Combine(_folder, "probe");
            Directory.CreateDirectory(probe);
            File.Copy(Database, Path.Combine(probe, "history.db"), overwrite: true);
            File.WriteAllBytes(Path.Combine(probe, "history.db-wal"), whole[..length]);
            using (var connection = new SqliteConnection($"Data Source={Path.Combine(probe, "history.db")};Pooling=False"))
            {
                connection.Open();
                using var command = connection.CreateCommand();
                command.CommandText = "SELECT active_version FROM head";
                if (command.ExecuteScalar() is 2L)
                {
                    File.WriteAllBytes(log, whole[..length]);
                    File.Delete(Database + "-shm");
                    return;
                }
            }
            Directory.Delete(probe, recursive: true);
        }
        Assert.Fail("no place in the log where version 2 is the active one");
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False;Foreign Keys=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
