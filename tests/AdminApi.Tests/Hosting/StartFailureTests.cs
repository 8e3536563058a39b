using System.Net;
using System.Net.Sockets;
using Managed.AdminApi.Hosting;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Tests.Hosting;

/// <summary>A start that fails says why in one line, without a stack, and ends with 1.</summary>
public sealed class StartFailureTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-test-").FullName;

    private string Data => Path.Combine(_folder, "data");

    [Fact]
    public async Task TooFewOpenFiles() => await FailsAsync("limit of open files is 200", Args(Config()), "ulimit -n 200");

    [Fact]
    public async Task ConfigThatIsAFolder() => await FailsAsync("cannot read", Args(_folder));

    [Fact]
    public async Task ConfigWithoutName() => await FailsAsync("cannot read", Args(""));

    [Fact]
    public async Task ConfigWithoutEnd() => await FailsAsync("is larger than 16 MiB", Args("/dev/zero"));

    [Fact]
    public async Task DataFolderThatIsAFile()
    {
        await File.WriteAllTextAsync(Data, "");
        await FailsAsync("cannot create the data folder", Args(Config()));
    }

    [Fact]
    public async Task DataFolderThatCannotBeWritten()
        => await FailsAsync("cannot write to the data folder /proc",
            ["run", "--config", Config(), "--data-dir", "/proc", "--admin", "127.0.0.1:0"]);

    [Fact]
    public async Task DataFolderWithoutName()
        => await FailsAsync("the name of the folder is empty", ["run", "--data-dir", "", "--admin", "127.0.0.1:0"]);

    [Theory]
    [InlineData("admin-token")]
    [InlineData("lock")]
    [InlineData("admin-address")]
    public async Task FolderInPlaceOfAFile(string name)
    {
        Directory.CreateDirectory(Path.Combine(Data, name));
        await FailsAsync(name, Args(Config()));
    }

    [Fact]
    public async Task AdminPortInUse()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        await FailsAsync("ddress already in use",
            ["run", "--config", Config(), "--data-dir", Data, "--admin", socket.LocalEndPoint!.ToString()!, "--workers", "1"]);
    }

    [Fact]
    public async Task ListenerPortInUse()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        await FailsAsync("ddress already in use",
            Args(Config(TestNode.Document.Replace("127.0.0.1:0", socket.LocalEndPoint!.ToString(), StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData("deployments")]
    [InlineData("head")]
    [InlineData("versions")]
    [InlineData("sessions")]
    public async Task MissingTable_IsSaidInALineOrMended(string table)
    {
        await using var node = await TestNode.StartAsync();
        try
        {
            await node.RestartAsync(() => Execute(node.DatabaseFile, $"PRAGMA foreign_keys=OFF; DROP TABLE {table}"));
        }
        catch (Exception e) when (e is not StartException)
        {
            Assert.Contains($"no such table: {table}", StartFailure.Describe(e));
            Assert.DoesNotContain('\n', StartFailure.Describe(e));
        }
    }

    [Fact]
    public async Task LockOfAMigrationThatWasKilled_HoldsNobody()
    {
        await using var node = await TestNode.StartAsync();
        await node.RestartAsync(() => Execute(node.DatabaseFile,
            "CREATE TABLE IF NOT EXISTS __EFMigrationsLock (Id INTEGER NOT NULL PRIMARY KEY, Timestamp TEXT NOT NULL); INSERT INTO "
                + "__EFMigrationsLock (Id, Timestamp) VALUES (1, '2026-11-29 12:00:00')")).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(1, await node.ActiveVersionAsync());
    }

    [Fact]
    public void Reasons_AreOneLine()
    {
        Assert.Equal("two lines (InvalidOperationException)",
            StartFailure.Describe(new AggregateException(
                new TypeInitializationException("X", new InvalidOperationException("two\n  lines")))));
        Assert.Equal("No space left on device", StartFailure.Describe(new IOException("No space left on device")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string[] Args(string config) => ["run", "--config", config, "--data-dir", Data, "--admin", "127.0.0.1:0", "--workers", "1"];

    private string Config(string text = TestNode.Document)
    {
        var file = Path.Combine(_folder, "config.yaml");
        File.WriteAllText(file, text);
        return file;
    }

    private static void Execute(string file, string sql)
    {
        using var db = new SqliteConnection($"Data Source={file};Pooling=False");
        db.Open();
        using var command = db.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static async Task FailsAsync(string reason, string[] args, string? shell = null)
    {
        var (code, output, errors) = await RunningProgram.EndAsync(args, shell);
        Assert.True(code == 1, $"exit {code}: {errors}");
        Assert.Empty(output);
        var lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(reason, Assert.Single(lines, l => l.StartsWith("managed: ", StringComparison.Ordinal)));
        Assert.All(lines, l => Assert.True(l.StartsWith("managed: ", StringComparison.Ordinal)
            || l.Contains(" info: ", StringComparison.Ordinal) || l.Contains(" warn: ", StringComparison.Ordinal)
                || l.Contains(" crit: ", StringComparison.Ordinal), l));
        Assert.DoesNotContain("   at ", errors);
        Assert.DoesNotContain("Exception", errors);
    }
}
