using System.Globalization;
using Managed.TestKit;

namespace Managed.Benchmarks.Path;

/// <summary>
/// <c>path [--requests N] [--case NAME,...] [--types]</c>: what a request costs over the whole path. Exit code 1 when a case allocates in
/// every batch.
/// </summary>
internal static class PathCommand
{
    private const int WarmUp = 20_000, Batches = 20;

    public static async Task<int> RunAsync(string[] args)
    {
        int requests = 200_000;
        var cases = InMemoryPathCase.All;
        bool types = false;
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--types") types = true;
            else if (args[i] == "--requests" && i + 1 < args.Length && int.TryParse(args[++i], CultureInfo.InvariantCulture, out int number)
                && number > 0) requests = number;
            else if (args[i] == "--case" && i + 1 < args.Length && args[++i].Split(',') is var names
                && names.All(n => InMemoryPathCase.All.Any(c => c.Name == n)))
                cases = [.. InMemoryPathCase.All.Where(c => names.Contains(c.Name))];
            else
            {
                await Console.Error.WriteLineAsync($"path [--requests N] [--case {string.Join(',', InMemoryPathCase.All)}] [--types]");
                return 2;
            }
        }
        bool clean = true;
        foreach (var what in cases) clean &= await MeasureAsync(what, requests, types);
        return clean ? 0 : 1;
    }

    private static async Task<bool> MeasureAsync(InMemoryPathCase what, int requests, bool types)
    {
        await using var path = await InMemoryPath.StartAsync(what);
        await path.RunAsync(WarmUp);
        // The compiler replaces hot methods after a pause of calm, and works beside the worker: let it see and finish all of them.
        for (int i = 0; i < 4; i++)
        {
            await Task.Delay(150);
            await path.RunAsync(WarmUp / 4);
        }
        using var listener = types ? new AllocatedTypes() : null;
        long allocated = 0, least = long.MaxValue;
        double best = double.MaxValue;
        for (int i = 0; i < Batches; i++)
        {
            var cost = await path.RunAsync(requests / Batches);
            allocated += cost.AllocatedBytes;
            least = Math.Min(least, cost.AllocatedBytes);
            best = Math.Min(best, cost.CpuMicrosPerRequest);
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what.Name,-16} allocated per request: {(double)allocated / requests:0.###} bytes ({allocated} in {requests} requests)   "
                + $"CPU per request: {best:0.000} us (best of {Batches} batches)"));
        if (listener is not null) foreach (string line in listener.Lines()) Console.WriteLine("  " + line);
        return least == 0;
    }
}
