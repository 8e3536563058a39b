using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Discovery;

/// <summary>
/// A whole proxy before a name service in trouble: names that flap, that are gone, that have 1,000 addresses, and that are never answered.
/// The last good endpoints are kept, and neither a publication nor a worker waits.
/// </summary>
public sealed class DnsTroubleTests : IAsyncLifetime
{
    // On every address of the loopback network, so that each answer is reachable.
    private readonly RecordingUpstream _up = RecordingUpstream.Start("up", IPAddress.Any);
    private readonly ConcurrentDictionary<string, int> _asked = new();
    private readonly ConcurrentDictionary<string, bool> _hanging = new();
    private readonly ManualResetEventSlim _release = new();
    private readonly ConcurrentDictionary<string, string> _zone = new();
    private ProxyFixture _proxy = null!;

    public async ValueTask InitializeAsync() => _proxy = await ProxyFixture.StartWithAsync("", log => new ProxyOptions
        { Workers = 2, LoggerFactory = log, ResolveName = Answer });

    public async ValueTask DisposeAsync()
    {
        _release.Set();
        await _proxy.DisposeAsync();
        await _up.DisposeAsync();
    }

    // What the zone says of a name: addresses, or what is wrong with it.
    private IPAddress[] Answer(string name)
    {
        int nth = _asked.AddOrUpdate(name, 1, static (_, n) => n + 1);
        string says = _zone.GetValueOrDefault(name, "gone");
        switch (says)
        {
            case "hangs":
                _hanging.TryAdd(name, true);
                _release.Wait();
                throw new SocketException((int)SocketError.TryAgain);
            case "gone": throw new SocketException((int)SocketError.HostNotFound);
            case "empty": return [];
            case "flaps": return [IPAddress.Parse(nth % 2 == 0 ? "127.0.0.2" : "127.0.0.3")];
            case "thousand":
                return [.. Enumerable.Range(0, 1000).Select(i => new IPAddress([127, 1, (byte)(i >> 8), (byte)i]))];
            case "other thousand":
                return [.. Enumerable.Range(1, 1000).Select(i => new IPAddress([127, 1, (byte)(i >> 8), (byte)i]))];
            default: return [.. says.Split(' ').Select(IPAddress.Parse)];
        }
    }

    private string Document(string more = "", string timeout = "5s", params string[] names) => $$"""
        listeners:
        - name: edge
          address: "127.0.0.1:0"
          routes: [{match: {prefix: /}, route: {cluster_header: x-cluster} }]
        clusters:
        - {name: literal, connect_timeout: {{timeout}}, endpoints: ["127.0.0.1:{{_up.Port}}"]}
        {{string.Concat(names.Select(n => $"- {{name: {n}, type: STRICT_DNS, dns_refresh_rate: 0.01s, "
            + $"endpoints: [\"{n}.test:{_up.Port}\"]}}\n"))}}
        {{more}}
        """;

    private async Task<int> StatusAsync(string cluster) => (await _proxy.GetAsync(headers: $"x-cluster: {cluster}\r\n")).Status;

    private string[] Members(string cluster)
        => [.. _proxy.Server.Clusters().Single(c => c.Name == cluster).Endpoints.Select(e => e.Address.Split(':')[0])];

    private async Task AskedAgainAsync(string name, int times = 3)
    {
        int before = _asked.GetValueOrDefault(name);
        await Eventually.Async(() => _asked.GetValueOrDefault(name) >= before + times, $"{name} is asked for again");
    }

    // Of the workers' own statistics: none stood for a second (Envoy: watchdog_mega_miss).
    private void NoWorkerStood() => Assert.Equal(0, _proxy.Stat("server.watchdog_mega_miss"));

