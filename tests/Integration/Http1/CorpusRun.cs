using System.Collections.Concurrent;
using System.Text;
using Managed.TestKit;

namespace Managed.Integration.Http1;

/// <summary>Runs the whole corpus once for each kind of upstream, in lanes side by side; the tests look their case up.</summary>
public sealed class CorpusRun
{
    private const int Lanes = 16;
    private readonly ConcurrentDictionary<UpstreamManners, Lazy<Task<IReadOnlyDictionary<string, Verdict>>>> _runs = new();

    internal async Task<Verdict> VerdictAsync(UpstreamManners manners, string name) =>
        (await _runs.GetOrAdd(manners, static m => new(() => Task.Run(() => RunAsync(m)))).Value)[name];

    private static async Task<IReadOnlyDictionary<string, Verdict>> RunAsync(UpstreamManners manners)
    {
        var upstreams = Enumerable.Range(0, Lanes).Select(_ => new CorpusUpstream(manners)).ToList();
        await using var proxy = await ProxyFixture.StartAsync(Document(upstreams));
        var verdicts = new ConcurrentDictionary<string, Verdict>();
        var cases = new ConcurrentQueue<CorpusCase>(CorpusCase.All);
        await Task.WhenAll(upstreams.Select((upstream, i) => Task.Run(async () =>
        {
            var lane = new CorpusLane(proxy.Port($"lane{i}"), upstream);
            while (cases.TryDequeue(out var test)) verdicts[test.Name] = await lane.RunAsync(test);
        })));
        foreach (var upstream in upstreams) upstream.Dispose();
        return verdicts;
    }

    private static string Document(List<CorpusUpstream> upstreams)
    {
        var yaml = new StringBuilder("listeners:\n");
        for (int i = 0; i < upstreams.Count; i++)
            yaml.AppendLine(
                $"- {{name: lane{i}, address: \"127.0.0.1:0\", routes: [{{match: {{prefix: /}}, route: {{cluster: up{i}}}}}]}}");
        yaml.AppendLine("clusters:");
        for (int i = 0; i < upstreams.Count; i++)
            yaml.AppendLine($"- {{name: up{i}, endpoints: [\"127.0.0.1:{upstreams[i].Port}\"]}}");
        return yaml.ToString();
    }
}
