using System.Net;
using System.Text;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Versions;
using Managed.Migrations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>What the history keeps, what it lets go, and what it says of that.</summary>
public sealed class RetentionTests : IAsyncLifetime
{
    private readonly SetTime _time = new() { Now = DateTimeOffset.UtcNow };
    private TestNode _node = null!;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task VersionsBeyondTheCount_AreGone_AndSaySo()
    {
        for (var i = 0; i < 12; i++)
            await ChangeAsync(i);
        await SweepAsync(new() { HistoryKeep = 5 });
        Assert.Equal([9, 10, 11, 12, 13], await KeptAsync());
        foreach (var path in new[] { "versions/3", "versions/3/config", "versions/3/diff/13", "versions/13/diff/3" })
        {
            var gone = (await _node.GetAsync(path)).IsProblem(HttpStatusCode.Gone, "VERSION_PRUNED");
            Assert.Contains("--history-keep", gone.Json.GetProperty("detail").GetString());
            Assert.Equal(9, gone.Json.GetProperty("oldest_version").GetInt64());
        }
        (await _node.PostAsync("versions/3/rollback")).IsProblem(HttpStatusCode.Gone, "VERSION_PRUNED");
        (await _node.PostAsync("versions/9/revert")).IsProblem(HttpStatusCode.Gone, "VERSION_PRUNED"); // what it was made from
        (await _node.PostAsync("config/diff", """{"from":3,"to":"active"}""")).IsProblem(HttpStatusCode.Gone, "VERSION_PRUNED");
        (await _node.GetAsync("versions/99")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        Assert.Equal(5, (await _node.GetAsync("versions")).Json.GetProperty("total_size").GetInt64());
        Assert.Equal(5, (await _node.GetAsync("deployments")).Json.GetProperty("total_size").GetInt64());
        Assert.Equal(14, (await ChangeAsync(99)).Version);
    }

    [Fact]
    public async Task WhatIsInUsePinnedOrLabelled_Stays()
    {
        await ChangeAsync(0); // 2
        (await _node.MergeAsync("versions/1", """{"pinned":true}""")).Is(HttpStatusCode.OK);
        (await _node.MergeAsync("versions/2", """{"labels":{"release":"1.4"}}""")).Is(HttpStatusCode.OK);
        for (var i = 1; i < 6; i++)
            await ChangeAsync(i);
        var trial = (await _node.PutAsync("clusters/spare?confirm_within=1h", """{"endpoints":["127.0.0.1:99"]}""")).Is(HttpStatusCode.OK);
        for (var i = 6; i < 10; i++)
            await ChangeAsync(i);
        await SweepAsync(new() { HistoryKeep = 1 });
        Assert.Equal([1, 2, 7, 8, 11, 12], await KeptAsync()); // 8 is the trial, 7 what it would go back to
        var id = trial.Headers.GetValues("Config-Deployment").Single();
        (await _node.PostAsync($"deployments/{id}/abort")).Is(HttpStatusCode.OK);
        Assert.DoesNotContain(":99", (await _node.GetAsync("clusters/spare")).Body);
        (await _node.PostAsync("rollback")).Is(HttpStatusCode.OK);

        (await _node.MergeAsync("versions/1", """{"pinned":false}""")).Is(HttpStatusCode.OK);
        (await _node.MergeAsync("versions/2", """{"labels":{"release":null}}""")).Is(HttpStatusCode.OK);
        await SweepAsync(new() { HistoryKeep = 1 });
        Assert.Equal([13, 14], await KeptAsync());
    }

    [Fact]
    public async Task OldVersions_AreGone_TheActiveOneStays()
    {
        await ChangeAsync(0);
        await ChangeAsync(1);
        await SweepAsync(new() { HistoryKeepAge = TimeSpan.FromDays(90) });
        Assert.Equal([1, 2, 3], await KeptAsync());
        _time.Now += TimeSpan.FromDays(91);
        await SweepAsync(new() { HistoryKeepAge = TimeSpan.FromDays(90) });
        Assert.Equal([2, 3], await KeptAsync());
    }

    [Fact]
    public async Task VersionsAndFilesBeyondTheSize_AreGone_AndTheFileIsShorter()
    {
        for (var i = 0; i < 8; i++)
            (await _node.PutAsync("listeners/big", $$$$$"""
                {"address":"127.0.0.1:0",
                 "routes":[{"match":{"prefix":"/"},"direct_response":{"status":200},
                 "metadata":{"filter_metadata":{"x":{"bytes":"{{{{{Noise(1 << 20)}}}}}"}}}}]}
                """)).IsOneOf(HttpStatusCode.OK, HttpStatusCode.Created);
        var before = DatabaseBytes();
        Assert.True(before > 5 << 20, $"{before}");
        await SweepAsync(new() { HistoryKeepSize = 3 << 20 });
        Assert.Equal([7, 8, 9], await KeptAsync());
        var after = DatabaseBytes();
        Assert.True(after < before - (2 << 20), $"{after} of {before} bytes are left");
        await _node.RestartAsync();
        Assert.Equal(9, await _node.ActiveVersionAsync());
    }

    [Fact]
    public async Task FilesAndModulesThatNothingNeeds_GoAfterAWhile()
    {
        var file = Path.Combine(_node.Folder, "page.txt");
        async Task<Answer> WithBodyAsync(string text)
        {
            await File.WriteAllTextAsync(file, text);
            return (await _node.PutAsync("listeners/files", $$$$$"""
                {"address":"127.0.0.1:0","routes":[{"match":{"prefix":"/"},"direct_response":{"status":200,"body":{"filename":"{{{{{file}}}}}"}}}]}
                """)).IsOneOf(HttpStatusCode.OK, HttpStatusCode.Created);
        }
        IEnumerable<string> Copies() =>
            Directory.GetFiles(Path.Combine(_node.Folder, "data", "modules"), "*.file").Select(File.ReadAllText);
        await WithBodyAsync("one");
        await _node.RestartAsync(null, "--allow-files", _node.Folder);
        Assert.Equal(["one"], Copies()); // for the day when the history cannot be read
        await WithBodyAsync("two");
        await WithBodyAsync("three");
        (await _node.SendAsync("POST", "modules?name=kept", "-- kept", "text/x-lua")).Is(HttpStatusCode.Created);
        (await _node.SendAsync("POST", "modules", "-- nobody's", "text/x-lua")).Is(HttpStatusCode.Created);
        using var retention = Retention(new() { HistoryKeep = 1 });
        Assert.NotNull(await retention.SweepAsync());
        Assert.Equal(5, Blobs().Count); // something that is being made may name them
        _time.Now += TimeSpan.FromHours(1);
        Assert.Null(await retention.SweepAsync());
        Assert.Equal(["-- kept", "-- nobody's", "three", "two"], Blobs().Order(StringComparer.Ordinal)); // active, and the one before
        UploadedLongAgo();
        await retention.SweepAsync();
        (await _node.SendAsync("POST", "modules", "-- nobody's", "text/x-lua")).Is(HttpStatusCode.OK); // wanted once more
        _time.Now += TimeSpan.FromHours(1);
        await retention.SweepAsync();
        Assert.Contains("-- nobody's", Blobs());
        UploadedLongAgo();
        await retention.SweepAsync();
        _time.Now += TimeSpan.FromHours(1);
        await retention.SweepAsync();
        Assert.Equal(["-- kept", "three", "two"], Blobs().Order(StringComparer.Ordinal));
        Assert.DoesNotContain("one", Copies());
        (await _node.PostAsync("rollback")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task WhatAVersionNeedsThatCameIntoANewHistory_Stays()
    {
        var file = Path.Combine(_node.Folder, "page.txt");
        await File.WriteAllTextAsync(file, "the page");
        (await _node.PutAsync("listeners/files", $$$$$"""
            {"address":"127.0.0.1:0","routes":[{"match":{"prefix":"/"},"direct_response":{"status":200,"body":{"filename":"{{{{{file}}}}}"}}}]}
            """)).Is(HttpStatusCode.Created);
        (await _node.PutAsync("secrets/word", """{"generic_secret":{"secret":{"inline_string":"open sesame"}}}"""))
            .Is(HttpStatusCode.Created);
        await _node.RestartAsync(null, "--allow-files", _node.Folder); // copies are made as it is read
        await _node.RestartAsync(() => File.WriteAllText(Path.Combine(_node.Folder, "data", "history.db"), "nothing of a database"),
            "--allow-files", _node.Folder);
        Assert.Equal(3, await _node.ActiveVersionAsync());
        var blobs = Blobs().Count;
        Assert.Equal(2, blobs);
        UploadedLongAgo();
        using var retention = Retention(new() { HistoryKeep = 1 });
        await retention.SweepAsync();
        _time.Now += TimeSpan.FromDays(2);
        await retention.SweepAsync();
        Assert.Equal(blobs, Blobs().Count);
    }

    [Fact]
    public async Task APublication_BringsASweep()
    {
        await _node.RestartAsync(null, "--history-keep", "2");
        for (var i = 0; i < 6; i++)
            await ChangeAsync(i);
        await Managed.TestKit.Eventually.TrueAsync(async () => (await KeptAsync()) is [6, 7], "older versions to go");
    }

    [Fact]
    public async Task PinnedVersions_HaveABound()
    {
        using (var db = History.Open())
        {
            db.Begin();
            for (var i = 0; i < VersionStore.MostKept; i++)
                db.Execute("INSERT INTO versions (number, created_at, author, source, labels, pinned, state, document, digest, added, "
                    + "changed, removed, summary) VALUES ($1, 0, 'a', 'api', '{}', 1, 'superseded', x'', '', 0, 0, 0, '{}')", -1 - i);
            db.Commit();
        }
        (await _node.MergeAsync("versions/1", """{"pinned":true}""")).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        (await _node.MergeAsync("versions/1", """{"comment":"no more"}""")).Is(HttpStatusCode.OK);
    }

    private HistoryAccess History => _node.Host.Services.GetRequiredService<HistoryAccess>();

    private Retention Retention(RunOptions keep)
    {
        var services = _node.Host.Services;
        return new(services.GetRequiredService<HistoryPruner>(), services.GetRequiredService<Publisher>(),
            services.GetRequiredService<ActiveConfiguration>(), services.GetRequiredService<StoredModules>(), keep, _time,
            NullLogger<Retention>.Instance);
    }

    private async Task SweepAsync(RunOptions keep)
    {
        using var retention = Retention(keep);
        await retention.SweepAsync();
    }

    private async Task<Answer> ChangeAsync(int i) =>
        (await _node.PutAsync("clusters/changing", "{\"endpoints\":[\"127.0.0.1:9\"],\"connect_timeout\":\"" + (i + 1) + "s\"}"))
            .IsOneOf(HttpStatusCode.OK, HttpStatusCode.Created);

    private async Task<IReadOnlyList<long>> KeptAsync() => [.. (await _node.GetAsync("versions?page_size=100")).Is(HttpStatusCode.OK).Json
        .GetProperty("items").EnumerateArray().Select(v => v.GetProperty("version").GetInt64()).Order()];

    private List<string> Blobs()
    {
        using var db = History.Open();
        return db.Rows("SELECT content FROM modules", r => Encoding.UTF8.GetString(r.GetFieldValue<byte[]>(0)));
    }

    private void UploadedLongAgo()
    {
        using var db = History.Open();
        db.Execute("UPDATE modules SET created_at = 0");
    }

    private long DatabaseBytes()
    {
        using var db = History.Open();
        return (long)db.Value("PRAGMA page_count")! * (long)db.Value("PRAGMA page_size")!;
    }

    private static string Noise(int bytes)
    {
        var noise = new byte[bytes * 3 / 4];
        Random.Shared.NextBytes(noise);
        return Convert.ToBase64String(noise);
    }
}
