using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Cache;

/// <summary>The cache with files through a listener: what it keeps outlives the process.</summary>
public sealed class FileCacheTests : IAsyncLifetime
{
    private const string Type = "type.googleapis.com/envoy.extensions.http.cache.file_system_http_cache.v3.FileSystemHttpCacheConfig";
    private readonly string _folder = Directory.CreateTempSubdirectory("cache").FullName;
    private readonly RecordingUpstream _upstream = RecordingUpstream.Start("up");

    public ValueTask InitializeAsync()
    {
        _upstream.Answer = r => "HTTP/1.1 200 X\r\ncache-control: max-age=100\r\nvary: x-v\r\ncontent-length: 5\r\n\r\nhello";
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _upstream.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private string Config(string path, string more = "") => $$$"""
        clusters: [{name: up, endpoints: ["{{{_upstream.Address}}}"]}]
        listeners:
        - name: edge
          address: 127.0.0.1:0
          http_filters: [{name: cache, typed_config: {allowed_vary_headers: [{exact: x-v}], typed_config: {'@type': {{{Type}}},
            manager_config: {thread_pool: {thread_count: 2}}, cache_path: "{{{path}}}"{{{more}}} } } }]
          routes: [{match: {prefix: /}, route: {cluster: up}}]
        """;

    [Fact]
    public async Task WhatIsKept_OutlivesTheProcess_AndIsThrownOutOfItsFile()
    {
        string folder = Path.Combine(_folder, "new");
        await using (var first = await ProxyFixture.StartAsync(Config(folder, ", create_cache_path: true")))
        {
            Assert.Equal("hello", (await first.GetAsync("/a")).Text);
            Assert.Equal("hello", (await first.GetAsync("/a", headers: "x-v: 2\r\n")).Text);
            Assert.Equal("hello", (await first.GetAsync("/b")).Text);
            // For each URL what it varies by, and each of its responses.
            await Eventually.Async(() => Directory.Exists(folder) && Directory.GetFiles(folder).Length == 5, "written");
        }
        await using var second = await ProxyFixture.StartAsync(Config(folder));
        // The folder is looked through beside the first requests, and a disk may take its time: no other place gives these an answer.
        const string kept = "cache-control: only-if-cached\r\n";
        foreach (string fields in (string[])["x-v: 2\r\n", "", "x-v: 2\r\n"])
            await Eventually.TrueAsync(async () => await second.GetAsync("/a", headers: kept + fields) is { Status: 200 } given
                && (given.Text, given["cache-control"], given["age"] is not null) == ("hello", "max-age=100", true));
        Assert.Equal(3, _upstream.Requests.Count);
        await using (var client = await second.ConnectAsync())
        {
            await client.SendAsync("POST /b HTTP/1.1\r\nhost: example.test\r\ncontent-length: 0\r\n\r\n");
            await client.ReadAsync();
        }
        Assert.Null((await second.GetAsync("/b"))["age"]);
        Assert.InRange(second.Stat("http.edge.cache.file_read"), 3, 1000); // what varies, and two of it
    }

    /// <summary>
    /// A disk without room: responses are served and kept in memory, nothing half is left in a file, and with room there are files again.
    /// Mounts one; where this process may not, there is nothing to fill.
    /// </summary>
    [Fact]
    public async Task FullDisk_CostsFilesAndNoRequest()
    {
        using var disk = SmallDisk.TryMount(Path.Combine(_folder, "disk"), 1);
        Assert.SkipWhen(disk is null, "this process may not mount");
        string body = new('b', 20_000);
        _upstream.Answer = r => $"HTTP/1.1 200 X\r\ncache-control: max-age=100\r\ncontent-length: {body.Length}\r\n\r\n{body}";
        await using var proxy = await ProxyFixture.StartAsync(Config(disk!.Path));
        int Files() => Directory.GetFiles(disk.Path, "cache-*").Length;
        Assert.Equal(200, (await proxy.GetAsync("/before")).Status);
        await Eventually.Async(() => Files() > 0, "a file is written while there is room");
        disk.Fill();
        int before = Files();
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(body, (await proxy.GetAsync($"/{i}")).Text);
            Assert.NotNull((await proxy.GetAsync($"/{i}"))["age"]); // from memory
        }
        await Eventually.Async(() => proxy.Stat("http.edge.cache.file_write_failed") >= 50, "each of them found no room");
        Assert.Equal(before, Files());
        disk.Free();
        await Eventually.TrueAsync(async () =>
        {
            await proxy.GetAsync($"/after{Guid.NewGuid()}");
            return Files() > before;
        }, "a file is written again");
    }

    [Theory]
    [InlineData("/nowhere/at/all", "", "does not exist")]
    [InlineData("/etc/passwd", "", "is no folder")]
    [InlineData("/tmp", ", max_cache_size_bytes: 0", "max_cache_size_bytes")]
    [InlineData("/tmp", ", evict_fraction: 1", "evict_fraction")]
    [InlineData("/tmp", ", manager_config: {}", "'thread_pool' is missing")]
    [InlineData("/tmp", ", unknown: 1", "unknown")]
    public async Task WrongConfiguration_IsRefused(string path, string more, string says)
    {
        await using var proxy = await ProxyFixture.StartAsync("clusters: []");
        string config = Config(path, more);
        if (more.Contains("manager_config", StringComparison.Ordinal))
            config = config.Replace("manager_config: {thread_pool: {thread_count: 2}}, ", "", StringComparison.Ordinal);
        Assert.Contains(proxy.Build(config).Errors, e => e.ToString().Contains(says, StringComparison.Ordinal));
    }

    // Files of a cache in force are not those of a version that is only tried, whatever that says of their number.
    [Fact]
    public async Task WhatIsOnlyTried_TouchesNoDisk()
    {
        string kept = Path.Combine(_folder, "cache-" + new string('0', 32)), folder = Path.Combine(_folder, "made");
        await File.WriteAllTextAsync(kept, new string('x', 100));
        await using (var proxy = await ProxyFixture.StartAsync("clusters: []"))
        {
            Assert.Empty(proxy.Build(Config(_folder, ", max_cache_size_bytes: 1")).Errors);
            Assert.Empty(proxy.Build(Config(folder, ", create_cache_path: true")).Errors);
        }
        Assert.True(File.Exists(kept));
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task FolderOutsideOfThoseAllowed_AndOneWithTwoMeanings_AreRefused()
    {
        await using var proxy = await ProxyFixture.StartAsync("clusters: []");
        string own = Path.Combine(_folder, "allowed");
        Directory.CreateDirectory(own);
        Assert.Contains(Errors(_folder), e => e.Contains("outside the folders", StringComparison.Ordinal));
        Assert.Empty(Errors(own));
        Assert.Contains(Errors(own, Config(own).Replace("name: edge", "name: other", StringComparison.Ordinal)
            .Split("listeners:")[1].Replace("cache_path", "max_cache_entry_count: 5, cache_path", StringComparison.Ordinal)),
            e => e.Contains("another filter's too", StringComparison.Ordinal));

        List<string> Errors(string folder, string more = "")
        {
            var errors = new ConfigErrors();
            var document = (ConfigObject)Managed.Proxy.Configuration.Parsing.ConfigParser.Parse(Config(folder) + more,
                Managed.Proxy.Configuration.Parsing.ConfigFormat.Yaml, "t", errors)!;
            return [.. proxy.Server.Build(document, 1, new HostAccess { Folders = new AllowedFolders([own], []) }).Errors
                .Select(e => e.ToString())];
        }
    }
}
