using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>What the product has promised, to be held against what it has after a restart.</summary>
internal sealed class VersionLedger
{
    private readonly SortedDictionary<long, (long Stamp, JsonObject Document)> _kept = [];
    private readonly HashSet<long> _rejected = [];
    private (long Stamp, JsonObject Document) _inFlight;
    private long _lastStamp;
    private long _checked;

    public int Acknowledged { get; private set; }
    public int Rejected => _rejected.Count;
    public long LastNumber { get; private set; }

    /// <summary>The next document to be written; until it is acknowledged it is the one in flight.</summary>
    public (long Stamp, JsonObject Document) Next(Scene scene, int fillers)
    {
        _lastStamp++;
        return _inFlight = (_lastStamp, scene.Document.Whole(_lastStamp, fillers));
    }

    public void Acknowledge(long version, long stamp, JsonObject document)
    {
        _kept.Add(version, (stamp, document));
        _inFlight = default;
        Acknowledged++;
    }

    /// <summary>True when the version that was in flight is the active one.</summary>
    public async Task<bool> CheckAfterRestartAsync(ManagedProcess managed, Scene scene, Verdict verdict, int round)
    {
        long last = _kept.Keys.Max();
        var status = (await managed.Admin.GetAsync("status")).Json;
        verdict.Expect(status["degraded"] is null, $"round {round}: degraded: {status["degraded"]?.ToJsonString()}");
        long active = (long)status["version"]!;
        var survived = active != last;
        if (survived)
        {
            var document = await DocumentAsync(managed.Admin, active);
            if (active < last || _inFlight.Document is null || !JsonNode.DeepEquals(document, _inFlight.Document))
                verdict.Miss($"round {round}: version {active} is active; acknowledged last was {last}");
            else
                _kept.Add(active, _inFlight);
        }
        await CheckNumbersAsync(managed.Admin, verdict, round, active);
        foreach (var (version, kept) in _kept.Where(k => k.Key > _checked).ToList())
            verdict.Expect(JsonNode.DeepEquals(await DocumentAsync(managed.Admin, version), kept.Document),
                $"round {round}: version {version} is not the document that was acknowledged");
        _checked = active;
        long served = Served(scene.Document.Listener);
        verdict.Expect(_kept.TryGetValue(active, out var expected) && served == expected.Stamp,
            $"round {round}: the proxy serves stamp {served}, version {active} has {expected.Stamp}");
        _inFlight = default;
        return survived;
    }

    /// <summary>Every acknowledged version once more, with its exact document.</summary>
    public async Task CheckAllAsync(AdminClient admin, Verdict verdict)
    {
        foreach (var (version, kept) in _kept)
            verdict.Expect(JsonNode.DeepEquals(await DocumentAsync(admin, version), kept.Document),
                $"at the end: version {version} is not the document that was acknowledged");
    }

    // Every number up to the last is listed; whatever was neither acknowledged nor found active after a kill is listed as rejected.
    private async Task CheckNumbersAsync(AdminClient admin, Verdict verdict, int round, long active)
    {
        var states = new SortedDictionary<long, string>();
        string? token = null;
        do
        {
            var page = (await admin.GetAsync($"versions?page_size=100{(token is null ? "" : "&page_token=" + token)}")).Json;
            foreach (var item in page["items"]!.AsArray()) states[(long)item!["version"]!] = (string)item["state"]!;
            token = (string?)page["next_page_token"];
        }
        while (token is not null && states.Keys.First() > _checked + 1);
        LastNumber = states.Keys.Last();
        for (long number = Math.Max(1, _checked); number <= LastNumber; number++)
        {
            var state = states.GetValueOrDefault(number, "missing");
            if (number == active) verdict.Expect(state == "active", $"round {round}: the active version {number} is listed as {state}");
            else if (_kept.ContainsKey(number))
                verdict.Expect(state == "superseded", $"round {round}: the acknowledged version {number} is listed as {state}");
            else
            {
                verdict.Expect(state == "rejected", $"round {round}: version {number}, never acknowledged, is listed as {state}");
                _rejected.Add(number);
            }
        }
    }

    private static async Task<JsonNode?> DocumentAsync(AdminClient admin, long version)
    {
        var answer = await admin.GetAsync(string.Create(CultureInfo.InvariantCulture, $"versions/{version}/config"));
        return answer.Status == 200 ? answer.Json : null;
    }

    private static long Served(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 20_000 };
        socket.Connect("127.0.0.1", port);
        socket.Send("GET /after HTTP/1.1\r\nHost: load.test\r\nConnection: close\r\n\r\n"u8);
        var bytes = new byte[8192];
        int length = 0, n;
        while ((n = socket.Receive(bytes.AsSpan(length))) > 0) length += n;
        var (head, _) = Message.Response(bytes.AsSpan(0, length));
        return Message.Number(bytes.AsSpan(0, head), "x-v"u8) is >= 0 and var stamp ? stamp
            : throw new InvalidOperationException("the proxy answered " + Encoding.Latin1.GetString(bytes.AsSpan(0, length)));
    }
}
