using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// Crowds that cost the product memory, in a heap of 512 MB, each beside innocent traffic on a process of its own: clients that send nothing,
/// clients that were served once and stay, clients that send half a head, first or after a request, clients with bodies for a script, callers
/// with large documents. The process must stay, serve the innocent, and serve everybody within 5 s after the crowd has gone.
/// </summary>
internal static class AttackRun
{
    private const string HeapLimit = "DOTNET_GCHeapHardLimit=0x20000000";
    private const int BodyBytes = 1 << 20;
    private const double IdleLimit = 4 * 1024, HalfHeadLimit = 6 * 1024;

    private static readonly byte[] Whole = Crowd.Sends["idle"];
    private static readonly string[] Kinds = ["silent", "idle", "half-head", "pipelined", "bodies", "documents", "clusters"];

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int clients = options.Count("connections", 20_000, 10, 60_000), bodies = options.Count("count", 1000, 1, 10_000);
        int documents = options.Count("documents", 100, 1, 1000), clusters = options.Count("clusters", 20_000, 1, 100_000);
        var wanted = options.Text("kind", string.Join(',', Kinds)).Split(',');
        foreach (string kind in wanted)
        {
            if (!Kinds.Contains(kind)) throw new UsageException($"--kind: there is no '{kind}'");
            using var scene = new Scene(options);
            int scripted = FreePort.Take();
            var document = scene.Document.Whole(0);
            document["listeners"] = new JsonArray(StampedDocument.Patient(document["listeners"]![0]!.AsObject()), Scripted(scripted));
            await using var managed = await scene.StartAsync(document, ["env", HeapLimit]);
            using var innocent = new LoadGenerator(scene.Document.Listener, 32, options.Number("rate", 500, 1, 100_000), slices: 3);
            innocent.Start();
            await Task.Delay(TimeSpan.FromSeconds(10)); // what is compiled after a start is not what it usually takes
            innocent.Slice = 1;
            await Task.Delay(TimeSpan.FromSeconds(5));
            innocent.Slice = 2;
            var (ran, waited) = ProcessFigures.Workers(managed.Id);
            switch (kind)
            {
                case "bodies": await BodiesAsync(scripted, bodies, managed, verdict); break;
                case "documents": await DocumentsAsync(kind, $$"""{"clusters":[{"name":"{{new string('x', 16_700_000)}}"}]}""", documents, managed, verdict); break;
                case "clusters": await DocumentsAsync(kind, DocumentsRun.Clusters(clusters), documents, managed, verdict); break;
                default: await CrowdAsync(kind, scene.Document.Listener, clients, managed, verdict); break;
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
            double alone = innocent.Latencies(1).Quantile(0.99), beside = innocent.Latencies(2).Quantile(0.99);
            verdict.Say($"{kind}: innocent p99 {alone:0.00} ms alone, {beside:0.00} ms beside it ({beside / alone:0.00} ×); full service {back.Elapsed.TotalSeconds:0.0} s after");
            verdict.Say($"{kind}: meanwhile the workers ran {now.Ran - ran:0.00} s and waited {now.Waited - waited:0.00} s for a CPU");
            innocent.Judge(verdict);
            verdict.Expect(beside <= 3 * alone, $"{kind}: p99 of the innocent is {beside / alone:0.00} × what it was");
            verdict.Expect(back.Elapsed <= TimeSpan.FromSeconds(5), $"{kind}: full service came back after {back.Elapsed.TotalSeconds:0.0} s");
        }
    }

    private static async Task CrowdAsync(string kind, int port, int clients, ManagedProcess managed, Verdict verdict)
    {
        double limit = kind is "silent" or "idle" ? IdleLimit : HalfHeadLimit;
        long before = ProcessFigures.Anonymous(managed.Id);
        int descriptors = ProcessFigures.Descriptors(managed.Id);
        var began = Stopwatch.StartNew();
        using var crowd = await Crowd.ComeAsync(kind, port, clients);
        double took = began.Elapsed.TotalSeconds;
        long sofar = ProcessFigures.Anonymous(managed.Id);
        await Task.Delay(TimeSpan.FromSeconds(5));
        if (managed.HasExited) return;
        long after = ProcessFigures.Anonymous(managed.Id);
        int held = ProcessFigures.Descriptors(managed.Id) - descriptors;
        // What the collector has not given back yet is not the connections', but is memory all the same: the smaller of both moments.
        double each = (Math.Min(sofar, after) - before) / (double)held;
        verdict.Say($"{kind}: {clients} clients within {took:0.0} s, {held} held, {crowd.Refused} refused: anonymous memory {before / 1048576.0:0.0} MB before, {after / 1048576.0:0.0} MB with them, {each:0} bytes each (limit {limit:0})");
        verdict.Expect(held > clients / 2, $"{kind}: only {held} were held");
        verdict.Expect(each <= limit, $"{kind}: {each:0} bytes for each client");
    }

    private static async Task DocumentsAsync(string kind, string document, int count, ManagedProcess managed, Verdict verdict)
    {
        var etag = (await managed.Admin.GetAsync("config")).ETag!;
        await DocumentsRun.SendAsync(managed, kind, document, count, etag, verdict);
    }

    private static async Task BodiesAsync(int port, int clients, ManagedProcess managed, Verdict verdict)
    {
        var answers = new int[600];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            int status = await PostAsync(port, limit.Token);
            Interlocked.Increment(ref answers[status]);
        }));
        if (managed.HasExited) return;
        verdict.Say($"bodies: {clients} of {BodyBytes >> 20} MiB at a time: {answers[200]} answered 200, {answers[503]} 503, {answers[0]} closed before an answer; anonymous memory {ProcessFigures.Anonymous(managed.Id) / 1048576.0:0.0} MB");
        verdict.Expect(answers[200] > 0, $"bodies: none was served");
        verdict.Expect(answers[200] + answers[503] + answers[0] == clients, $"bodies: other answers came");
    }

    // All but the last byte first, so that as much as possible is kept at one time. 0: no answer.
    private static async Task<int> PostAsync(int port, CancellationToken limit)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var (request, answer) = (WithBody, new byte[4096]);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), limit);
            var sending = SendAsync();
            int n = await socket.ReceiveAsync(answer, limit);
            if (n > 12) return int.Parse(answer.AsSpan(9, 3), CultureInfo.InvariantCulture);
            await sending;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
        }
        return 0;

        async Task SendAsync()
        {
            try
            {
                for (int at = 0; at < request.Length - 1;) at += await socket.SendAsync(request.AsMemory(at, request.Length - 1 - at), limit);
                await Task.Delay(500, limit);
                await socket.SendAsync(request.AsMemory(request.Length - 1), limit);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private static readonly byte[] WithBody =
        [.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"POST /body HTTP/1.1\r\nHost: load.test\r\nContent-Length: {BodyBytes}\r\n\r\n")), .. new byte[BodyBytes]];

    private static bool IsServed(int port, byte[] request)
    {
        Span<byte> answer = stackalloc byte[4096];
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 5000, SendTimeout = 5000 };
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
