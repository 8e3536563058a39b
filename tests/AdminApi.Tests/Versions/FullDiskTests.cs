using System.Globalization;
using System.Net;
using Managed.AdminApi.Hosting;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>A disk of a few megabytes that takes nothing any more. Where it cannot be mounted these are skipped.</summary>
public sealed class FullDiskTests : IDisposable
{
    private const int DiskMegabytes = 3;
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-disk-").FullName;
    private readonly List<SmallDisk> _disks = [];

    public void Dispose()
    {
        _disks.ForEach(d => d.Dispose());
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task StartOnAFullDisk_ServesTheNewestAcknowledgedVersion_AndTakesChangesWhenThereIsSpace(bool killed)
    {
        var (first, other) = (Mount("first"), Mount("other"));
        var (disk, data) = (first, Path.Combine(first.Path, "data"));
        long acknowledged;
        await using (var node = await StartedNode.StartAsync(data, "--config", await DocumentAsync()))
        {
            for (var i = 0; i < 5; i++)
                using (var answer = await node.PutClusterAsync(string.Create(CultureInfo.InvariantCulture, $"before-{i}")))
                    Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
            acknowledged = await WriteUntilRefusedAsync(node, disk);
            await node.GetAsync("/api/v1/versions"); // reading goes on
            if (killed)
            {
                // What a kill at this moment leaves.
                disk = other;
                StartFixture.CopyFolder(data, data = Path.Combine(other.Path, "data"));
            }
        }
        disk.Fill();

        await using var again = await StartedNode.StartAsync(data);
        Assert.Equal(acknowledged, again.Served);
        disk.Free();
        await Eventually.Async(() => again.Degraded is null, "the history is usable", 60);
        Assert.Equal(acknowledged, again.Served);
        using var taken = await again.PutClusterAsync("after");
        Assert.Equal(HttpStatusCode.Created, taken.StatusCode);
        Assert.True(again.Served > acknowledged);
        var copy = string.Create(CultureInfo.InvariantCulture, $"\"version\":{again.Served}");
        await Eventually.Async(() => File.ReadAllText(Path.Combine(data, "last-good.json")).Contains(copy, StringComparison.Ordinal),
            "the copy is the served version", 60);
    }

    [Fact]
    public async Task SmallDisk_TakesChangesAsLongAsTheHistoryItselfHasRoom()
    {
        var disk = Mount("small");
        await using var node = await StartedNode.StartAsync(Path.Combine(disk.Path, "data"), "--config", await DocumentAsync());
        for (var i = 0; i < 80; i++) // whose pages, each as often as it was written, are more than the disk has
            using (var answer = await node.PutClusterAsync(string.Create(CultureInfo.InvariantCulture, $"c-{i}")))
                Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
    }

    [Fact]
    public async Task NewFolderOnAFullDisk_EndsTheStartWithOneLine_AndIsStillNewAfterwards()
    {
        var disk = Mount("full");
        var data = Path.Combine(disk.Path, "data");
        Directory.CreateDirectory(data);
        disk.Fill();
        var file = await DocumentAsync();
        var refused = await Assert.ThrowsAsync<StartException>(() => StartedNode.StartAsync(data, "--config", file));
        Assert.DoesNotContain('\n', refused.Message);
        disk.Free();
        await using var node = await StartedNode.StartAsync(data, "--config", file);
        Assert.Null(node.Degraded);
    }

    /// <summary>What the log has room for is still taken; then each change is refused, and nothing else happens.</summary>
    private static async Task<long> WriteUntilRefusedAsync(StartedNode node, SmallDisk disk)
    {
        disk.Fill();
        var acknowledged = node.Served;
        for (var i = 0; i < 500; i++)
        {
            using var answer = await node.PutClusterAsync(string.Create(CultureInfo.InvariantCulture, $"full-{i}"));
            disk.Fill();
            if (answer.StatusCode == HttpStatusCode.Created)
            {
                acknowledged = node.Served;
                continue;
            }
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.Equal(acknowledged, node.Served);
            return acknowledged;
        }
        throw new InvalidOperationException("the disk does not become full");
    }

    private async Task<string> DocumentAsync()
    {
        var file = Path.Combine(_folder, "config.yaml");
        await File.WriteAllTextAsync(file, TestNode.Document);
        return file;
    }

    private SmallDisk Mount(string name)
    {
        var disk = SmallDisk.TryMount(Path.Combine(_folder, name), DiskMegabytes);
        if (disk is null)
            Assert.Skip("mounting a small disk needs root");
        _disks.Add(disk!);
        return disk!;
    }
}
