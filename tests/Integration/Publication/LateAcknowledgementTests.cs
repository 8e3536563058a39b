using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Managed.Proxy;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Publication;

/// <summary>
/// A worker does not acknowledge in time, so the former version is put back: with its listeners, connections, limits, endpoints and names,
/// as if nothing had been tried.
/// </summary>
public sealed class LateAcknowledgementTests
{
    private readonly ConcurrentDictionary<string, int> _asked = new();

    // What both versions have, and what only one of them has.
    private static string Document(int max, string upstream, string listener, int port, string name, string family) => $$"""
        listeners:
        - {name: edge, address: "127.0.0.1:0", routes: [{match: {prefix: /}, route: {cluster: up} }]}
        - {name: {{listener}}, address: "127.0.0.1:{{port}}", routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: {{listener}} } } }]}
        clusters:
        - {name: up, endpoints: ["{{upstream}}"], connect_timeout: {{max}}s, circuit_breakers: {thresholds: [{max_requests: {{max}} }]} }
        - {name: named, type: STRICT_DNS, dns_refresh_rate: 0.02s, dns_lookup_family: {{family}}, endpoints: ["both.test:80"]}
        - {name: {{name}}, type: STRICT_DNS, dns_refresh_rate: 0.02s, endpoints: ["{{name}}.test:80"]}
        """;

    private async Task<ProxyFixture> StartAsync(string document)
    {
        var proxy = await ProxyFixture.StartWithAsync(document, Options);
        proxy.MayCrash = true; // it says that a version was not acknowledged
        return proxy;
    }

    private ProxyOptions Options(KeptLog log) => new()
    {
        Workers = 2,
        LoggerFactory = log,
        AcknowledgeTimeout = TimeSpan.FromSeconds(4),
        ResolveName = name =>
        {
            _asked.AddOrUpdate(name, 1, static (_, n) => n + 1);
            return [IPAddress.Parse("192.0.2.7"), IPAddress.Parse("2001:db8::7")];
        },
    };

    private int Asked(string name) => _asked.GetValueOrDefault(name);

    private static string Shown(ProxyFixture proxy)
        => string.Join('\n', proxy.Server.Clusters().OrderBy(c => c.Name)
            .Select(c => $"{c.Name} {c.MaxRequests} {string.Join(' ', c.Endpoints.Select(e => e.Address))}"));

    [Fact]
    public async Task TheFormerVersion_IsPutBackWhole()
    {
        await using var a = RecordingUpstream.Start("a");
        await using var b = RecordingUpstream.Start("b");
        int oldPort = FreePort.Next(), newPort = FreePort.Next();
        await using var proxy = await StartAsync(Document(5, a.Address, "old", oldPort, "before", "V4_ONLY"));
        string shown = Shown(proxy);
        Assert.Equal("a /", (await proxy.GetAsync()).Text); // codes get their names when they first occur
        int names = proxy.Server.Stats.Names;
        // As many as there need be for each worker to have some.
        var kept = new List<RawClient>();
        for (int i = 0; i < 24; i++)
        {
            kept.Add(await proxy.ConnectAsync("old"));
            Assert.Equal("old", (await kept[^1].AskAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).Text);
        }
        using var go = new ManualResetEventSlim();
        proxy.Server.WorkerAt(1).Post(_ => go.Wait(TimeSpan.FromMinutes(2)), null);

        string other = Document(1, b.Address, "new", newPort, "after", "V6_ONLY");
        var result = await proxy.TryPublishAsync(other);
        go.Set();

        Assert.Equal((false, true), (result.Applied, result.TimedOut));
        Assert.Contains(result.Workers, w => w.State == WorkerAckState.TimedOut);
        Assert.Equal(1, proxy.Server.Current!.Version);
        Assert.Equal(shown, Shown(proxy));
        await proxy.PassAsync(20, worker: 0);
        await proxy.PassAsync(20, worker: 1);
        // Its connections have noticed nothing.
        foreach (var client in kept)
        {
            var answer = await client.AskAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            Assert.Equal(("old", null), (answer.Text, answer["connection"]));
            await client.DisposeAsync();
        }
        Assert.Equal("old", (await proxy.GetAsync(listener: "old")).Text);
        Assert.Equal("a /", (await proxy.GetAsync()).Text);
        await Assert.ThrowsAnyAsync<SocketException>(() => RawClient.ConnectAsync(newPort));
        // Names: those of the version in service are asked for, those of the other are not.
        int before = Asked("before.test");
        await Eventually.Async(() => Asked("before.test") > before + 3, "the name of the version in service to be asked for");
        int after = Asked("after.test"), both = Asked("both.test");
        await Eventually.Async(() => Asked("both.test") > both + 3, "the name of both to be asked for");
        Assert.InRange(Asked("after.test"), after, after + 1); // one question may have been under way
        Assert.Equal(shown, Shown(proxy));
        await Eventually.Async(() => proxy.Server.Stats.Names == names, "the names of the other version to go");
        await Eventually.Async(() => proxy.Server.Generations().Count == 1, "the other version to go");

        Assert.True((await proxy.TryPublishAsync(other)).Applied);
        Assert.Equal("b /", (await proxy.GetAsync()).Text);
        Assert.Equal("new", (await proxy.GetAsync(listener: "new")).Text);
        await Assert.ThrowsAnyAsync<SocketException>(() => RawClient.ConnectAsync(oldPort));
    }

    [Fact]
    public async Task TheFirstVersion_IsTakenBackToNothing_AndTheNextOneServes()
    {
        await using var a = RecordingUpstream.Start("a");
        int port = FreePort.Next();
        await using var proxy = await StartAsync("");
        string document = Document(5, a.Address, "old", port, "before", "V4_ONLY");
        using var go = new ManualResetEventSlim();
        proxy.Server.WorkerAt(1).Post(_ => go.Wait(TimeSpan.FromMinutes(2)), null);

        Assert.True((await proxy.TryPublishAsync(document)).TimedOut);
        go.Set();
        await proxy.PassAsync(20, worker: 1);

        await Assert.ThrowsAnyAsync<SocketException>(() => RawClient.ConnectAsync(port));
        Assert.Null(proxy.Server.Current);
        Assert.True((await proxy.TryPublishAsync(document)).Applied);
        for (int i = 0; i < 20; i++) Assert.Equal("old", (await proxy.GetAsync(listener: "old")).Text);
    }

    /// <summary>What fails before the commit changes nothing, the family that is asked for among the answers of a name included.</summary>
    [Fact]
    public async Task WhatCannotBeBound_LeavesLimitsEndpointsAndNamesAsTheyAre()
    {
        await using var a = RecordingUpstream.Start("a");
        await using var b = RecordingUpstream.Start("b");
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        await using var proxy = await StartAsync(Document(5, a.Address, "old", FreePort.Next(), "before", "V4_ONLY"));
        string shown = Shown(proxy);

        var result = await proxy.TryPublishAsync(
            Document(1, b.Address, "new", ((IPEndPoint)taken.LocalEndPoint!).Port, "after", "V6_ONLY"));

        Assert.Equal("APPLY_FAILED", Assert.Single(result.Errors).Code);
        Assert.Equal(shown, Shown(proxy));
        int both = Asked("both.test");
        await Eventually.Async(() => Asked("both.test") > both + 3, "more answers");
        Assert.Equal(shown, Shown(proxy));
        Assert.Equal("a /", (await proxy.GetAsync()).Text);
    }
}