    [Fact]
    public async Task FlappingName_ServesEveryRequest()
    {
        _zone["web.test"] = "flaps";
        await _proxy.PublishAsync(Document(names: "web"));
        var seen = new HashSet<string>();
        for (int i = 0; i < 300; i++)
        {
            seen.Add(Assert.Single(Members("web")));
            Assert.Equal(200, await StatusAsync("web"));
        }
        await Eventually.Async(() => seen.Add(Members("web").Single()) && seen.Count == 2 || seen.Count == 2, "both answers were used");
        NoWorkerStood();
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("empty")]
    public async Task NameThatIsGone_KeepsItsLastGoodAddresses(string says)
    {
        _zone["web.test"] = "127.0.0.2 127.0.0.3";
        await _proxy.PublishAsync(Document(names: "web"));
        Assert.Equal(["127.0.0.2", "127.0.0.3"], Members("web"));
        _zone["web.test"] = says;
        await AskedAgainAsync("web.test");
        Assert.Equal(["127.0.0.2", "127.0.0.3"], Members("web"));
        Assert.Equal(200, await StatusAsync("web"));
        await _proxy.PublishAsync(Document(timeout: "4s", names: "web")); // a version that comes meanwhile has them as well
        Assert.Equal(["127.0.0.2", "127.0.0.3"], Members("web"));
        _zone["web.test"] = "127.0.0.4";
        await Eventually.Async(() => Members("web") is ["127.0.0.4"], "the next good answer");
        NoWorkerStood();
    }

    [Fact]
    public async Task ThousandAddresses_AreAllUsed_AndThoseThatStayAreKept()
    {
        _zone["web.test"] = "thousand";
        await _proxy.PublishAsync(Document(names: "web"));
        Assert.Equal(1000, Members("web").Length);
        Assert.Equal(200, await StatusAsync("web"));
        await AskedAgainAsync("web.test");
        var before = _proxy.Server.Current!.Clusters["web"].Endpoints.All.ToHashSet();
        _zone["web.test"] = "other thousand";
        await Eventually.Async(() => Members("web").Contains("127.1.3.232"), "the thousand and first");
        Assert.Equal((1000, 999), (Members("web").Length, _proxy.Server.Current!.Clusters["web"].Endpoints.All.Count(before.Contains)));
        Assert.Equal(200, await StatusAsync("web"));
        NoWorkerStood();
    }

    /// <summary>A resolver that answers nothing any more, for any name: what waited for it would wait for ever.</summary>
    [Fact]
    public async Task ResolverThatHangs_HoldsUpNeitherTrafficNorPublications()
    {
        string[] names = [.. Enumerable.Range(0, 20).Select(i => $"web{i}")];
        foreach (string name in names) _zone[name + ".test"] = "127.0.0.2";
        await _proxy.PublishAsync(Document(names: names));
        foreach (string name in names) _zone[name + ".test"] = "hangs";
        await Eventually.Async(() => names.All(n => _hanging.ContainsKey(n + ".test")), "each is asked for, and none is answered");
        // 1. Versions in which these names stay do not ask for them before they are in service.
        long slowest = 0;
        for (int i = 0; i < 20; i++)
        {
            long began = Stopwatch.GetTimestamp();
            await _proxy.PublishAsync(Document(timeout: $"{i + 6}s", names: names));
            slowest = Math.Max(slowest, (long)Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            Assert.Equal(200, await StatusAsync(names[i]));
        }
        TestContext.Current.TestOutputHelper!.WriteLine($"slowest of 20 publications while the resolver hangs: {slowest} ms");
        Assert.InRange(slowest, 0, 5000); // so long new names are waited for: these were not
        Assert.All(names, n => Assert.Equal(["127.0.0.2"], Members(n)));
        // 2. A version with 20 new names waits for them once, all together, and goes into service without them.
        string[] dead = [.. Enumerable.Range(0, 20).Select(i => $"new{i}")];
        foreach (string name in dead) _zone[name + ".test"] = "hangs";
        long start = Stopwatch.GetTimestamp();
        await _proxy.PublishAsync(Document(names: [.. names, .. dead]));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        TestContext.Current.TestOutputHelper!.WriteLine($"a version with 20 new names that hang: {seconds:0.0} s");
        Assert.InRange(seconds, 0, 40); // 5 s for all of them; one after another it would be 100
        Assert.Equal((503, 200, 200), (await StatusAsync("new0"), await StatusAsync("web0"), await StatusAsync("literal")));
        NoWorkerStood();
    }
}
