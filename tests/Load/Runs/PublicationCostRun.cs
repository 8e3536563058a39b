using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Managed.Load.Product;

namespace Managed.Load.Runs;

/// <summary>
/// What one cluster costs, published into a document of many routes and clusters: time of the call, CPU and allocated bytes of the process;
/// and memory over many of them.
/// </summary>
internal static class PublicationCostRun
{
    private const double GrowthShare = 0.05, GrowthBytes = 8e6;

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int publications = options.Count("publications", 1000, 20, 100_000), clusters = options.Count("clusters", 500, 1, 50_000),
            routes = options.Count("count", 5000, 1, 100_000);
        double limit = options.Number("limit-ms", 100, 1, 100_000);
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync(Document(scene, routes, clusters), null);
        var times = new List<double>();
        double cpu = 0, allocated = 0;
        var anonymous = new List<double>();
        int warmUp = Math.Min(publications / 4, 100);
        for (int i = 0; i < publications; i++)
        {
            if (i == warmUp) (cpu, allocated) = (ProcessFigures.CpuSeconds(managed.Id), await AllocatedAsync(managed));
            long began = Stopwatch.GetTimestamp();
            var answer = await managed.Admin.SendAsync(HttpMethod.Patch, $"clusters/c{i * 7 % clusters}",
                string.Create(CultureInfo.InvariantCulture, $$"""{"connect_timeout":"{{1 + i / clusters % 4}}.{{i % 1000:000}}s"}"""), null,
                    "application/merge-patch+json");
            if (i >= warmUp) times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            if (answer.Status != 200) verdict.Miss($"publication {i} was answered with {answer.Status}: {answer.Short}");
            if (i >= warmUp) anonymous.Add(ProcessFigures.Anonymous(managed.Id));
        }
        int counted = publications - warmUp;
        cpu = (ProcessFigures.CpuSeconds(managed.Id) - cpu) / counted * 1000;
        allocated = (await AllocatedAsync(managed) - allocated) / counted / 1e6;
        double median = Median.Of(times), early = Median.Of(anonymous.Take(counted / 4)), late = Median.Of(anonymous.TakeLast(counted / 4));
        verdict.Say(
            $"one cluster into {routes} routes and {clusters} clusters: {median:0.0} ms (median of {counted}; best {times.Min():0.0}), "
                + $"{cpu:0.0} ms of CPU, {allocated:0.00} MB allocated each");
        verdict.Say(
            $"anonymous memory: {early / 1e6:0.0} MB in the first quarter, {late / 1e6:0.0} MB in the last ("
                + $"{100 * (late / early - 1):+0.0;-0.0} %)");
        verdict.Expect(median <= limit, $"a publication takes {median:0} ms, more than {limit:0}");
        verdict.Expect(late <= early + Math.Max(GrowthBytes, GrowthShare * early), $"memory grew by {(late - early) / 1e6:0.0} MB");
    }

    private static async Task<double> AllocatedAsync(ManagedProcess managed)
    {
        var stats = (await managed.Admin.GetAsync("/stats?filter=server.memory_total_allocated")).Body;
        return double.Parse(stats.AsSpan(stats.IndexOf(':') + 1).Trim(), NumberStyles.Float, CultureInfo.InvariantCulture);
    }

    private static JsonObject Document(Scene scene, int routes, int clusters)
    {
        var document = scene.Document.Whole(0);
        var listed = new JsonArray();
        for (int i = 0; i < routes; i++)
            listed.Add(JsonNode.Parse(string.Create(CultureInfo.InvariantCulture,
                $$$"""{"name":"route-of-{{{i}}}","match":{"prefix":"/api/v1/tenants/{{{i}}}/"},"route":{"cluster":"c"""
                    + $$$"""{{{i % clusters}}}","timeout":"5s"}}""")));
        listed.Add(JsonNode.Parse("""{"name":"all","match":{"prefix":"/"},"route":{"cluster":"web"}}"""));
        document["listeners"]![0]!["routes"] = listed;
        for (int i = 0; i < clusters; i++)
            document["clusters"]!.AsArray()
                .Add(JsonNode.Parse(string.Create(CultureInfo.InvariantCulture, $$"""{"name":"c{{i}}","endpoints":["127.0.0.1:9"]}""")));
        return document;
    }
}
