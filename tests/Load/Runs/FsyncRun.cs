using Managed.Load.Product;

namespace Managed.Load.Runs;

/// <summary>
/// Proves from the system calls that whatever a version wrote to the database had been synced before its call was answered.
/// </summary>
internal static class FsyncRun
{
    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int count = options.Count("count", 100, 1, 10_000);
        var strace = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(p => Path.Combine(p, "strace"))
            .FirstOrDefault(File.Exists)
            ?? throw new SkippedException("there is no strace on PATH");
        using var scene = new Scene(options);
        var trace = Path.Combine(scene.Folder, "trace");
        // -D: the product stays this process's child; -y: descriptors with their paths
        string[] tracer = [strace, "-D", "-f", "-y", "-s", "96", "-e",
            "trace=fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg,read,recvfrom,recvmsg", "-e", "signal=none", "-o", trace];
        await using (var managed = await scene.StartAsync(tracer: tracer))
        {
            var etag = (await managed.Admin.GetAsync("config")).ETag;
            for (var i = 1; i <= count; i++)
            {
                var answer = await managed.Admin.SendAsync(HttpMethod.Put, $"config?comment={SyncTrace.Mark}{i}.",
                    scene.Document.Whole(i).ToJsonString(), etag);
                if (answer.Status != 200) throw new InvalidOperationException($"PUT /config answered {answer.Status}: {answer.Short}");
                etag = answer.ETag;
            }
        }
        var found = new SyncTrace();
        using (var lines = new StreamReader(new FileStream(trace, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)))
            while (await lines.ReadLineAsync() is { } line) found.Take(line);
        verdict.Expect(found.Acknowledgements.Count == count,
            $"{found.Acknowledgements.Count} of {count} calls and answers were found in the trace");
        foreach (var a in found.Acknowledgements)
        {
            verdict.Expect(a.Writes > 0 && a.Syncs > 0,
                $"acknowledgement {a.Number}: {a.Writes} writes and {a.Syncs} syncs of the database before the answer");
            verdict.Expect(a.Unsynced == 0,
                $"acknowledgement {a.Number}: {a.Unsynced} writes to the database were not synced when the answer left");
        }
        if (found.Acknowledgements is not [_, ..] all) return;
        verdict.Say(
            $"acknowledgements {all.Count}: database writes before each {all.Min(a => a.Writes)} to {all.Max(a => a.Writes)}, syncs "
                + $"{all.Min(a => a.Syncs)} to {all.Max(a => a.Syncs)}, writes unsynced when the answer left {all.Sum(a => a.Unsynced)}");
    }
}
