using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Threading.Channels;

namespace Managed.Dashboard.Tests.FakeNode;

internal sealed record FakeVersion(long Number, SortedDictionary<string, string> Listeners, JsonObject Record);

/// <summary>
/// What a node remembers, as far as the dashboard can tell: listeners as YAML texts, versions, sessions, subscribers.
/// It refuses a text that mentions <c>nowhere</c>, so that a test can be wrong on a line of its choice.
/// </summary>
internal sealed partial class FakeState
{
    private readonly Lock _gate = new();
    private readonly List<FakeVersion> _versions = [];
    private readonly List<Channel<string>> _subscribers = [];

    public ConcurrentDictionary<string, (string Name, string Role)> Sessions { get; } = [];

    /// <summary>Listeners that may not be deleted, with who refers to them.</summary>
    public HashSet<string> InUse { get; } = [];

    /// <summary>Answers every read with this status while it is set.</summary>
    public int? FailWith { get; set; }

    /// <summary>By digest, in the order they came.</summary>
    public Dictionary<string, JsonObject> Modules { get; } = [];

    public List<JsonObject> Vms { get; } = [];

    /// <summary>Content type of the last upload, and whether its digest was right.</summary>
    public string? UploadHeaders { get; set; }

    private int _streams;

    /// <summary>Streams of figures that are open now.</summary>
    public int OpenStreams => Volatile.Read(ref _streams);

    public void Streams(int more) => Interlocked.Add(ref _streams, more);

    public JsonObject? PendingDeployment { get; set; }

    /// <summary>What the node says is wrong with its history.</summary>
    public JsonObject? Degraded { get; set; }

    public FakeVersion Active { get { lock (_gate) return _versions.Last(v => (string?)v.Record["state"] == "active"); } }

    public IReadOnlyList<FakeVersion> Versions { get { lock (_gate) return [.. _versions]; } }

    public FakeVersion? Find(string number) => number switch
    {
        "active" => _versions.Count == 0 ? null : Active,
        "latest" => Versions.LastOrDefault(),
        _ => Versions.FirstOrDefault(v => v.Number.ToString() == number),
    };

    public FakeVersion Commit(SortedDictionary<string, string> listeners, string comment, string author = "admin", string source = "api",
        long? restores = null, long? reverts = null)
    {
        lock (_gate)
        {
            var before = _versions.LastOrDefault();
            var diff = Diff(before?.Listeners ?? [], listeners);
            var number = (before?.Number ?? 0) + 1;
            if (before is not null)
                Active.Record["state"] = "superseded";
            var record = new JsonObject
            {
                ["version"] = number, ["created_at"] = DateTimeOffset.UtcNow.ToString("O"), ["author"] = author, ["source"] = source,
                ["comment"] = comment, ["base_version"] = before?.Number, ["restores"] = restores, ["reverts"] = reverts,
                ["state"] = "active", ["summary"] = diff["summary"]!.DeepClone(),
            };
            var version = new FakeVersion(number, listeners, record);
            _versions.Add(version);
            Tell("version.created");
            return version;
        }
    }

    public void Tell(string type)
    {
        lock (_gate)
            foreach (var subscriber in _subscribers)
                subscriber.Writer.TryWrite(type);
    }

    public async IAsyncEnumerable<string> Subscribe([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var channel = Channel.CreateUnbounded<string>();
        lock (_gate)
            _subscribers.Add(channel);
        await foreach (var type in channel.Reader.ReadAllAsync(cancel))
            yield return type;
    }

    public static string Etag(string text) => '"' + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16] + '"';

    public static string Document(SortedDictionary<string, string> listeners) =>
        listeners.Count == 0 ? "listeners: []\n"
        : "listeners:\n" + string.Concat(listeners.Values.Select(text => "- " + text.TrimEnd().Replace("\n", "\n  ") + "\n"));

    public static JsonObject ListenerJson(string text) => new()
    {
        ["name"] = NameLine().Match(text).Groups[1].Value,
        ["address"] = AddressLine().Match(text).Groups[1].Value,
        ["routes"] = new JsonArray(),
    };

    public static JsonObject Diff(SortedDictionary<string, string> from, SortedDictionary<string, string> to)
    {
        var operations = new JsonArray();
        foreach (var name in from.Keys.Union(to.Keys).Order(StringComparer.Ordinal))
        {
            from.TryGetValue(name, out var a);
            to.TryGetValue(name, out var b);
            if (a == b)
                continue;
            operations.Add(new JsonObject
            {
                ["op"] = a is null ? "add" : b is null ? "remove" : "replace",
                ["pointer"] = $"#/listeners/{to.Keys.Order(StringComparer.Ordinal).ToList().IndexOf(name)}",
                ["where"] = $"listeners[{name}]", ["kind"] = "listener", ["name"] = name,
                ["from"] = a is null ? null : ListenerJson(a), ["to"] = b is null ? null : ListenerJson(b),
            });
        }
        int Count(string op) => operations.Count(o => (string?)o!["op"] == op);
        return new JsonObject
        {
            ["summary"] = new JsonObject { ["added"] = Count("add"), ["changed"] = Count("replace"), ["removed"] = Count("remove") },
            ["operations"] = operations,
        };
    }

    [GeneratedRegex(@"^name:\s*(\S+)", RegexOptions.Multiline)] private static partial Regex NameLine();
    [GeneratedRegex(@"^address:\s*(\S+)", RegexOptions.Multiline)] private static partial Regex AddressLine();
}
