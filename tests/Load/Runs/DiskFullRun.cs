using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.TestKit;

namespace Managed.Load.Runs;

/// <summary>
/// kill -9 on a disk that is full: what was acknowledged last is what a start serves, though it can write nothing; and changes are taken
/// again, without a restart, when the disk takes them.
/// </summary>
internal static class DiskFullRun
{
    private const int DiskMegabytes = 8;
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(30);

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int rounds = options.Count("rounds", 20, 1, 10_000), seed = options.Count("seed", Random.Shared.Next(), 0, int.MaxValue);
        verdict.Say($"diskfull: {rounds} rounds, --seed {seed}");
        using var scene = new Scene(options);
        using var disk = SmallDisk.TryMount(scene.DataFolder, DiskMegabytes)
            ?? throw new SkippedException("mounting a small disk needs root");
        var random = new Random(seed);
        var state = new Acknowledged(1, 0);
        int refused = 0, degraded = 0, full = 0;
        var managed = await scene.StartAsync();
        try
        {
            for (var round = 1; round <= rounds && verdict.Held; round++)
            {
                for (var i = random.Next(1, 8); i > 0; i--) state = await WriteAsync(managed, scene, state, verdict, round) ?? state;
                disk.Fill();
                while (await WriteAsync(managed, scene, state, null, round) is { } taken && full++ < 100_000)
                {
                    state = taken;
                    if (random.Next(2) == 0) disk.Fill();
                }
                refused++;
                managed.Kill();
                await managed.DisposeAsync();
                if (random.Next(3) > 0) disk.Fill();
                managed = await scene.RestartAsync();
                var status = (await managed.Admin.GetAsync("status")).Json;
                if (status["degraded"] is not null) degraded++;
                // The call that was refused may have reached the log; nobody was promised it, nor that it is gone.
                var stamp = await StampAsync(managed.Admin, scene);
                verdict.Expect((long)status["version"]! == state.Version && stamp == state.Stamp,
                    $"round {round}: version {(long)status["version"]!} with stamp {stamp} is served, acknowledged last was "
                        + $"{state.Version} with {state.Stamp}: {status["degraded"]?.ToJsonString()}");
                disk.Free();
                state = await RecoveredAsync(managed, scene, state, verdict, round);
            }
        }
        finally
        {
            await managed.DisposeAsync();
        }
        verdict.Say(
            $"kills on a full disk {refused}, of whose starts {degraded} said that they were degraded; versions acknowledged "
                + $"{state.Version}, of them {full} with the disk full");
    }

    /// <summary>Null when it was refused with 503; anything else that is not 200 is a miss.</summary>
    private static async Task<Acknowledged?> WriteAsync(ManagedProcess managed, Scene scene, Acknowledged state, Verdict? mustSucceed,
        int round)
    {
        var stamp = state.Stamp + 1;
        var answer = await managed.Admin.SendAsync(HttpMethod.Put, "listeners/edge",
            scene.Document.Edge(stamp, fillers: 20).ToJsonString());
        if (answer is { Status: 200, Version: { } version }) return new(version, stamp);
        mustSucceed?.Miss($"round {round}: a write was answered {answer.Status}: {answer.Short}");
        return answer.Status == 503 ? null
            : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                $"a write was answered {answer.Status}: {answer.Short}"));
    }

    private static async Task<Acknowledged> RecoveredAsync(ManagedProcess managed, Scene scene, Acknowledged state, Verdict verdict,
        int round)
    {
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < Recovery)
        {
            if (await WriteAsync(managed, scene, state, null, round) is { } taken) return taken;
            await Task.Delay(100);
        }
        verdict.Miss($"round {round}: no write was taken within {Recovery.TotalSeconds} s after there was space");
        return state;
    }

    private static async Task<long> StampAsync(AdminClient admin, Scene scene)
    {
        var edge = (await admin.GetAsync("listeners/edge")).Json;
        if ((string?)edge["routes"]?[0]?["match"]?["path"] is { } path)
            return long.Parse(path.Split('/')[2], CultureInfo.InvariantCulture);
        return JsonNode.DeepEquals(edge, scene.Document.Edge(0)) ? 0 : -1;
    }

    private readonly record struct Acknowledged(long Version, long Stamp);
}
