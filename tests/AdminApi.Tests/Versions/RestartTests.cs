using System.Net;
using Managed.AdminApi.Hosting;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>What is served after a start: from the history, and when that is damaged.</summary>
public sealed class RestartTests
{
    private const string Cluster = """{"endpoints":["127.0.0.1:9"]}""";

    [Fact]
    public async Task Restart_ServesTheLastActiveVersion()
    {
        await using var node = await TestNode.StartAsync();
        var made = await node.PutAsync("clusters/kept", Cluster);
        await node.RestartAsync();
        Assert.Equal(made.Version, await node.ActiveVersionAsync());
        Assert.Equal(made.Version, node.Host.Proxy.Current!.Version);
        (await node.GetAsync("clusters/kept")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Restart_WithTheSameFile_MakesNoVersion_AndWithAnotherOneDoes()
    {
        await using var node = await TestNode.StartAsync();
        var file = Path.Combine(node.Folder, "config.yaml");
        await node.RestartAsync(null, "--config", file);
        Assert.Equal(1, await node.ActiveVersionAsync());
        await node.RestartAsync(() => File.AppendAllText(file, "\n- {name: more, endpoints: [127.0.0.1:9]}\n"), "--config", file);
        Assert.Equal(2, await node.ActiveVersionAsync());
        Assert.Equal("file", (await node.GetAsync("versions/2")).Json.GetProperty("source").GetString());
    }

    [Fact]
    public async Task CrashBetweenRecordAndOutcome_LeavesTheHead()
    {
        await using var node = await TestNode.StartAsync();
        var made = await node.PutAsync("clusters/kept", Cluster);
        await node.RestartAsync(() => Execute(node, """
            insert into versions(number, created_at, author, source, comment, labels, pinned, base_version, restores, state, document, digest, added, changed, removed, summary)
            select number + 1, created_at, author, source, comment, labels, pinned, base_version, restores, 'pending', document, digest, added, changed, removed, summary from versions order by number desc limit 1;
            insert into deployments(id, version, state, started_at, prepare_ms, duration_ms, workers) select 'd-crashed', max(number), 'preparing', 0, 0, 0, '[]' from versions;
            update head set last_number = last_number + 1;
            """));
        Assert.Equal(made.Version, await node.ActiveVersionAsync());
        Assert.Equal("rejected", (await node.GetAsync($"versions/{made.Version + 1}")).Json.GetProperty("state").GetString());
        Assert.Equal("failed", (await node.GetAsync("deployments/d-crashed")).Json.GetProperty("state").GetString());
        Assert.Equal(made.Version + 2, (await node.PutAsync("clusters/next", Cluster)).Version);
    }

    [Fact]
    public async Task BrokenDatabase_ServesTheLastGoodCopy_AndSaysSo()
    {
        await using var node = await TestNode.StartAsync();
        var made = await node.PutAsync("clusters/kept", Cluster);
        await node.RestartAsync(() =>
        {
            foreach (var file in Directory.GetFiles(Path.GetDirectoryName(node.DatabaseFile)!, "history.db*"))
                File.Delete(file);
            File.WriteAllText(node.DatabaseFile, "this is no database at all, but long enough to be looked at as one");
        });
        Assert.Equal(made.Version, node.Host.Proxy.Current!.Version);
        (await node.GetAsync("clusters/kept")).Is(HttpStatusCode.OK);
        Assert.Contains("DEGRADED", (await node.GetAsync("/ready")).Is(HttpStatusCode.OK).Body);
        var status = (await node.GetAsync("status")).Is(HttpStatusCode.OK).Json;
        Assert.Equal("last-good.json", status.GetProperty("degraded").GetProperty("serving").GetString());
        Assert.Equal(made.Version, (await node.GetAsync("versions")).Is(HttpStatusCode.OK).Json.GetProperty("items")[0]
            .GetProperty("version").GetInt64());
        Assert.Equal(made.Version + 1, (await node.PutAsync("clusters/more", Cluster)).Is(HttpStatusCode.Created).Version);
    }

    [Fact]
    public async Task DamagedVersion_ServesTheLastGoodCopy_UntilAWriteMendsIt()
    {
        await using var node = await TestNode.StartAsync();
        await node.PutAsync("clusters/kept", Cluster);
        await node.RestartAsync(() => Execute(node,
            "update versions set digest = 'damaged' where number = (select active_version from head)"));
        Assert.Equal("degraded", (await node.GetAsync("status")).Json.GetProperty("state").GetString());
        (await node.GetAsync("clusters/kept")).Is(HttpStatusCode.OK);
        (await node.PutAsync("clusters/more", Cluster)).Is(HttpStatusCode.Created);
        Assert.Equal("live", (await node.GetAsync("status")).Json.GetProperty("state").GetString());
        await node.RestartAsync();
        Assert.Equal("live", (await node.GetAsync("status")).Json.GetProperty("state").GetString());
    }

    [Fact]
    public async Task SecondProcessOnTheSameFolder_IsRefusedInOneLine()
    {
        await using var node = await TestNode.StartAsync();
        var refused = await Assert.ThrowsAsync<StartException>(() =>
            ManagedHost.StartAsync("--data-dir", Path.Combine(node.Folder, "data"), "--admin", "127.0.0.1:0"));
        Assert.Contains("is in use by another process", refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
    }

    private static void Execute(TestNode node, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={node.DatabaseFile};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
