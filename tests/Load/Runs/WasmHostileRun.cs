using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Managed.Load.Guests;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// Each hostile module in turn gets traffic on a listener of its own, while innocent traffic on another, which the same two workers carry,
/// is measured; before each there is an equally long quiet time in which a harmless module gets the same traffic. All kinds take their turn
/// as often as there are rounds, and each is judged by all of its times together. Times in which the machine itself stood still are
/// measured again.
/// </summary>
internal static class WasmHostileRun
{
    private const double P99Limit = 2;
    // Where load generator, upstream and both workers share two cores, a thread that becomes ready waits for up to a slice of the scheduler
    // (3 ms on Linux with two cores), whoever is to blame. Below this nothing can be said of the product.
    private const double FloorMs = 3;
    // A part of the time. Where the machine itself stands still longer than that the slowest hundredth says nothing, and the kind is run
    // again.
    private const double MostStalled = 0.003;
    private const int Attempts = 5;
    // The server's collector lets the young generation grow to hundreds of megabytes before it looks; two VMs at their cap are 256 more.
    private const double MemoryLimit = 1 << 30;
    private const int HostileRate = 200, HostileConnections = 16, SettleMs = 500, WarmUps = 40;

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        double seconds = options.Number("seconds", 6, 1, 600), rate = options.Number("rate", 1000, 1, 1_000_000);
        int connections = options.Count("connections", 32, 2, 1000), rounds = options.Count("rounds", 2, 1, 100);
        string only = options.Text("kind", "");
        var kinds = HostileGuests.All().Where(g => only.Length == 0 ? g.Kind != HostileGuests.Unstoppable
            : only.Split(',').Contains(g.Kind)).ToList();
        if (kinds.Count == 0) throw new UsageException($"--kind: there are {string.Join(", ", HostileGuests.All().Select(g => g.Kind))}");
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        int process = managed.Id, port = FreePort.Take();
        using var load = new LoadGenerator(scene.Document.Listener, connections, rate, 1 + 2 * Attempts * rounds * kinds.Count);
        using var witness = new StallWitness();
        await PublishAsync(managed, port, "none", StampGuest.Build(0));
        load.Start();
        // A young process compiles what it runs, publications too; that belongs to no kind.
        using (Traffic(port))
        {
            for (var i = 0; i < WarmUps; i++) await PublishAsync(managed, port, "none", StampGuest.Build(i % 2));
            await Task.Delay(TimeSpan.FromSeconds(5));
        }
        long most = 0;
        var slice = 0;
        var quiet = kinds.ToDictionary(k => k.Kind, _ => new LatencyHistogram());
        var hostile = kinds.ToDictionary(k => k.Kind, _ => new LatencyHistogram());
        for (var round = 0; round < rounds; round++)
            foreach (var (kind, module) in kinds) await MeasureKindAsync(kind, module);
        foreach (var (kind, _) in kinds)
        {
            double usual = quiet[kind].Quantile(0.99), p99 = hostile[kind].Quantile(0.99),
                limit = Math.Max(P99Limit * usual, usual + FloorMs);
            verdict.Say($"{kind,-22} p99 {p99,7:0.000} ms, quiet {usual:0.000}, ratio {p99 / usual:0.00} (limit {limit:0.000} ms)");
            verdict.Expect(p99 <= limit,
                $"{kind}: p99 of others is {p99:0.000} ms, {p99 / usual:0.00} times the usual (limit {limit:0.000} ms)");
        }
        load.Stop();
        verdict.Expect(!managed.HasExited && managed.Id == process, $"the product ended:\n{managed.LastLines}");
        load.Judge(verdict);
        verdict.Say(
            $"innocent requests {load.Requests}: failed {load.Failed}, connections closed {load.Closed}; resident at most {most >> 20}"
                + $" MiB");
        verdict.Expect(most <= MemoryLimit, $"resident memory reached {most >> 20} MiB");

