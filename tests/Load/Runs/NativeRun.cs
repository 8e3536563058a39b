using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// A filter in C# is swapped under load, each time for another assembly: no request fails or sees parts of two versions, and nothing of the
/// old ones stays in memory.
/// </summary>
internal static class NativeRun
{
    private const double GrowthShare = 0.05;
    private const double GrowthBytes = 8 << 20;

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int swaps = options.Count("swaps", 500, 10, 100_000), connections = options.Count("connections", 64, 2, 1000);
        double perSecond = options.Number("per-second", 20, 0.1, 1000), rate = options.Number("rate", 2000, 0, 1_000_000);
        using var scene = new Scene(options);
        Environment.SetEnvironmentVariable("MANAGED_ALLOW_NATIVE", "1"); // for the product
        string folder = Path.Combine(scene.DataFolder, "plugins");
        byte[] code = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "plugins", "ExampleFilters.dll"));
        await using var managed = await scene.StartAsync();
        Directory.CreateDirectory(folder);
        using var load = new LoadGenerator(scene.Document.Listener, connections, rate);
        load.Start();
        var (times, memory, lingering) = (new LatencyHistogram(), new List<double>(), 0L);
        var began = Stopwatch.GetTimestamp();
        for (var i = 1; i <= swaps; i++)
        {
            if (TimeSpan.FromSeconds(i / perSecond) - Stopwatch.GetElapsedTime(began) is { Ticks: > 0 } early) await Task.Delay(early);
            // Bytes behind its end make another assembly of it.
            await File.WriteAllBytesAsync(Path.Combine(folder, $"swap-{i}.dll"), [.. code, .. BitConverter.GetBytes(i)]);
            var edge = scene.Document.Edge(i);
            edge["http_filters"]!.AsArray().Add(new JsonObject
            {
                ["name"] = "native",
                ["typed_config"] = new JsonObject { ["name"] = "swap", ["assembly"] = $"swap-{i}", ["type"] = "HelloFilter.HelloPlugin",
                    ["configuration"] = new JsonObject { ["greeting"] = i.ToString(CultureInfo.InvariantCulture) } },
            });
            var started = Stopwatch.GetTimestamp();
            var answer = await managed.Admin.SendAsync(HttpMethod.Put, "listeners/edge", edge.ToJsonString(), null);
            times.Add(Stopwatch.GetTimestamp() - started);
            if (answer.Status != 200) verdict.Miss($"swap {i} was answered with {answer.Status}: {answer.Short}");
            else load.Acknowledged = i;
            memory.Add(ProcessFigures.Anonymous(managed.Id));
            if (i % 10 == 0) lingering = Math.Max(lingering, await StatAsync(managed, "native.assemblies_lingering"));
            File.Delete(Path.Combine(folder, $"swap-{i}.dll"));
        }
        load.Stop();
        verdict.Expect(!managed.HasExited, $"the product ended:\n{managed.LastLines}");
        load.Judge(verdict);
        verdict.Say($"requests {load.Requests}: failed {load.Failed}, mixed {load.Mixed}, late {load.Late}, "
            + $"connections closed {load.Closed}");
        verdict.Say($"swaps {swaps}: answered in {times.Quantile(0.5):0.0} ms (median), {times.Quantile(0.99):0.0} ms (p99); "
            + $"most assemblies that waited for the collector: {lingering}");
        var (early4, late) = (Median.Of(memory.Skip(memory.Count / 4).Take(memory.Count / 8)),
            Median.Of(memory.TakeLast(memory.Count / 8)));
        verdict.Say($"anonymous memory: {early4 / 1024:0} KiB after a quarter of the run, {late / 1024:0} KiB at the end");
        verdict.Expect(late <= early4 + Math.Max(GrowthBytes, GrowthShare * early4), $"memory grew by {(late - early4) / 1024:0} KiB");
        verdict.Expect(await StatAsync(managed, "native.assemblies_loaded") == 1, "not one assembly alone is loaded at the end");
        // The collector comes by when there is something to collect: requests to the admin port give it some.
        for (var i = 0; i < 600 && (lingering = await StatAsync(managed, "native.assemblies_lingering")) > 0; i++)
            await managed.Admin.GetAsync("/config_dump");
        verdict.Say($"old assemblies in memory at the end: {lingering} of {swaps}");
        verdict.Expect(lingering <= 1, $"{lingering} old assemblies are in memory still");
    }

    private static async Task<long> StatAsync(ManagedProcess managed, string name)
    {
        var answer = await managed.Admin.GetAsync($"/stats?filter=^{name}$&format=json");
        var value = answer.Json["stats"]?.AsArray().FirstOrDefault(s => (string?)s!["name"] == name)?["value"];
        return value is null ? -1 : (long)double.Parse(value.ToString(), CultureInfo.InvariantCulture);
    }
}
