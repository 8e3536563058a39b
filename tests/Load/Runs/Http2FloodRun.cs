using System.Globalization;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// Each way to harm over HTTP/2 (<see cref="Http2Flood"/>) for some time, from one connection after another, beside a normal load: who
/// floods is closed and counted, memory stays, the others hardly notice. The flood comes to a neighbour first, another process of the
/// product: what it takes from everybody on this machine is not what it takes from those beside it. Then what 40,000 rapid resets cost.
/// </summary>
internal static class Http2FloodRun
{
    // Of each kind's latencies.
    private const int Alone = 0, Elsewhere = 1, Beside = 2, Slices = 3;
    private const int Resets = 40_000;
    private const double ResetLimit = 0.3; // seconds of CPU

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        var time = TimeSpan.FromSeconds(options.Number("seconds", 30, 1, 3600));
        var quietTime = TimeSpan.FromSeconds(Math.Min(time.TotalSeconds, 10));
        double limit = options.Number("limit-mb", 64, 1, 10_000);
        Http2Flood[] wanted = [.. options.Text("kind", string.Join(',', Http2Flood.All.Select(f => f.Name))).Split(',')
            .Select(Http2Flood.Named)];
        using var scene = new Scene(options);
        using var otherScene = new Scene(options);
        await using var managed = await scene.StartAsync();
        await using var other = await otherScene.StartAsync();
        using var load = new LoadGenerator(scene.Document.Listener, 16, options.Number("rate", 300, 1, 100_000),
            slices: wanted.Length * Slices + 1);
        load.Start();
        await Task.Delay(TimeSpan.FromSeconds(8));
        for (int i = 0; i < wanted.Length; i++)
        {
            var flood = wanted[i];
            int slice = 1 + Slices * i;
            load.Slice = slice + Alone;
            await Task.Delay(quietTime);
            load.Slice = slice + Elsewhere;
            await flood.RunApartAsync(otherScene.Document.Listener, quietTime);
            long before = ProcessFigures.Anonymous(managed.Id);
            double cpu = ProcessFigures.CpuSeconds(managed.Id);
            load.Slice = slice + Beside;
            var outcome = await flood.RunApartAsync(scene.Document.Listener, time);
            load.Slice = 0;
            double grown = (ProcessFigures.Anonymous(managed.Id) - before) / 1048576.0;
            double quiet = load.Latencies(slice + Alone).Quantile(0.99), beside = load.Latencies(slice + Beside).Quantile(0.99);
            double elsewhere = load.Latencies(slice + Elsewhere).Quantile(0.99), usual = Math.Max(quiet, elsewhere);
            verdict.Say(string.Create(CultureInfo.InvariantCulture,
                $"{flood.Name}: {outcome.Steps} steps on {outcome.Connections} connections, {outcome.Refusals} refused; p99 of the others ")
                + string.Create(CultureInfo.InvariantCulture,
                $"{quiet:0.00} ms alone, {elsewhere:0.00} with the flood at a neighbour, {beside:0.00} ms beside it; ")
                + string.Create(CultureInfo.InvariantCulture, $"{grown:+0.0;-0.0;0.0} MB; ")
                + string.Create(CultureInfo.InvariantCulture, $"{ProcessFigures.CpuSeconds(managed.Id) - cpu:0.0} s of CPU; ")
                + string.Join(", ", outcome.Ends.Select(e => $"{e.Key} ({e.Value})")));
            verdict.Expect(!managed.HasExited, $"{flood.Name}: the product ended:\n{managed.LastLines}");
            if (managed.HasExited) return;
            verdict.Expect(grown <= limit, $"{flood.Name}: memory grew by {grown:0.0} MB");
            verdict.Expect(beside <= Math.Max(2 * usual, 2), $"{flood.Name}: p99 of the others is {beside / usual:0.0} × what it was");
        }
        load.Stop();
        load.Judge(verdict);
        double began = ProcessFigures.CpuSeconds(managed.Id);
        var resets = await Http2Flood.All[0].RunAsync(scene.Document.Listener, TimeSpan.FromMinutes(2), Resets);
        double cost = ProcessFigures.CpuSeconds(managed.Id) - began;
        verdict.Say(string.Create(CultureInfo.InvariantCulture,
            $"{resets.Steps} rapid resets on {resets.Connections} connections: {cost:0.00} s of CPU (limit {ResetLimit})"));
        verdict.Expect(cost <= ResetLimit, $"{resets.Steps} rapid resets cost {cost:0.00} s of CPU");
        foreach (var counter in await CountersAsync(managed)) verdict.Say("  " + counter);
    }

    private static async Task<List<string>> CountersAsync(ManagedProcess managed)
    {
        var answer = await managed.Admin.GetAsync("/stats?filter=http2");
        return answer.Status != 200 ? [answer.Short] : [.. answer.Body.Split('\n').Where(l => !l.EndsWith(": 0", StringComparison.Ordinal)
            && l.Contains("http2.", StringComparison.Ordinal))];
    }
}
