using System.Diagnostics;
using System.Globalization;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>Full load with a publication each second: after the first minute neither memory nor descriptors grow.</summary>
internal static class SoakRun
{
    private const double GrowthShare = 0.05;
    private const double GrowthBytes = 8 << 20; // what a collection more or less makes of a heap this small
    private const int DescriptorSlack = 4; // the API's connection, a database connection and its log come and go

    // The runtime compiles a method anew after 30 calls and again from what it saw of them (tiered compilation): code that only a
    // publication runs would be at that for minutes. These are part of the first minute, which the goal leaves out.
    private const int WarmUp = 300;
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(15);

    private sealed record Sample(double Second, long Resident, long Anonymous, long Heap, int Descriptors);

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        double minutes = options.Number("minutes", 5, 2, 24 * 60), rate = options.Number("rate", 0, 0, 1_000_000);
        int connections = options.Count("connections", 64, 2, 1000);
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        using var load = new LoadGenerator(scene.Document.Listener, connections, rate);
        load.Start();
        var publisher = new EdgePublisher(managed.Admin, scene, load, verdict);
        var samples = new List<Sample>();
        var started = Stopwatch.GetTimestamp();
        await publisher.PublishAsync(WarmUp, WarmUpTime);
        publisher.Reset();
        int published = 0;
        for (var second = 1 + (int)Stopwatch.GetElapsedTime(started).TotalSeconds; second <= minutes * 60 && !managed.HasExited; second++)
        {
            await publisher.PublishAsync();
            published++;
            if (TimeSpan.FromSeconds(second) - Stopwatch.GetElapsedTime(started) is { Ticks: > 0 } rest) await Task.Delay(rest);
            samples.Add(await SampleAsync(managed, Stopwatch.GetElapsedTime(started).TotalSeconds));
            if (second % 30 == 0)
                verdict.Say(
                    $"  {second} s: resident {samples[^1].Resident >> 10} KiB, anonymous {samples[^1].Anonymous >> 10} KiB, heap "
                        + $"{samples[^1].Heap >> 10} KiB, descriptors {samples[^1].Descriptors}, requests {load.Requests}, failed "
                            + $"{load.Failed}");
        }
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        load.Stop();
        verdict.Expect(!managed.HasExited, $"the product ended:\n{managed.LastLines}");
        load.Judge(verdict);
        var all = load.Latencies(0);
        verdict.Say(
            $"requests {load.Requests} ({load.Requests / seconds:0}/s, p99 {all.Quantile(0.99):0.0} ms) in {seconds:0} s with "
                + $"{published} publications (median {publisher.Times.Quantile(0.5):0.0} ms): failed {load.Failed}, mixed {load.Mixed}"
                    + $", late {load.Late}, connections closed {load.Closed}");
        List<Sample> early = [.. samples.Where(s => s.Second is >= 60 and <= 90)], late = [.. samples.Where(s => s.Second >= seconds - 30)];
        Level(verdict, "resident memory", early, late, s => s.Resident);
        Level(verdict, "anonymous memory", early, late, s => s.Anonymous);
        Level(verdict, "managed heap", early, late, s => s.Heap);
        int before = early.Min(s => s.Descriptors), after = late.Min(s => s.Descriptors);
        verdict.Say(
            $"descriptors: {before} after a minute, {after} at the end (least of 30 s; most ever {samples.Max(s => s.Descriptors)})");
        verdict.Expect(after <= before + DescriptorSlack, $"descriptors grew from {before} to {after}");
    }

    private static void Level(Verdict verdict, string what, List<Sample> early, List<Sample> late, Func<Sample, long> figure)
    {
        double before = Median.Of(early.Select(s => (double)figure(s))), after = Median.Of(late.Select(s => (double)figure(s)));
        verdict.Say(
            $"{what}: {before / 1024:0} KiB in seconds 60 to 90, {after / 1024:0} KiB in the last 30 ("
                + $"{100 * (after / before - 1):+0.0;-0.0} %)");
        verdict.Expect(after <= before + Math.Max(GrowthBytes, GrowthShare * before), $"{what} grew by {(after - before) / 1024:0} KiB");
    }

    private static async Task<Sample> SampleAsync(ManagedProcess managed, double second)
    {
        var heap = long.Parse((string)(await managed.Admin.GetAsync("/memory")).Json["heap_size"]!, CultureInfo.InvariantCulture);
        return new(second, ProcessFigures.Resident(managed.Id), ProcessFigures.Anonymous(managed.Id), heap,
            ProcessFigures.Descriptors(managed.Id));
    }
}
