using System.Globalization;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// How long a process takes to its first answer, on a new data folder and on that of a run before; and what it is while nobody asks
/// anything of it.
/// </summary>
internal static class StartRun
{
    private const double IdleCpuLimit = 0.003;

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int rounds = options.Count("rounds", 9, 1, 1000);
        double limit = options.Number("limit-ms", 800, 1, 100_000);
        using var scene = new Scene(options);
        string config = await ConfigAsync(scene);
        int admin = FreePort.Take();
        var (first, cpu, again, ready) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (int i = 0; i <= rounds; i++) // the first only fills the page cache
        {
            string folder = Path.Combine(scene.Folder, i.ToString(CultureInfo.InvariantCulture));
            using (var node = StartedNode.Start(scene.Executable, folder, config, scene.Document.Listener, admin))
            {
                if (i > 0) first.Add(node.FirstAnswer.TotalMilliseconds);
                if (i > 0) cpu.Add(1000 * node.CpuSeconds);
                if (i > 0) ready.Add(node.Ready.TotalMilliseconds);
            }
            using (var node = StartedNode.Start(scene.Executable, folder, null, scene.Document.Listener, admin))
                if (i > 0) again.Add(node.FirstAnswer.TotalMilliseconds);
        }
        Say(verdict, "first answer, new data folder", first);
        Say(verdict, "CPU time until then", cpu);
        Say(verdict, "first answer, with a history", again);
        Say(verdict, "admin port, new data folder", ready);
        verdict.Expect(Median.Of(first) <= limit, $"the first answer takes {Median.Of(first):0} ms, more than {limit:0}");
        verdict.Expect(Median.Of(again) <= limit, $"the first answer takes {Median.Of(again):0} ms with a history, more than {limit:0}");
    }

    /// <summary>Resident memory and CPU of an idle process with two workers, with the dashboard and without.</summary>
    public static async Task SizeAsync(Arguments options, Verdict verdict)
    {
        double seconds = options.Number("seconds", 60, 5, 3600), limit = options.Number("limit-mb", 90, 1, 10_000);
        using var scene = new Scene(options);
        string config = await ConfigAsync(scene);
        int admin = FreePort.Take();
        foreach (bool dashboard in (bool[])[true, false])
        {
            string[] more = dashboard ? [] : ["--no-dashboard"];
            using var node = StartedNode.Start(scene.Executable, Path.Combine(scene.Folder, $"{dashboard}"), config,
                scene.Document.Listener, admin, more);
            await Task.Delay(TimeSpan.FromSeconds(20));
            double before = ProcessFigures.CpuSeconds(node.Id);
            await Task.Delay(TimeSpan.FromSeconds(seconds));
            double cpu = (ProcessFigures.CpuSeconds(node.Id) - before) / seconds, most = dashboard ? limit : limit - 20;
            double resident = ProcessFigures.Resident(node.Id) / 1e6, anonymous = ProcessFigures.Anonymous(node.Id) / 1e6;
            verdict.Say(
                $"idle {(dashboard ? "with the dashboard not opened" : "with --no-dashboard")}: resident {resident:0.0} MB, of it "
                    + $"{anonymous:0.0} MB that no file backs; {100 * cpu:0.00} % of a core over {seconds:0} s");
            verdict.Expect(resident <= most, $"{resident:0.0} MB are resident, more than {most:0}");
            verdict.Expect(cpu <= IdleCpuLimit, $"{100 * cpu:0.00} % of a core while idle, more than {100 * IdleCpuLimit:0.0}");
        }
    }

    private static async Task<string> ConfigAsync(Scene scene)
    {
        string config = Path.Combine(scene.Folder, "config.json");
        await File.WriteAllTextAsync(config, scene.Document.Whole(0).ToJsonString());
        return config;
    }

    private static void Say(Verdict verdict, string what, List<double> times) =>
        verdict.Say($"{what}: {Median.Of(times):0} ms (median of {times.Count}, {times.Min():0} to {times.Max():0})");
}
