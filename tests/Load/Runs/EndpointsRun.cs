using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Managed.Load.Runs;

/// <summary>
/// Many endpoints in one cluster: what a pick costs with each policy, in this process; how long a publication takes that changes one of
/// them, and what they take of memory, in the product.
/// </summary>
internal static class EndpointsRun
{
    private const int Picks = 200_000, Rounds = 7, WarmUp = 60; // a publication's code is compiled again after some dozens

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int count = options.Count("count", 10_000, 2, 100_000), publications = options.Count("publications", 50, 5, 10_000),
            limitNs = options.Count("limit-ns", 200, 1, 1_000_000);
        double limitMs = options.Number("limit-ms", 50, 1, 100_000);
        if (options.Text("kind", "") != "build")
            await using (var server = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance }))
            foreach (var (name, config) in Policies()) Measure(name, config, count, server.WorkerAt(0), limitNs, verdict);
        await BuildAsync(count, limitMs, verdict);
        await PublishAsync(options, count, publications, limitMs, verdict);
    }

    private static IEnumerable<(string, ClusterConfig)> Policies()
    {
        var ring = new RingHashLbConfig { MinimumRingSize = 65_536 };
        foreach (var policy in Enum.GetValues<LbPolicy>())
            if (policy != LbPolicy.ClusterProvided)
                yield return (policy.ToString(), new ClusterConfig { LbPolicy = policy, RingHashLbConfig = ring });
        yield return ("RingHash, bounded", new ClusterConfig { LbPolicy = LbPolicy.RingHash, RingHashLbConfig = ring,
            CommonLbConfig = new() { ConsistentHashingLbConfig = new() { HashBalanceFactor = 125 } } });
        yield return ("RoundRobin, localities", new ClusterConfig { CommonLbConfig = new() { LocalityWeightedLbConfig = new() } });
        yield return ("RoundRobin, slow start", new ClusterConfig { RoundRobinLbConfig = new()
            { SlowStartConfig = new() { SlowStartWindow = TimeSpan.FromHours(1) } } });
    }

    // The best round: what a machine with other work adds is no cost of the pick.
    private static void Measure(string name, ClusterConfig config, int count, WorkerContext worker, int limitNs, Verdict verdict)
    {
        var state = new ClusterState("many", 1) { Requests = count };
        var balancer = new LoadBalancer(config, 1, state);
        long now = worker.NowMicros;
        var members = Enumerable.Range(0, count).Select(i =>
        {
            var at = new IPEndPoint(new IPAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]), 80);
            return new EndpointMember(new Endpoint(SocketAddressBytes.From(at), at.ToString(), "", "", 1)
                { SinceMicros = now - (i % 2 == 0 ? 3_600_000_000L : 1_800_000_000) }, 1 + i % 3, EndpointHealthStatus.Unknown)
                { Locality = new EndpointLocality($"//{i % 10}", 1 + (uint)i % 10) };
        }).ToList();
        long began = Stopwatch.GetTimestamp();
        var set = new EndpointSet(members, balancer: balancer, byLocality: config.CommonLbConfig.LocalityWeightedLbConfig is not null);
        double built = Stopwatch.GetElapsedTime(began).TotalMilliseconds, best = double.MaxValue;
        long allocated = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Picks; i++) balancer.Pick(set, worker, worker.NextRandom());
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / Picks);
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        verdict.Say($"{name,-24} {count} endpoints: pick {best:0} ns, {allocated} bytes; set made in {built:0} ms");
        verdict.Expect(best <= limitNs, $"{name}: a pick takes {best:0} ns, more than {limitNs}");
        verdict.Expect(allocated == 0, $"{name}: picks allocate");
    }

    // What of a publication is the data plane's: without the API, its history and its disk.
    private static async Task BuildAsync(int count, double limitMs, Verdict verdict)
    {
        await using var server = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });
        server.Start();
        double parsed = double.MaxValue, built = double.MaxValue, published = double.MaxValue;
        for (int round = 0; round < Rounds * 2; round++)
        {
            string text = $"clusters: [{{name: many, endpoints: [{string.Join(", ", Enumerable.Range(0, count)
                .Select(i => i == round ? $"\"10.200.0.{i}:80\"" : $"\"10.{i >> 16}.{i >> 8 & 255}.{i & 255}:80\""))}]}}]";
            long began = Stopwatch.GetTimestamp();
            var document = (ConfigObject)ConfigParser.Parse(text, ConfigFormat.Yaml, "many", new ConfigErrors())!;
            parsed = Math.Min(parsed, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            began = Stopwatch.GetTimestamp();
            var result = server.Build(document, round + 1);
            built = Math.Min(built, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            began = Stopwatch.GetTimestamp();
            await server.PublishAsync(result.Snapshot!);
            published = Math.Min(published, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }
        verdict.Say($"in the data plane alone: built in {built:0.0} ms, in service {published:0.0} ms later (best of {Rounds * 2}; parsed "
            + $"in {parsed:0.0} ms)");
        verdict.Expect(built + published <= limitMs, $"a publication takes {built + published:0} ms, more than {limitMs:0}");
    }

    private static async Task PublishAsync(Arguments options, int count, int publications, double limitMs, Verdict verdict)
    {
        using var scene = new Scene(options);
        var document = scene.Document.Whole(0);
        await using (var few = await scene.StartAsync(document, null))
            verdict.Say($"memory without them: {ProcessFigures.Resident(few.Id) / 1e6:0.0} MB resident");
        Directory.Delete(scene.DataFolder, recursive: true);
        var endpoints = new JsonArray();
        for (int i = 0; i < count; i++)
            endpoints.Add(string.Create(CultureInfo.InvariantCulture, $"10.{i >> 16}.{i >> 8 & 255}.{i & 255}:80"));
        document["clusters"]!.AsArray().Add(new JsonObject { ["name"] = "many", ["endpoints"] = endpoints });
        await using var managed = await scene.StartAsync(document, null);
        var times = new List<double>();
        for (int i = 0; i < WarmUp + publications; i++)
        {
            long began = Stopwatch.GetTimestamp();
            var answer = await managed.Admin.SendAsync(HttpMethod.Patch, "clusters/many", string.Create(CultureInfo.InvariantCulture,
                $$"""[{"op": "replace", "path": "/endpoints/{{i * 97 % count}}", "value": "10.200.{{i >> 8}}.{{i & 255}}:80"}]"""), null,
                    "application/json-patch+json");
            if (i >= WarmUp) times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            if (answer.Status != 200) verdict.Miss($"publication {i} was answered with {answer.Status}: {answer.Short}");
        }
        double median = Median.Of(times);
        verdict.Say($"one endpoint of {count} changed by the API, with its history on disk: {median:0.0} ms (median of {times.Count}; best "
            + $"{times.Min():0.0}), "
            + $"{ProcessFigures.Resident(managed.Id) / 1e6:0.0} MB resident after {WarmUp + publications} versions");
        verdict.Expect(median <= limitMs, $"a publication by the API takes {median:0} ms, more than {limitMs:0}");
    }
}
