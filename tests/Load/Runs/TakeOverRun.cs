using System.Diagnostics;
using System.Globalization;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// <c>managed run --take-over</c> again and again under load, each time with another number of workers. Before every fifth, one that is
/// killed at a random moment of its start: the one that serves goes on and takes changes.
/// </summary>
internal static class TakeOverRun
{
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(60); // 8 s of draining, on a busy machine

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int rounds = options.Count("rounds", 50, 1, 10_000), connections = options.Count("connections", 32, 2, 10_000);
        double rate = options.Number("rate", 500, 1, 1_000_000);
        using var scene = new Scene(options);
        var node = await scene.StartAsync();
        var times = new List<double>();
        int killed = 0;
        using var kept = new LoadGenerator(scene.Document.Listener, connections, rate);
        using var fresh = new LoadGenerator(scene.Document.Listener, connections / 2, rate / 4, request:
            "GET /load HTTP/1.1\r\nHost: load.test\r\nConnection: close\r\n\r\n"u8.ToArray());
        try
        {
            kept.Start();
            fresh.Start();
            for (var round = 1; round <= rounds && (round <= 3 || verdict.Held); round++)
            {
                if (round % 5 == 0 && times.Count > 0)
                {
                    await KillAsync(scene, times.Min() * 0.7 * Random.Shared.NextDouble());
                    killed++;
                    verdict.Expect(!node.HasExited, $"round {round}: the one that served has ended as the next was killed");
                }
                await PublishAsync(node, scene, round, verdict);
                long began = Stopwatch.GetTimestamp();
                var next = await ManagedProcess.StartAsync(scene.Executable, scene.DataFolder, null, null, 1 + round % 4, "--take-over");
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                if (node.ExitCodeWithin(EndLimit) is not 0 and var code)
                    verdict.Miss($"round {round}: the one before {(code is null ? "did not end" : $"ended with {code}")}:\n"
                        + node.LastLines);
                await node.DisposeAsync();
                node = next;
                if (round % 10 == 0)
                    verdict.Say($"  round {round}: {kept.Requests + fresh.Requests} requests, {kept.Failed + fresh.Failed} failed");
            }
            await PublishAsync(node, scene, rounds + 1, verdict);
            kept.Stop();
            fresh.Stop();
        }
        finally
        {
            await node.DisposeAsync();
        }
        foreach (var load in (LoadGenerator[])[kept, fresh])
        {
            verdict.Expect(load.Requests > 0, "no request was made");
            verdict.Expect(load.Failed == 0, $"{load.Failed} of {load.Requests} requests failed{load.Trouble}");
        }
        times.Sort();
        verdict.Say(string.Create(CultureInfo.InvariantCulture,
            $"{times.Count} take-overs, {killed} killed in between; {kept.Requests} requests on ")
            + $"{kept.Closed} kept connections that were told to close and {fresh.Requests} new ones, {kept.Failed + fresh.Failed} failed");
        verdict.Say(string.Create(CultureInfo.InvariantCulture,
            $"from the start of the next process to its announcement: median {times[times.Count / 2]:0} ms, longest {times[^1]:0} ms; ")
            + $"p99 {kept.Latencies(0).Quantile(0.99):0.0} ms, p99.9 {kept.Latencies(0).Quantile(0.999):0.0} ms");
    }

    // A version of each round: what one process has written the next one serves.
    private static async Task PublishAsync(ManagedProcess node, Scene scene, int round, Verdict verdict)
    {
        AdminAnswer answer;
        var waited = Stopwatch.StartNew();
        do
        {
            answer = await node.Admin.SendAsync(HttpMethod.Put, "config", scene.Document.Whole(0, round).ToJsonString(),
                (await node.Admin.GetAsync("config")).ETag);
        }
        while (answer.Status == 503 && waited.Elapsed < TimeSpan.FromSeconds(30)); // the killed one may just have gone
        verdict.Expect(answer.Status == 200, $"round {round}: a change was answered with {answer.Status} {answer.Short}");
    }

    private static async Task KillAsync(Scene scene, double afterMilliseconds)
    {
        using var process = Process.Start(new ProcessStartInfo(scene.Executable,
            ["run", "--data-dir", scene.DataFolder, "--admin", "127.0.0.1:0", "--workers", "2", "--take-over"])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        await Task.Delay(TimeSpan.FromMilliseconds(afterMilliseconds));
        process.Kill();
        await process.WaitForExitAsync();
    }
}
