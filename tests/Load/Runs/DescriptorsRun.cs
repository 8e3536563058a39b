using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Managed.Load.Product;

namespace Managed.Load.Runs;

/// <summary>
/// A process with 300 descriptors whose clients take all that they can get: it refuses the rest at once, hardly uses the processor, answers
/// its admin port throughout, and accepts again within a second when they have gone. Then the admin port's turn to be crowded.
/// </summary>
internal static class DescriptorsRun
{
    private const double CpuLimit = 0.05, BackLimit = 1, Quiet = 0.03;

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int limit = options.Count("count", 300, 250, 100_000), rounds = options.Count("rounds", 3, 1, 100);
        double seconds = options.Number("seconds", 10, 1, 600);
        using var scene = new Scene(options);
        var few = string.Create(CultureInfo.InvariantCulture, $"ulimit -n {limit}; exec \"$0\" \"$@\"");
        var document = scene.Document.Whole(0);
        document["listeners"] = new JsonArray(StampedDocument.Patient(document["listeners"]![0]!.AsObject()));
        await using var managed = await scene.StartAsync(document, ["/bin/sh", "-c", few]);
        await AnswersWithinAsync(scene.Document.Listener, 30, verdict);
        verdict.Say($"limit {limit}: {ProcessFigures.Descriptors(managed.Id)} descriptors in use when idle");
        await using var ready = new ReadyProbe(managed.Admin);
        // What the runtime compiles after a start, and again after 30 calls, is not what being full costs.
        for (int i = 0; i < 3; i++) (await CrowdAsync(scene.Document.Listener, limit)).ForEach(s => s.Dispose());
        for (int i = 0; i < 100; i++) await ReadyProbe.AskAsync(managed.Admin.Address);
        await QuietAsync(managed.Id, verdict);
        for (int round = 1; round <= rounds; round++)
        {
            var crowd = await CrowdAsync(scene.Document.Listener, limit);
            int held = crowd.Count(s => !Refused(s, 0));
            double cpu = ProcessFigures.CpuSeconds(managed.Id), compiled = ProcessFigures.CompilerSeconds(managed.Id);
            var clock = Stopwatch.StartNew();
            int tried = 0, told = 0;
            await Task.Delay(TimeSpan.FromSeconds(seconds));
            double share = (ProcessFigures.CpuSeconds(managed.Id) - cpu) / clock.Elapsed.TotalSeconds;
            double compiling = (ProcessFigures.CompilerSeconds(managed.Id) - compiled) / clock.Elapsed.TotalSeconds;
            while (tried < 10)
            {
                using var late = await ConnectAsync(scene.Document.Listener);
                tried++;
                if (Refused(late, 1_000_000)) told++;
                await Task.Delay(250);
            }
            int used = ProcessFigures.Descriptors(managed.Id);
            foreach (var socket in crowd) socket.Dispose();
            double back = await AnswersWithinAsync(scene.Document.Listener, 10, verdict);
            verdict.Say($"round {round}: {held} connections held, {crowd.Count - held} refused, {used} descriptors in use");
            verdict.Say(
                $"round {round}: CPU {100 * share:0.0} % of a core (the compiler {100 * compiling:0.0} %), {told} of {tried}"
                    + $" late clients told at once, back after {back:0.000} s");
            verdict.Expect(held > 0 && held < crowd.Count, $"{held} of {crowd.Count} connections were held");
            verdict.Expect(used < limit, $"no descriptor is left");
            verdict.Expect(share < CpuLimit, $"{100 * share:0.0} % of a core while full");
            verdict.Expect(told == tried, $"{tried - told} clients were left waiting");
            verdict.Expect(back <= BackLimit, $"accepting took {back:0.000} s to resume");
        }
        await CrowdAdminAsync(managed.Admin, limit, verdict);
        var (asked, failed, slowest) = await ready.EndAsync();
        long overflow = await OverflowAsync(managed.Admin);
        verdict.Say(
            $"admin port: {asked} new connections asked, {failed} failed, slowest {slowest:0.000} s; refused and counted {overflow}");
        verdict.Expect(asked > 0 && failed == 0, $"the admin port did not answer {failed} of {asked} times");
        verdict.Expect(overflow > 0, $"nothing was counted");
        verdict.Expect(!managed.HasExited, $"the process ended: {managed.LastLines}");
    }

    // Two seconds in a row with little to do. Who spins never gets there, and is measured all the same.
    private static async Task QuietAsync(int process, Verdict verdict)
    {
        int quiet = 0, seconds = 0;
        for (; quiet < 2 && seconds < 60; seconds++)
        {
            double before = ProcessFigures.CpuSeconds(process);
            var clock = Stopwatch.StartNew();
            await Task.Delay(TimeSpan.FromSeconds(1));
            quiet = (ProcessFigures.CpuSeconds(process) - before) / clock.Elapsed.TotalSeconds <= Quiet ? quiet + 1 : 0;
        }
        verdict.Say($"quiet after {seconds} s");
    }

    // More silent connections than it may have: who comes with a request is answered all the same.
    private static async Task CrowdAdminAsync(AdminClient admin, int limit, Verdict verdict)
    {
        var crowd = await CrowdAsync(admin.Address.Port, limit);
        int failed = 0;
        for (int i = 0; i < 20; i++)
        {
            if (!await ReadyProbe.AskAsync(admin.Address)) failed++;
            await Task.Delay(50);
        }
        int held = crowd.Count(s => !Refused(s, 0));
        foreach (var socket in crowd) socket.Dispose();
        verdict.Say($"admin port with {crowd.Count} silent connections ({held} held): {failed} of 20 requests failed");
        verdict.Expect(failed == 0, $"silent connections locked {failed} of 20 requests out of the admin port");
    }

    private static async Task<long> OverflowAsync(AdminClient admin)
    {
        var answer = await admin.GetAsync("/stats?filter=downstream_global_cx_overflow");
        return answer.Body.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Sum(l => long.Parse(l[(l.LastIndexOf(':') + 1)..], NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture));
    }

    private static async Task<List<Socket>> CrowdAsync(int port, int count)
    {
        var crowd = new List<Socket>(count);
        for (int i = 0; i < count; i++) crowd.Add(await ConnectAsync(port));
        await Task.Delay(500);
        return crowd;
    }

    private static async Task<Socket> ConnectAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return socket;
    }

    // Readable though nothing was asked: an end or a reset.
    private static bool Refused(Socket socket, int micros) => socket.Poll(micros, SelectMode.SelectRead);

    private static async Task<double> AnswersWithinAsync(int port, double seconds, Verdict verdict)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            using var socket = await ConnectAsync(port);
            socket.ReceiveTimeout = 1000;
            try
            {
                socket.Send("GET / HTTP/1.1\r\nHost: load.test\r\nConnection: close\r\n\r\n"u8);
                var bytes = new byte[512];
                int n = socket.Receive(bytes);
                if (bytes.AsSpan(0, n).StartsWith("HTTP/1.1 200 "u8)) return clock.Elapsed.TotalSeconds;
            }
            catch (SocketException)
            {
            }
            await Task.Delay(20);
        }
        verdict.Miss($"no answer within {seconds} s");
        return seconds;
    }
}
