using System.Diagnostics;
using Managed.Load.Product;

namespace Managed.Load.Runs;

/// <summary>
/// kill -9 at random moments while versions are written. A kill alone proves nothing about the disk; that is what
/// <see cref="FsyncRun"/> is for.
/// </summary>
internal static class KillRun
{
    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int rounds = options.Count("rounds", 200, 1, 10_000), seed = options.Count("seed", Random.Shared.Next(), 0, int.MaxValue);
        verdict.Say($"kill9: {rounds} rounds, --seed {seed}");
        using var scene = new Scene(options);
        var random = new Random(seed);
        var ledger = new VersionLedger();
        ManagedProcess? managed = null;
        int inFlight = 0, survived = 0;
        try
        {
            managed = await scene.StartAsync();
            ledger.Acknowledge(1, 0, scene.Document.Whole(0));
            for (var round = 1; round <= rounds && !(round > 3 && !verdict.Held); round++)
            {
                var killed = await WriteUntilKilledAsync(managed, scene, ledger, random);
                if (killed) inFlight++;
                await managed.DisposeAsync();
                DatabaseFile.Check(scene.DataFolder, verdict, round);
                managed = await scene.RestartAsync();
                if (await ledger.CheckAfterRestartAsync(managed, scene, verdict, round)) survived++;
                if (round % 20 == 0) verdict.Say($"  round {round}: {ledger.Acknowledged} acknowledged");
            }
            await ledger.CheckAllAsync(managed.Admin, verdict);
        }
        finally
        {
            if (managed is not null) await managed.DisposeAsync();
        }
        verdict.Say(
            $"kills {rounds}, of which during a write {inFlight}, whose version was kept {survived} times; acknowledged versions "
                + $"{ledger.Acknowledged}, looked at again at the end; numbers taken {ledger.LastNumber}, rejected as interrupted "
                    + $"{ledger.Rejected}");
    }

    /// <summary>Writes version after version until the process dies under it; true when a write was on its way then.</summary>
    private static async Task<bool> WriteUntilKilledAsync(ManagedProcess managed, Scene scene, VersionLedger ledger, Random random)
    {
        // Half of the kills come at any time of a warming-up process, half within a few milliseconds after some write.
        var byTime = random.Next(2) == 0;
        int after = byTime ? 0 : random.Next(1, 12);
        double milliseconds = byTime ? random.NextDouble() * 1500 : random.NextDouble() * 40;
        var go = new TaskCompletionSource();
        var killer = new Thread(() =>
        {
            go.Task.Wait();
            long end = Stopwatch.GetTimestamp() + (long)(milliseconds / 1000 * Stopwatch.Frequency);
            if (milliseconds > 3) Thread.Sleep((int)milliseconds - 2);
            while (Stopwatch.GetTimestamp() < end) Thread.SpinWait(50);
            managed.Kill();
        });
        killer.Start();
        var etag = (await managed.Admin.GetAsync("config")).ETag;
        if (byTime) go.SetResult();
        try
        {
            for (var written = 0; ; written++)
            {
                if (!byTime && written == after) go.SetResult();
                var (stamp, document) = ledger.Next(scene, random.Next(60));
                AdminAnswer answer;
                try
                {
                    answer = await managed.Admin.SendAsync(HttpMethod.Put, $"config?comment=stamp-{stamp}", document.ToJsonString(), etag);
                }
                catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
                {
                    return true;
                }
                if (answer.Status != 200 || answer.Version is not { } version)
                    throw new InvalidOperationException($"PUT /config answered {answer.Status}: {answer.Short}");
                ledger.Acknowledge(version, stamp, document);
                etag = answer.ETag;
            }
        }
        finally
        {
            go.TrySetResult();
            killer.Join();
        }
    }
}
