using System.Diagnostics;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// Clients that wait with something unsaid: all of it, half a head, half a body (of a request that an upstream has got the rest of already,
/// so there are two connections for each). What a connection takes while it is there, and that all are closed when their time is over.
/// </summary>
internal static class WaitingRun
{
    private const double LimitBytes = 6 * 1024;
    private static readonly string[] Kinds = ["silent", "half-head", "half-body"];

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int wanted = options.Count("connections", 10_000, 10, 60_000), patience = options.Count("patience", 20, 2, 300);
        foreach (string kind in options.Text("kind", string.Join(',', Kinds)).Split(','))
        {
            if (!Kinds.Contains(kind)) throw new UsageException($"--kind: there is no '{kind}'");
            // Twice as many connections, and an eighth of the descriptors is kept for other things.
            int clients = kind == "half-body" ? Math.Min(wanted, (int)(Limits.RaiseOpenFiles() * 0.4)) : wanted;
            using var scene = new Scene(options);
            await using var managed = await scene.StartAsync(Document(scene, patience), null);
            await Task.Delay(TimeSpan.FromSeconds(10)); // what a start leaves behind has gone
            long before = ProcessFigures.Anonymous(managed.Id);
            int descriptors = ProcessFigures.Descriptors(managed.Id);
            var came = Stopwatch.StartNew();
            using var crowd = await Crowd.ComeAsync(kind, scene.Document.Listener, clients, 4000);
            var there = Stopwatch.StartNew();
            await Task.Delay(TimeSpan.FromSeconds(1));
            int held = ProcessFigures.Descriptors(managed.Id) - descriptors;
            double taken = ProcessFigures.Anonymous(managed.Id) - before, each = taken / held;
            verdict.Say($"{kind}: {clients} clients within {came.Elapsed.TotalSeconds - 1:0.0} s, {crowd.Refused} refused, "
                + $"{held} connections: {each:0} bytes each (limit {LimitBytes:0}), {taken / clients:0} for a client");
            verdict.Expect(held >= clients && crowd.Refused == 0, $"{kind}: {crowd.Refused} were refused, {held} connections held");
            verdict.Expect(each <= LimitBytes, $"{kind}: {each:0} bytes each");
            int Open() => kind == "half-body" ? Clients(managed) : ProcessFigures.Descriptors(managed.Id) - descriptors;
            while (Open() > clients / 1000 && there.Elapsed < TimeSpan.FromSeconds(patience + 30)) await Task.Delay(200);
            verdict.Say($"{kind}: closed {there.Elapsed.TotalSeconds:0.0} s after the last had come (limit of each {patience} s)");
            verdict.Expect(there.Elapsed < TimeSpan.FromSeconds(patience + 5), $"{kind}: {Open()} were not closed in time");
        }
    }

    // Connections to the upstream stay for the next request.
    private static int Clients(ManagedProcess managed)
    {
        var stats = managed.Admin.GetAsync("/stats?filter=http.edge.downstream_cx_active").GetAwaiter().GetResult().Body;
        return int.Parse(stats.AsSpan(stats.IndexOf(':') + 1).Trim(), System.Globalization.CultureInfo.InvariantCulture);
    }

    private static JsonObject Document(Scene scene, int patience)
    {
        var document = scene.Document.Whole(0);
        var listener = StampedDocument.Patient(document["listeners"]![0]!.AsObject());
        var manager = listener["filter_chains"]![0]!["filters"]![0]!["typed_config"]!;
        (manager["request_headers_timeout"], manager["stream_idle_timeout"]) = ($"{patience}s", $"{patience}s");
        document["listeners"] = new JsonArray(listener);
        document["clusters"]![0]!["circuit_breakers"] = JsonNode.Parse(
            """{"thresholds":[{"max_connections":60000,"max_pending_requests":60000,"max_requests":60000}]}""");
        return document;
    }
}
