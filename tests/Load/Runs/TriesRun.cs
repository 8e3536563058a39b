using Managed.Load.Product;

namespace Managed.Load.Runs;

/// <summary>
/// Validations, dry runs, refused documents and filter tests, each with names and scripts of its own: none leaves anything.
/// </summary>
internal static class TriesRun
{
    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int rounds = options.Count("rounds", 10_000, 10, 1_000_000), limit = options.Count("limit-mb", 60, 1, 10_000);
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        var etag = (await managed.Admin.GetAsync("config")).ETag!;
        int warm = Math.Max(5, rounds / 20);
        for (int i = 0; i < warm; i++) await TryAsync(managed.Admin, -1 - i, etag, verdict);
        var (stats, machines, memory) = await LookAsync(managed);
        for (int i = 0; i < rounds; i++)
        {
            await TryAsync(managed.Admin, i, etag, verdict);
            if ((i + 1) % Math.Max(1, rounds / 5) != 0) continue;
            var now = await LookAsync(managed);
            verdict.Say($"after {i + 1}: {now.Stats} statistics, {now.Machines} machines, {now.Memory >> 20} MiB");
        }
        var after = await LookAsync(managed);
        verdict.Say(
            $"{rounds} tries: statistics {stats} to {after.Stats}, machines {machines} to {after.Machines}, memory {memory >> 20} to "
                + $"{after.Memory >> 20} MiB");
        verdict.Expect(after.Stats == stats, $"{after.Stats - stats} statistics are left");
        verdict.Expect(after.Machines == machines, $"{after.Machines - machines} machines are left");
        verdict.Expect(after.Memory - memory <= (long)limit << 20, $"memory grew by {(after.Memory - memory) >> 20} MiB");
    }

    private static async Task TryAsync(AdminClient admin, int i, string etag, Verdict verdict)
    {
        var document = $$"""
            {"clusters":[{"name":"try-{{i}}","type":"STATIC","endpoints":["127.0.0.1:9"]}],
             "listeners":[{"name":"try-{{i}}","address":"127.0.0.1:0","http_filters":[{"name":"lua","typed_config":{"inline_code":"-- {{i}}\nfunction envoy_on_request(h) h:stats():counter('c{{i}}'):add(1) end"} }],
              "routes":[{"match":{"prefix":"/"},"route":{"cluster":"try-{{i}}"} }]}]}
            """;
        switch ((i % 20 + 20) % 20)
        {
            case 0:
                var test = await admin.SendAsync(HttpMethod.Post, "filters/test",
                    $$"""{"filters":[{"name":"lua","typed_config":{"inline_code":"-- {{i}}\nfunction envoy_on_request(h) end"} """
                        + $$"""}],"request":{"path":"/"} }""");
                verdict.Expect(test.Status == 200, $"a filter test was answered with {test.Status}: {test.Short}");
                break;
            case 1 or 2 or 3:
                var refused = await admin.SendAsync(HttpMethod.Post, "config/validate",
                    document.Replace("STATIC", "NONE", StringComparison.Ordinal));
                verdict.Expect(refused.Status == 422, $"a refused document was answered with {refused.Status}: {refused.Short}");
                break;
            case < 12:
                var valid = await admin.SendAsync(HttpMethod.Post, "config/validate", document);
                verdict.Expect(valid.Status == 200, $"a validation was answered with {valid.Status}: {valid.Short}");
                break;
            default:
                var dry = await admin.SendAsync(HttpMethod.Put, "config?dry_run=true", document, etag);
                verdict.Expect(dry.Status == 200, $"a dry run was answered with {dry.Status}: {dry.Short}");
                break;
        }
    }

    private static async Task<(int Stats, int Machines, long Memory)> LookAsync(ManagedProcess managed)
    {
        int stats = (await managed.Admin.GetAsync("/stats")).Body.AsSpan().Count('\n');
        int machines = (int)(await managed.Admin.GetAsync("vms?page_size=1")).Json["total_size"]!;
        return (stats, machines, ProcessFigures.Anonymous(managed.Id));
    }
}