        async Task MeasureKindAsync(string kind, byte[] module)
        {
            for (var attempt = 1; !managed.HasExited; attempt++)
            {
                await PublishAsync(managed, port, "none", StampGuest.Build(0));
                LatencyHistogram before, during;
                double stalledBefore, stalled;
                using (Traffic(port))
                {
                    await Task.Delay(SettleMs);
                    (before, stalledBefore) = await MeasureAsync();
                }
                await PublishAsync(managed, port, kind, module);
                // what a publication costs is another run's question; the guest does nothing before its first request
                await Task.Delay(SettleMs);
                double cpu = ProcessFigures.CpuSeconds(process);
                using (Traffic(port))
                {
                    (during, stalled) = await MeasureAsync();
                    most = Math.Max(most, ProcessFigures.Resident(process));
                }
                cpu = ProcessFigures.CpuSeconds(process) - cpu;
                var vms = (await managed.Admin.WasmVmsAsync()).Where(v => (string?)v["name"] == kind).ToList();
                // Busy neighbours stretch a latency, not this: how much of the workers' time went into the module.
                double share = vms.Sum(v => (double)v["time_micros"]!) / 1e6 / (2 * seconds);
                verdict.Say(
                    $"{kind,-22} p99 {during.Quantile(0.99),7:0.000} ms (p99.9 {during.Quantile(0.999):0.0}), quiet "
                        + $"{before.Quantile(0.99):0.000}; in the module {100 * share:0.00} % of both workers; CPU "
                            + $"{100 * cpu / seconds:0} %; VMs {string.Join(" ", vms.Select(v => $"{v["state"]}:{v["errors"]}e/{v["breaches"]}b/{v["created"]}c/{v["active"]}a"))}; machine stalled {stalledBefore:0} and {stalled:0} ms");
                // Whatever came of it: a rule that looked at the result would favour one.
                if (attempt < Attempts && Math.Max(stalledBefore, stalled) > MostStalled * seconds * 1000)
                {
                    verdict.Say($"{kind,-22} the machine itself stood still: again");
                    continue;
                }
                quiet[kind].Add(before);
                hostile[kind].Add(during);
                return;
            }
        }

        async Task<(LatencyHistogram Latencies, double StalledMs)> MeasureAsync()
        {
            double stalled = witness.StalledMs;
            load.Slice = ++slice;
            await Task.Delay(TimeSpan.FromSeconds(seconds));
            load.Slice = 0;
            return (load.Latencies(slice), witness.StalledMs - stalled);
        }
    }

    private static LoadGenerator Traffic(int port)
    {
        var traffic = new LoadGenerator(port, HostileConnections, HostileRate, 1,
            Encoding.ASCII.GetBytes("GET /bad HTTP/1.1\r\nHost: load.test\r\n\r\n"));
        traffic.Start();
        return traffic;
    }

    private static async Task PublishAsync(ManagedProcess managed, int port, string name, byte[] module)
    {
        var listener = new JsonObject
        {
            ["name"] = "bad",
            ["address"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"),
            ["http_filters"] = new JsonArray(new JsonObject
            {
                ["name"] = "wasm",
                ["typed_config"] = new JsonObject
                {
                    ["@type"] = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                    ["config"] = new JsonObject { ["name"] = name, ["configuration"] = "0",
                        ["vm_config"] = new JsonObject { ["vm_id"] = name,
                            ["code"] = new JsonObject { ["local"] = new JsonObject { ["inline_bytes"] =
                                Convert.ToBase64String(module) } } } },
                },
            }),
            ["routes"] =
                new JsonArray(JsonNode.Parse("""{"name":"all","match":{"prefix":"/"},"route":{"cluster":"web","timeout":"2s"}}""")),
        };
        var answer = await managed.Admin.SendAsync(HttpMethod.Put, "listeners/bad", listener.ToJsonString());
        if (answer.Status is not (200 or 201))
            throw new InvalidOperationException($"module {name} was answered with {answer.Status}: {answer.Short}");
    }
}
