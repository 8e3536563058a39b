using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Publication;

/// <summary>A stream keeps the version it began with, to its end; the next request of the same connection has the new one.</summary>
public sealed class VersionOfAStreamTests
{
    private static EdgeDocument Stamped(RecordingUpstream up, int version, string before = "") => EdgeDocument.To(up) with
    {
        Filters = $$"""
            {{before}}
            - name: stamp
              typed_config:
                "@type": header_mutation
                mutations:
                  request_mutations: [{append: {header: {key: x-v, value: "{{version}}"} } }]
                  response_mutations: [{append: {header: {key: x-v, value: "{{version}}"} } }]
            """,
    };

    private const string Delay = "- {name: fault, typed_config: {delay: {fixed_delay: 0.5s, percentage: {numerator: 100}}, headers: "
        + "[{name: x-slow, present_match: true}]}}";

    [Fact]
    public async Task ARequestHeldByAFilter_EndsOnTheVersionItBeganWith()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Stamped(up, 1, Delay).ToString());
        await using var client = await proxy.ConnectAsync();

        await client.GetAsync(headers: "x-slow: 1\r\n");
        await Eventually.Async(() => proxy.Stat("http.edge.downstream_rq_active") == 1, "the request to be under way");
        await proxy.PublishAsync(Stamped(up, 2, Delay).ToString());
        var old = await client.ReadAsync();
        await client.GetAsync();
        var young = await client.ReadAsync();

        Assert.Equal(("1", "2"), (old["x-v"], young["x-v"]));
        Assert.Equal(["1", "2"], up.Requests.Select(r => r["x-v"]));
    }

    [Fact]
    public async Task AHeldRequestWhoseClusterIsRemoved_StillReachesIt()
    {
        await using var up = RecordingUpstream.Start();
        await using var other = RecordingUpstream.Start("other");
        await using var proxy = await ProxyFixture.StartAsync(Stamped(up, 1, Delay).ToString());
        await using var client = await proxy.ConnectAsync();

        await client.GetAsync(headers: "x-slow: 1\r\n");
        await Eventually.Async(() => proxy.Stat("http.edge.downstream_rq_active") == 1, "the request to be under way");
        await proxy.PublishAsync((Stamped(other, 2) with { Routes = "- {match: {prefix: /}, route: {cluster: new}}",
            Clusters = EdgeDocument.Cluster("new", "", other) }).ToString());
        var answer = await client.ReadAsync();

        Assert.Equal((200, "up", "1"), (answer.Status, answer["x-upstream"], answer["x-v"]));
    }

    [Fact]
    public async Task OldGenerations_AreGoneWhenTheirLastStreamEnds()
    {
        await using var held = new Traffic.HeldUpstream();
        await using var proxy = await ProxyFixture.StartAsync(Stamped(held.Up, 1).ToString());
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        await held.WaitForAsync(1);

        await proxy.PublishAsync(Stamped(held.Up, 2).ToString());
        await proxy.PublishAsync(Stamped(held.Up, 3).ToString());
        var during = proxy.Server.Generations();
        held.Release();
        await client.ReadAsync();
        await client.GetAsync();
        await client.ReadAsync();

        Assert.Equal([1L, 3L], during.Select(g => g.Version).Order());
        Assert.Equal(1, during.Single(g => g.Version == 1).Streams);
        await Eventually.Async(() => proxy.Server.Generations() is [{ Version: 3, Active: true, Connections: 1 }],
            "generation 1 to be gone");
    }

    [Fact]
    public async Task ATunnel_OutlivesThePublication()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer => { while (await peer.ReadSomeAsync() is { Length: > 0 } piece) await peer.SendAsync(piece); };
        string Document(string stat) => $$"""
            listeners:
            - {name: edge, address: "127.0.0.1:0", filter_chains: [{name: main, filters: [{name: tcp_proxy, typed_config: {stat_prefix: {{stat}}, cluster: up} }]}]}
            clusters:
            - {name: up, endpoints: ["{{up.Address}}"]}
            """;
        await using var proxy = await ProxyFixture.StartAsync(Document("one"));
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("a");
        await client.ReadBytesAsync(1);

        await proxy.PublishAsync(Document("two"));
        await client.SendAsync("b");

        Assert.Equal("b", await client.ReadTextAsync(1));
    }
}
