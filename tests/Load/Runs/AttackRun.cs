using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// Crowds that cost the product memory, in a heap of 512 MB, each beside innocent traffic on a process of its own: clients that send
/// nothing,
/// clients that were served once and stay, clients that send half a head, first or after a request, clients with bodies for a script,
/// callers with large documents. A crowd comes to a neighbour first, which does no more than take it. The process must stay, serve the
/// innocent, and serve everybody within 5 s after the crowd has gone.
/// </summary>
internal static class AttackRun
{
    private const string HeapLimit = "DOTNET_GCHeapHardLimit=0x20000000";
    private const int BodyBytes = 1 << 20;
    private const double IdleLimit = 4 * 1024, HalfHeadLimit = 6 * 1024;

    // Of the innocent's latencies.
    private const int Alone = 1, Coming = 2, Held = 3, Going = 4, Elsewhere = 5;

    private static readonly byte[] Whole = Crowd.Sends["idle"];
    private static readonly string[] Kinds = ["silent", "idle", "half-head", "pipelined", "bodies", "documents", "clusters"];

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int clients = options.Count("connections", 20_000, 10, 60_000), bodies = options.Count("count", 1000, 1, 10_000);
        int documents = options.Count("documents", 100, 1, 1000), clusters = options.Count("clusters", 20_000, 1, 100_000);
        int perSecond = options.Count("per-second", 4000, 0, 1_000_000);
        var wanted = options.Text("kind", string.Join(',', Kinds)).Split(',');
        foreach (string kind in wanted)
        {
            if (!Kinds.Contains(kind)) throw new UsageException($"--kind: there is no '{kind}'");
            using var scene = new Scene(options);
            int scripted = FreePort.Take();
            var document = scene.Document.Whole(0);
            document["listeners"] = new JsonArray(StampedDocument.Patient(document["listeners"]![0]!.AsObject()), Scripted(scripted));
            await using var managed = await scene.StartAsync(document, ["env", HeapLimit]);
            using var innocent = new LoadGenerator(scene.Document.Listener, 32, options.Number("rate", 500, 1, 100_000), slices: 6);
            innocent.Start();
            await Task.Delay(TimeSpan.FromSeconds(10)); // what is compiled after a start is not what it usually takes
            innocent.Slice = Alone;
            await Task.Delay(TimeSpan.FromSeconds(5));
            if (Crowd.Sends.ContainsKey(kind)) await AtANeighbourAsync(kind, clients, perSecond, innocent);
            if (kind == "bodies") await BodiesAtANeighbourAsync(bodies, innocent);
            innocent.Slice = Coming;
            var (ran, waited) = ProcessFigures.Workers(managed.Id);
            switch (kind)
            {
                case "bodies": await BodiesAsync(scripted, bodies, managed, verdict); break;
                case "documents": await DocumentsAsync(kind, $$"""{"clusters":[{"name":"{{new string('x', 16_700_000)}}"}]}""", documents,
                    managed, verdict); break;
                case "clusters": await DocumentsAsync(kind, DocumentsRun.Clusters(clusters), documents, managed, verdict); break;
                default: await CrowdAsync(kind, scene.Document.Listener, clients, perSecond, managed, innocent, verdict); break;
            }
            bool ended = managed.HasExited;
            verdict.Expect(!ended, $"{kind}: the product ended:\n{managed.LastLines}");
            if (ended) continue;
            var back = Stopwatch.StartNew();
            while (!IsServed(scene.Document.Listener, Whole) || !IsServed(scripted, WithBody))
            {
                if (back.Elapsed > TimeSpan.FromSeconds(60)) break;
                await Task.Delay(50);
            }
            innocent.Stop();
            var now = ProcessFigures.Workers(managed.Id);
            var (coming, held, going) = (innocent.Latencies(Coming), innocent.Latencies(Held), innocent.Latencies(Going));
            var phases = string.Join(", ", new[] { coming, held, going }.Where(p => p.Count > 0)
                .Select(p => $"{p.Quantile(0.5):0.00}, {p.Quantile(0.9):0.00}, {p.Quantile(0.99):0.00} ms of {p.Count}"));
            verdict.Say($"{kind}: innocent p50, p90, p99 while they come, are there and go: {phases}");
            coming.Add(held);
            coming.Add(going);
            double alone = innocent.Latencies(Alone).Quantile(0.99), beside = coming.Quantile(0.99);
            double elsewhere = innocent.Latencies(Elsewhere) is { Count: > 0 } there ? there.Quantile(0.99) : alone;
            double usual = Math.Max(alone, elsewhere);
            verdict.Say(
                $"{kind}: innocent p99 {alone:0.00} ms alone, {elsewhere:0.00} ms with the crowd at a neighbour, {beside:0.00} ms "
                    + $"beside it ({beside / alone:0.00} ×, {beside / usual:0.00} ×); full service {back.Elapsed.TotalSeconds:0.0} s "
                    + "after");
            verdict.Say($"{kind}: meanwhile the workers ran {now.Ran - ran:0.00} s and waited {now.Waited - waited:0.00} s for a CPU");
            innocent.Judge(verdict);
            verdict.Expect(beside <= 3 * usual, $"{kind}: p99 of the innocent is {beside / usual:0.00} × what it was");
            verdict.Expect(back.Elapsed <= TimeSpan.FromSeconds(5),
                $"{kind}: full service came back after {back.Elapsed.TotalSeconds:0.0} s");
        }
    }

    // What the crowd takes from everybody on this machine, whomever it visits, is not what the product lets it take from the innocent.
    private static async Task AtANeighbourAsync(string kind, int clients, int perSecond, LoadGenerator innocent)
    {
        using var neighbour = new Neighbour();
        innocent.Slice = Elsewhere;
        using (await Crowd.ComeAsync(kind, neighbour.Port, clients, perSecond))
            await Task.Delay(TimeSpan.FromSeconds(12)); // as long as it is held at the product
        await Task.Delay(TimeSpan.FromSeconds(1));
        innocent.Slice = 0;
        await Task.Delay(TimeSpan.FromSeconds(2));
    }

    private static async Task BodiesAtANeighbourAsync(int clients, LoadGenerator innocent)
    {
        using var neighbour = new Neighbour(WithBody.Length);
        innocent.Slice = Elsewhere;
        await BodyCrowd.ComeAsync(neighbour.Port, clients, BodyBytes);
        innocent.Slice = 0;
        await Task.Delay(TimeSpan.FromSeconds(2));
    }

    private static async Task CrowdAsync(string kind, int port, int clients, int perSecond, ManagedProcess managed, LoadGenerator innocent,
        Verdict verdict)
    {
        double limit = kind is "silent" or "idle" ? IdleLimit : HalfHeadLimit;
        long before = ProcessFigures.Anonymous(managed.Id);
        int descriptors = ProcessFigures.Descriptors(managed.Id);
        var began = Stopwatch.StartNew();
        using var crowd = await Crowd.ComeAsync(kind, port, clients, perSecond);
        innocent.Slice = Held;
        double took = began.Elapsed.TotalSeconds;
        long sofar = ProcessFigures.Anonymous(managed.Id);
        await Task.Delay(TimeSpan.FromSeconds(5));
        if (managed.HasExited) return;
        long after = ProcessFigures.Anonymous(managed.Id);
        int held = ProcessFigures.Descriptors(managed.Id) - descriptors;
        // What the collector has not given back yet is not the connections', but is memory all the same: the smaller of both moments.
        double each = (Math.Min(sofar, after) - before) / (double)held;
        verdict.Say(
            $"{kind}: {clients} clients within {took:0.0} s, {held} held, {crowd.Refused} refused: anonymous memory "
                + $"{before / 1048576.0:0.0} MB before, {after / 1048576.0:0.0} MB with them, {each:0} bytes each (limit {limit:0})");
        await Task.Delay(TimeSpan.FromSeconds(7)); // those that say nothing are closed meanwhile
        verdict.Expect(held > clients / 2, $"{kind}: only {held} were held");
        verdict.Expect(each <= limit, $"{kind}: {each:0} bytes for each client");
        innocent.Slice = Going;
    }

    private static async Task DocumentsAsync(string kind, string document, int count, ManagedProcess managed, Verdict verdict)
    {
        var etag = (await managed.Admin.GetAsync("config")).ETag!;
        await DocumentsRun.SendAsync(managed, kind, document, count, etag, verdict);
    }

    private static async Task BodiesAsync(int port, int clients, ManagedProcess managed, Verdict verdict)
    {
        var answers = await BodyCrowd.ComeAsync(port, clients, BodyBytes);
        if (managed.HasExited) return;
        int served = answers.GetValueOrDefault(200), refused = answers.GetValueOrDefault(503), closed = answers.GetValueOrDefault(0);
        double megabytes = ProcessFigures.Anonymous(managed.Id) / 1048576.0;
        string answered = $"{served} answered 200, {refused} 503, {closed} closed before an answer";
        verdict.Say($"bodies: {clients} of {BodyBytes >> 20} MiB at a time: {answered}; anonymous memory {megabytes:0.0} MB");
        verdict.Expect(served > 0, $"bodies: none was served");
        verdict.Expect(served + refused + closed == clients, $"bodies: other answers came");
    }

    private static readonly byte[] WithBody = BodyCrowd.Request(BodyBytes);

    private static bool IsServed(int port, byte[] request)
    {
        Span<byte> answer = stackalloc byte[4096];
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 5000,
                SendTimeout = 5000 };
            socket.Connect(IPAddress.Loopback, port);
            socket.Send(request);
            int n = socket.Receive(answer);
            return answer[..n].StartsWith("HTTP/1.1 200 "u8);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static JsonNode Scripted(int port) => JsonNode.Parse(string.Create(CultureInfo.InvariantCulture, $$$$"""
        {"name": "scripted", "address": "127.0.0.1:{{{{port}}}}", "per_connection_buffer_limit_bytes": {{{{2 * BodyBytes}}}},
         "http_filters": [{"name": "lua", "typed_config": {"default_source_code": {"inline_string":
           "function envoy_on_request(h)\n local b = h:body()\n h:respond({[':status'] = '200'}, tostring(b and b:length()))\nend"}}}],
         "routes": [{"name": "all", "match": {"prefix": "/"}, "route": {"cluster": "web"}}]}
        """))!;
}
