using System.Text;
using Managed.Load.Product;

namespace Managed.Load.Runs;

/// <summary>Large documents at once in a heap of 512 MB: each is served or refused, and the process goes on.</summary>
internal static class DocumentsRun
{
    private static readonly int[] Refusals = [400, 413, 422, 429];

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int count = options.Count("count", 100, 1, 1000), clusters = options.Count("clusters", 20_000, 1, 100_000);
        Environment.SetEnvironmentVariable("DOTNET_GCHeapHardLimit", "0x20000000"); // the child's
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        var etag = (await managed.Admin.GetAsync("config")).ETag!;
        string large = Clusters(clusters), wide = "{\"clusters\":[" + string.Join(',', Enumerable.Repeat("{}", 5_500_000)) + "]}",
            text = $$"""{"clusters":[{"name":"{{new string('x', 15 << 20)}}"}]}""";
        foreach (var (name, document) in ((string, string)[])[("clusters", large), ("empty clusters", wide), ("one long name", text),
            ("brackets", new string('[', 16 << 20))])
        {
            await SendAsync(managed, name, document, count, etag, verdict);
            if (managed.HasExited) return;
            var after = await managed.Admin.SendAsync(HttpMethod.Post, "config/validate", Clusters(10));
            verdict.Expect(after.Status == 200, $"{name}: afterwards a small document was answered with {after.Status}: {after.Short}");
        }
        var alone = await managed.Admin.SendAsync(HttpMethod.Post, "config/validate", large);
        verdict.Expect(alone.Status == 200, $"{clusters} clusters alone were answered with {alone.Status}: {alone.Short}");
    }

    /// <summary>A document so many times at once, to be validated, tried and compared in turn.</summary>
    public static async Task SendAsync(ManagedProcess managed, string name, string document, int count, string etag, Verdict verdict)
    {
        var statuses = new SortedDictionary<int, int>();
        var calls = Enumerable.Range(0, count).Select(i => (i % 3) switch
        {
            0 => managed.Admin.SendAsync(HttpMethod.Post, "config/validate", document),
            1 => managed.Admin.SendAsync(HttpMethod.Put, "config?dry_run=true", document, etag),
            _ => managed.Admin.SendAsync(HttpMethod.Post, "config/diff", $$"""{"from":"active","to":{{document}}}"""),
        }).ToList();
        foreach (var call in calls)
        {
            int status;
            try
            {
                status = (await call).Status;
            }
            catch (HttpRequestException) when (!managed.HasExited)
            {
                status = 429; // refused and closed while the body was still on its way
            }
            catch (TaskCanceledException)
            {
                status = 0;
            }
            statuses[status] = statuses.GetValueOrDefault(status) + 1;
            verdict.Expect(status == 200 || Refusals.Contains(status), $"{name}: a call was answered with {status}");
        }
        verdict.Expect(!managed.HasExited, $"{name}: the process has ended: {managed.LastLines}");
        if (managed.HasExited) return;
        verdict.Say(
            $"{name} ({document.Length >> 10} KiB): {string.Join(", ", statuses.Select(s => $"{s.Key} × {s.Value}"))}; resident "
                + $"{ProcessFigures.Resident(managed.Id) >> 20} MiB");
    }

    public static string Clusters(int count)
    {
        var text = new StringBuilder("{\"clusters\":[");
        for (int i = 0; i < count; i++)
            text.Append(i == 0 ? "" : ",").Append(System.Globalization.CultureInfo.InvariantCulture,
                $"{{\"name\":\"c{i}\",\"endpoints\":[\"10.0.{i / 250 % 250}.{i % 250}:80\"]}}");
        return text.Append("]}").ToString();
    }
}
