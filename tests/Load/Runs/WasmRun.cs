using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Managed.Load.Guests;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// A module is swapped under load, by turns for another build, for the same with another configuration (its VMs stay), and for the same in
/// VMs
/// of another configuration; in periods that alternate with equally long ones of as many publications that change no module. Slow requests
/// are under way across the swaps.
/// </summary>
internal static class WasmRun
{
    private const double P99Limit = 1.5;
    private const double GrowthShare = 0.05;
    private const double GrowthBytes = 8 << 20;
    private const int WarmUp = 60;

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int publications = options.Count("publications", 2400, 10, 100_000), periods = options.Count("periods", 10, 1, 100),
            connections = options.Count("connections", 64, 2, 1000), builds = options.Count("builds", 8, 2, 1000);
        double perSecond = options.Number("per-second", 40, 0.1, 1000), rate = options.Number("rate", 2000, 0, 1_000_000);
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        int process = managed.Id;
        var digests = new List<string>();
        for (var i = 0; i < builds; i++) digests.Add(await managed.Admin.UploadAsync($"stamp-{i}", StampGuest.Build(i)));
        var swaps = new Swaps(managed, scene, digests, verdict);
        await swaps.PublishAsync(); // from here on each answer has the module's stamp
        using var load = new LoadGenerator(scene.Document.Listener, connections, rate, 1 + 2 * periods);
        using var slow = new LoadGenerator(scene.Document.Listener, 32, 0, 1,
            Encoding.ASCII.GetBytes("GET /slow HTTP/1.1\r\nHost: load.test\r\n\r\n"));
        swaps.Loads = [load, slow];
        load.Start();
        slow.Start();
        for (var i = 0; i < WarmUp; i++) await swaps.PublishAsync();
        await Task.Delay(TimeSpan.FromSeconds(3));
        swaps.Reset();
        var (without, with) = (new PeriodCosts(process), new PeriodCosts(process));
        for (var i = 0; i < periods; i++)
        {
            int count = publications / periods + (i < publications % periods ? 1 : 0);
            var length = TimeSpan.FromSeconds(count / perSecond);
            for (var half = 0; half < 2; half++)
            {
                // Neither kind is favoured by a drift of the machine. What a version costs whatever is in it is PublishRun's matter.
                var quiet = (i + half) % 2 == 0;
                load.Slice = 1 + 2 * i + (quiet ? 0 : 1);
                await (quiet ? without : with).MeasureAsync(() => swaps.PublishAsync(count, length, quiet));
            }
        }
        load.Stop();
        slow.Stop();
        verdict.Expect(!managed.HasExited, $"the product ended:\n{managed.LastLines}");
        load.Judge(verdict);
        slow.Judge(verdict);
        var quietPeriods = Enumerable.Range(0, periods).Select(i => load.Latencies(1 + 2 * i)).ToList();
        var busyPeriods = Enumerable.Range(0, periods).Select(i => load.Latencies(2 + 2 * i)).ToList();
        double p99Quiet = Median.Of(quietPeriods.Select(h => h.Quantile(0.99))),
            p99Busy = Median.Of(busyPeriods.Select(h => h.Quantile(0.99))), ratio = p99Busy / p99Quiet;
        verdict.Say(
            $"requests {load.Requests} and {slow.Requests} slow ones (0.3 s): failed {load.Failed + slow.Failed}, mixed "
                + $"{load.Mixed + slow.Mixed}, late {load.Late + slow.Late}, stepped back {load.SteppedBack + slow.SteppedBack}"
                    + $", connections closed {load.Closed + slow.Closed}");
        verdict.Say(
            $"swaps {publications} in {periods} periods, {publications / with.Seconds:0.0}/s: answered in "
                + $"{swaps.Times.Quantile(0.5):0.0} ms (median), {swaps.Times.Quantile(0.99):0.0} ms (p99)");
        verdict.Say(
            $"p99 (median of {periods} periods): publications without a module {p99Quiet:0.000} ms, swaps {p99Busy:0.000} ms, ratio "
                + $"{ratio:0.00} (limit {P99Limit})");
        verdict.Say(
            $"CPU of the product: publications without a module {100 * without.CpuSeconds / without.Seconds:0} % of a core, swaps "
                + $"{100 * with.CpuSeconds / with.Seconds:0} %");
        verdict.Expect(ratio <= P99Limit, $"p99 with swaps is {ratio:0.00} times the one without");
        await JudgeVmsAsync(managed, swaps, verdict);
        var (early, late) = (Median.Of(swaps.Memory.Skip(swaps.Memory.Count / 4).Take(swaps.Memory.Count / 8)),
            Median.Of(swaps.Memory.TakeLast(swaps.Memory.Count / 8)));
        verdict.Say(
            $"anonymous memory: {early / 1024:0} KiB after a quarter of the run, {late / 1024:0} KiB at the end ("
                + $"{100 * (late / early - 1):+0.0;-0.0} %)");
        verdict.Expect(late <= early + Math.Max(GrowthBytes, GrowthShare * early),
            $"anonymous memory grew by {(late - early) / 1024:0} KiB");
        int cached = Directory.EnumerateFiles(scene.Folder, "*.cwasm", SearchOption.AllDirectories).Count();
        verdict.Say($"compiled modules on disk: {cached} for {builds} builds");
        verdict.Expect(cached <= builds, $"{cached} compiled modules are kept for {builds} builds");
    }

    private static async Task JudgeVmsAsync(ManagedProcess managed, Swaps swaps, Verdict verdict)
    {
        // Old VMs go with their last stream, a moment after the load.
        IReadOnlyList<JsonNode> vms = [];
        for (var i = 0; i < 100; i++)
        {
            vms = await managed.Admin.WasmVmsAsync();
            if (vms.Count == 2 && vms.All(v => (long)v["active"]! == 1)) break;
            await Task.Delay(100);
        }
        long created = 0;
        foreach (var vm in vms) created += (long)vm["created"]!;
        verdict.Say(
            $"VMs at the end: {string.Join(", ", vms.Select(v => $"worker {v["worker"]}: {v["active"]} active, {v["errors"]} errors"))}"
                + $"; most at a time {swaps.MostVms}");
        verdict.Expect(vms.Count == 2 && vms.All(v => (long)v["active"]! == 1),
            $"{vms.Count} rows of VMs, not one VM for each of 2 workers");
        verdict.Expect(vms.All(v => (long)v["errors"]! == 0),
            $"the module failed: {string.Join("; ", vms.Select(v => (string?)v["last_error"]))}");
        long live = await StatAsync("wasm.envoy.wasm.runtime.wasmtime.active");
        verdict.Expect(live == 2, $"{live} VMs are alive in the process, not one for each of 2 workers");

        async Task<long> StatAsync(string name)
        {
            var answer = await managed.Admin.GetAsync($"/stats?filter=^{name}$&format=json");
            var value = answer.Json["stats"]?.AsArray().FirstOrDefault(s => (string?)s!["name"] == name)?["value"];
            return value is null ? -1 : (long)double.Parse(value.ToString(), CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Publishes the listener with the next module or configuration.</summary>
    private sealed class Swaps(ManagedProcess managed, Scene scene, IReadOnlyList<string> digests, Verdict verdict)
    {
        private readonly JsonObject _document = scene.Document.Edge(0);
        private long _stamp, _plain;

        public LoadGenerator[] Loads { get; set; } = [];
        public LatencyHistogram Times { get; private set; } = new();
        public List<double> Memory { get; } = [];
        public long MostVms { get; private set; }

        public void Reset()
        {
            Times = new();
            Memory.Clear();
        }

        public async Task PublishAsync()
        {
            _stamp++;
            string name = "stamp-" + (_stamp / 3 % digests.Count).ToString(CultureInfo.InvariantCulture);
            // By turns another build, another configuration of it, another VM of it.
            var vm = new JsonObject { ["code"] = new JsonObject { ["module"] = name },
                ["configuration"] = _stamp % 3 == 2 ? "other" : "one" };
            _document["http_filters"] = new JsonArray(new JsonObject
            {
                ["name"] = "wasm",
                ["typed_config"] = new JsonObject { ["@type"] = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                    ["config"] = new JsonObject { ["name"] = "stamp", ["vm_config"] = vm,
                        ["configuration"] = _stamp.ToString(CultureInfo.InvariantCulture) } },
            });
            var started = Stopwatch.GetTimestamp();
            var answer = await managed.Admin.SendAsync(HttpMethod.Put, "listeners/edge", _document.ToJsonString(), null);
            Times.Add(Stopwatch.GetTimestamp() - started);
            if (answer.Status != 200)
            {
                verdict.Miss($"swap {_stamp} was answered with {answer.Status}: {answer.Short}");
                return;
            }
            foreach (var load in Loads) load.Acknowledged = _stamp;
            Memory.Add(ProcessFigures.Anonymous(managed.Id));
            if (_stamp % 10 == 0)
            {
                long vms = 0;
                foreach (var row in await managed.Admin.WasmVmsAsync()) vms += (long)row["active"]!;
                MostVms = Math.Max(MostVms, vms);
            }
        }

        /// <summary>A version that leaves modules and stamps as they are.</summary>
        private async Task PublishPlainAsync()
        {
            _plain++;
            var answer = await managed.Admin.SendAsync(HttpMethod.Patch, "clusters/web",
                $$"""{"connect_timeout":"{{5000 + _plain % 1000}}ms"}""", null, "application/merge-patch+json");
            if (answer.Status != 200) verdict.Miss($"a publication was answered with {answer.Status}: {answer.Short}");
            Memory.Add(ProcessFigures.Anonymous(managed.Id));
        }

        public async Task PublishAsync(int count, TimeSpan over, bool plain)
        {
            var started = Stopwatch.GetTimestamp();
            for (var i = 0; i < count; i++)
            {
                if (over * i / count - Stopwatch.GetElapsedTime(started) is { Ticks: > 0 } early) await Task.Delay(early);
                await (plain ? PublishPlainAsync() : PublishAsync());
            }
            if (over - Stopwatch.GetElapsedTime(started) is { Ticks: > 0 } rest) await Task.Delay(rest);
        }
    }
}
