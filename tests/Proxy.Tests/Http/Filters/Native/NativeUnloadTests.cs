using Managed.Proxy.Bindings.Native;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Native;

/// <summary>A plug-in is replaced under load, and nothing of the old one is left. (tests/Load has the same with 500.)</summary>
[Collection(nameof(NativeProxy))]
public sealed class NativeUnloadTests
{
    [Fact]
    public async Task Swaps_LoseNoRequestAndLeaveNothing()
    {
        const int swaps = 12;
        var digests = new HashSet<string>();
        string folder = Directory.CreateTempSubdirectory("native").FullName;
        byte[] code = await File.ReadAllBytesAsync(Path.Combine(NativeProxy.Folder, "ExampleFilters.dll"));
        // Bytes behind its end make another assembly of it.
        string Swap(int i)
        {
            byte[] another = [.. code, .. BitConverter.GetBytes(i)];
            digests.Add(Digest(another));
            File.WriteAllBytes(Path.Combine(folder, $"swap-{i}.dll"), another);
            return NativeProxy.Yaml(
                $"{{name: swap, assembly: swap-{i}, type: HelloFilter.HelloPlugin, configuration: {{greeting: number {i}}}}}");
        }
        await using var proxy = await NativeProxy.StartAsync(Swap(0), folder, workers: 2);
        using var stop = new CancellationTokenSource();
        var load = Enumerable.Range(0, 3).Select(_ => LoadAsync(proxy, stop.Token)).ToList();
        for (int i = 1; i <= swaps; i++) await proxy.PublishAsync(Swap(i));
        await stop.CancelAsync();
        int[] served = await Task.WhenAll(load);

        Assert.All(served, n => Assert.True(n > 0));
        Assert.Equal($"number {swaps}", (await proxy.GetAsync())["x-hello"]);
        await Eventually.Async(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !NativeAssembly.Lingering.Any(digests.Contains);
        }, "all but the last are out of memory");
        Assert.Equal(swaps + 1, digests.Count);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task ThreadThatGoesOn_KeepsItsAssemblyAndIsSeen()
    {
        const string plugin = "assembly: NativePlugins, type: Managed.NativePlugins.NaughtyPlugin";
        await using var proxy = await NativeProxy.StartAsync(
            NativeProxy.Yaml($"{{{plugin}, configuration: {{deed: THREAD, left: forgets it}}}}"));
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await proxy.PublishAsync(NativeProxy.Yaml("{assembly: ExampleFilters, type: ExampleFilters.RedactPlugin}"));

        string digest = Digest(await File.ReadAllBytesAsync(Path.Combine(NativeProxy.Folder, "NativePlugins.dll")));
        await Eventually.Async(() => NativeAssembly.Lingering.Contains(digest), "it is given back");
        for (int i = 0; i < 10; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.Contains(digest, NativeAssembly.Lingering);
        Assert.True(proxy.Server.Stats.Read().Single(s => s.Name == "native.assemblies_lingering").Value >= 1);
        Assert.Equal(200, (await proxy.GetAsync()).Status);
    }

    private static string Digest(byte[] content)
        => "sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content));

    private static async Task<int> LoadAsync(ProxyFixture proxy, CancellationToken stop)
    {
        int served = 0;
        await using var client = await proxy.ConnectAsync();
        while (!stop.IsCancellationRequested)
        {
            await client.GetAsync();
            var answer = await client.ReadAsync();
            Assert.Equal(200, answer.Status);
            Assert.StartsWith("number ", answer["x-hello"], StringComparison.Ordinal);
            served++;
        }
        return served;
    }
}
