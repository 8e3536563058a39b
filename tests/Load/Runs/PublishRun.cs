using System.Diagnostics;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// Publications under load, in periods that alternate with equally long quiet ones: a busy neighbour then troubles both alike.
/// </summary>
internal static class PublishRun
{
    private const double P99Limit = 1.5;

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int publications = options.Count("publications", 1000, 1, 100_000), periods = options.Count("periods", 10, 1, 100),
            connections = options.Count("connections", 64, 2, 1000);
        double perSecond = options.Number("per-second", 20, 0.1, 1000), rate = options.Number("rate", 2000, 0, 1_000_000);
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        // Slices: 0 is warming up, then 1 + 2i and 2 + 2i are the quiet and the publishing period i.
        using var load = new LoadGenerator(scene.Document.Listener, connections, rate, 1 + 2 * periods);
        load.Start();
        var publisher = new EdgePublisher(managed.Admin, scene, load, verdict);
        for (var i = 0; i < 40; i++) await publisher.PublishAsync();
        await Task.Delay(TimeSpan.FromSeconds(3));
        publisher.Reset();
        var (without, with) = (new PeriodCosts(managed.Id), new PeriodCosts(managed.Id));
        var length = TimeSpan.Zero;
        for (var i = 0; i < periods; i++)
        {
            int count = publications / periods + (i < publications % periods ? 1 : 0);
            // The publishing period before says how long such a one takes here; a quiet one is as long.
            if (length < TimeSpan.FromSeconds(count / perSecond)) length = TimeSpan.FromSeconds(count / perSecond);
            for (var half = 0; half < 2; half++)
            {
                // The order turns with every pair, so that a drift of the machine favours neither.
                var quiet = (i + half) % 2 == 0;
                load.Slice = 1 + 2 * i + (quiet ? 0 : 1);
                var took = await (quiet ? without : with)
                    .MeasureAsync(() => quiet ? Task.Delay(length)
                        : publisher.PublishAsync(count, TimeSpan.FromSeconds(count / perSecond)));
                if (!quiet) length = took;
            }
        }
        load.Stop();
        load.Judge(verdict);
        long active = await managed.Admin.ActiveVersionAsync();
        verdict.Expect(active == publisher.Version, $"version {active} is active, published last was {publisher.Version}");
        Print(verdict, load, publisher, publications, periods, connections, without, with);
    }

    private static void Print(Verdict verdict, LoadGenerator load, EdgePublisher publisher, int publications, int periods, int connections,
        PeriodCosts without, PeriodCosts with)
    {
        var quiet = Enumerable.Range(0, periods).Select(i => load.Latencies(1 + 2 * i)).ToList();
        var busy = Enumerable.Range(0, periods).Select(i => load.Latencies(2 + 2 * i)).ToList();
        double p99Quiet = Median.Of(quiet.Select(h => h.Quantile(0.99))), p99Busy = Median.Of(busy.Select(h => h.Quantile(0.99))),
            ratio = p99Busy / p99Quiet;
        verdict.Say(
            $"requests {load.Requests} on {connections} connections ({quiet.Sum(h => h.Count) / without.Seconds:0}/s quiet, "
                + $"{busy.Sum(h => h.Count) / with.Seconds:0}/s publishing): failed {load.Failed}, mixed {load.Mixed}, late {load.Late}"
                    + $", stepped back {load.SteppedBack}, connections closed {load.Closed}");
        verdict.Say(
            $"publications {publications} in {periods} periods, {publications / with.Seconds:0.0}/s: answered in "
                + $"{publisher.Times.Quantile(0.5):0.0} ms (median), {publisher.Times.Quantile(0.99):0.0} ms (p99)");
        verdict.Say(
            $"median latency: quiet {Median.Of(quiet.Select(h => h.Quantile(0.5))):0.000} ms, publishing "
                + $"{Median.Of(busy.Select(h => h.Quantile(0.5))):0.000} ms");
        verdict.Say(
            $"p99 (median of {periods} periods): quiet {p99Quiet:0.000} ms, publishing {p99Busy:0.000} ms, ratio {ratio:0.00} (limit "
                + $"{P99Limit})");
        verdict.Say(
            $"p99 by period, ms: quiet {string.Join(' ', quiet.Select(h => FormattableString.Invariant($"{h.Quantile(0.99):0.00}")))}"
                + $"; publishing {string.Join(' ', busy.Select(h => FormattableString.Invariant($"{h.Quantile(0.99):0.00}")))}");
        verdict.Say(
            $"CPU of the product: quiet {100 * without.CpuSeconds / without.Seconds:0} % of a core, publishing "
                + $"{100 * with.CpuSeconds / with.Seconds:0} %");
        verdict.Expect(ratio <= P99Limit, $"p99 with publications is {ratio:0.00} times the one without");
    }
}

/// <summary>Time and CPU of the product, summed over the periods of one kind.</summary>
internal sealed class PeriodCosts(int process)
{
    public double Seconds { get; private set; }
    public double CpuSeconds { get; private set; }

    public async Task<TimeSpan> MeasureAsync(Func<Task> period)
    {
        double before = ProcessFigures.CpuSeconds(process);
        var started = Stopwatch.GetTimestamp();
        await period();
        var took = Stopwatch.GetElapsedTime(started);
        Seconds += took.TotalSeconds;
        CpuSeconds += ProcessFigures.CpuSeconds(process) - before;
        return took;
    }
}
