using System.Globalization;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// Each way to harm over HTTP/2 (<see cref="Http2Flood"/>) for some time, from one connection after another, beside a normal load: who
/// floods is closed and counted, memory stays, the others hardly notice. Then what 40,000 rapid resets cost.
/// </summary>
internal static class Http2FloodRun
{
    private const int Resets = 40_000;
    private const double ResetLimit = 0.3; // seconds of CPU

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        double seconds = options.Number("seconds", 30, 1, 3600);
        double limit = options.Number("limit-mb", 64, 1, 10_000);
        string[] wanted = options.Text("kind", string.Join(',', Http2Flood.All.Select(f => f.Name))).Split(',');
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        using var load = new LoadGenerator(scene.Document.Listener, 16, options.Number("rate", 300, 1, 100_000),
            slices: wanted.Length * 2 + 1);
        load.Start();
        await Task.Delay(TimeSpan.FromSeconds(8));
        for (int i = 0; i < wanted.Length; i++)
        {
            var flood = Array.Find(Http2Flood.All, f => f.Name == wanted[i])
                ?? throw new UsageException($"--kind: there is no '{wanted[i]}'");
            load.Slice = 1 + 2 * i;
            await Task.Delay(TimeSpan.FromSeconds(Math.Min(seconds, 10)));
            long before = ProcessFigures.Anonymous(managed.Id);
            double cpu = ProcessFigures.CpuSeconds(managed.Id);
            load.Slice = 2 + 2 * i;
            var outcome = await flood.RunAsync(scene.Document.Listener, TimeSpan.FromSeconds(seconds));
            load.Slice = 0;
            double grown = (ProcessFigures.Anonymous(managed.Id) - before) / 1048576.0;
            double quiet = load.Latencies(1 + 2 * i).Quantile(0.99), beside = load.Latencies(2 + 2 * i).Quantile(0.99);
            verdict.Say(string.Create(CultureInfo.InvariantCulture,
                $"{flood.Name}: {outcome.Steps} steps on {outcome.Connections} connections, {outcome.Refusals} refused; p99 of the others ")
                + string.Create(CultureInfo.InvariantCulture, $"{quiet:0.00} and {beside:0.00} ms; {grown:+0.0;-0.0;0.0} MB; ")
                + string.Create(CultureInfo.InvariantCulture, $"{ProcessFigures.CpuSeconds(managed.Id) - cpu:0.0} s of CPU; ")
                + string.Join(", ", outcome.Ends.Select(e => $"{e.Key} ({e.Value})")));
            verdict.Expect(!managed.HasExited, $"{flood.Name}: the product ended:\n{managed.LastLines}");
            if (managed.HasExited) return;
            verdict.Expect(grown <= limit, $"{flood.Name}: memory grew by {grown:0.0} MB");
            verdict.Expect(beside <= Math.Max(2 * quiet, 2), $"{flood.Name}: p99 of the others is {beside / quiet:0.0} × what it was");
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
