using System.Globalization;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// Configurations that cannot be built, or that fail half-way, under load: each is refused with a place, and nothing changes.
/// </summary>
internal static class InvalidRun
{
    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int count = options.Count("count", 500, 1, 100_000);
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync(stamp: 7);
        using var load = new LoadGenerator(scene.Document.Listener, options.Count("connections", 64, 2, 1000),
            options.Number("rate", 1000, 0, 1_000_000)) { Acknowledged = 7 };
        load.Start();
        var etag = (await managed.Admin.GetAsync("config")).ETag;
        var byKind = new SortedDictionary<string, int>(StringComparer.Ordinal);
        int halfBound = 0, leftListening = 0;
        for (var i = 0; i < count; i++)
        {
            using var invalid = InvalidDocument.Make(scene.Document, i);
            var answer = await managed.Admin.SendAsync(HttpMethod.Put, "config", invalid.Text, etag);
            byKind[invalid.Kind] = byKind.GetValueOrDefault(invalid.Kind) + 1;
            var places = answer.Status is >= 400 and < 500
                ? answer.Json["errors"]?.AsArray().Select(e => (string?)e?["pointer"]).ToList() ?? [] : [];
            verdict.Expect(answer.Status is >= 400 and < 500, $"{invalid.Kind} ({i}) was answered with {answer.Status}: {answer.Short}");
            verdict.Expect(places.Any(p => p is not null && p.StartsWith(invalid.Pointer, StringComparison.Ordinal)),
                $"{invalid.Kind} ({i}): no error points to {invalid.Pointer}: {answer.Short}");
            var listening = ProcessFigures.ListeningPorts();
            int left = invalid.Ports.Count(listening.Contains);
            verdict.Expect(left == 0, $"{invalid.Kind} ({i}): {left} sockets are left listening");
            (halfBound, leftListening) = (halfBound + invalid.Ports.Count, leftListening + left);
            var status = (await managed.Admin.GetAsync("status")).Json;
            verdict.Expect((long)status["version"]! == 1, $"{invalid.Kind} ({i}): version {status["version"]} is active");
            verdict.Expect(status["listeners"]!.AsArray().Count == 1,
                $"{invalid.Kind} ({i}): the listeners changed: {status["listeners"]!.ToJsonString()}");
        }
        var now = await managed.Admin.GetAsync("config");
        verdict.Expect(now.ETag == etag && JsonNode.DeepEquals(now.Json, scene.Document.Whole(7)),
            $"the active document changed: {now.Short}");
        load.Stop();
        load.Judge(verdict);
        verdict.Expect(load.Seen == 7, $"stamp {load.Seen} was served");
        verdict.Say(
            $"{count} invalid configurations: {string.Join(", ", byKind.Select(k => string.Create(CultureInfo.InvariantCulture, $"{k.Key} {k.Value}")))}");
        verdict.Say(
            $"of {halfBound} sockets bound before a later one failed, {leftListening} were left listening; version active at the end "
                + $"{await managed.Admin.ActiveVersionAsync()}");
        verdict.Say(
            $"requests {load.Requests}: failed {load.Failed}, mixed {load.Mixed}, connections closed {load.Closed}, p99 "
                + $"{load.Latencies(0).Quantile(0.99):0.00} ms");
    }
}
