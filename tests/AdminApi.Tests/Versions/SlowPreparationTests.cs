using System.Net;
using System.Net.Sockets;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>One call that waits for something holds up nobody else.</summary>
public sealed class SlowPreparationTests
{
    private const string Cluster = """{"endpoints":["127.0.0.1:9"]}""";

    [Theory]
    [InlineData("")]
    [InlineData("?dry_run=true")]
    public async Task ACodeServerThatNeverAnswers_HoldsUpNeitherWritersNorReverts_AndIsLeftWhenItsCallerGoes(string query)
    {
        await using var node = await TestNode.StartAsync();
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        (await node.PutAsync("clusters/code", $$"""{"endpoints":["{{server.LocalEndpoint}}"]}""")).Is(HttpStatusCode.Created);
        using var caller = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Put,
            "/api/v1/listeners/slow" + query) { Content = new StringContent(Remote, null, "application/json") };
        var slow = node.Http.SendAsync(request, caller.Token);
        using var asked = await server.AcceptSocketAsync(TestContext.Current.CancellationToken); // it is in the middle of it

        var risky = (await node.PutAsync("clusters/risky?confirm_within=1s", Cluster)).Is(HttpStatusCode.Created);
        (await node.PutAsync("clusters/other", Cluster)).Is(HttpStatusCode.Created);
        var reverted = await node.SettledAsync("deployments/" + risky.Headers.GetValues("Config-Deployment").Single(),
            not: "awaiting_confirmation");
        Assert.Equal("reverted", reverted.GetProperty("state").GetString());
        Assert.False(slow.IsCompleted);

        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slow);
        var left = new byte[4096];
        // the fetch is given up, not timed out: that takes a minute
        await Eventually.TrueAsync(async () => await asked.ReceiveAsync(left) == 0);
        (await node.GetAsync("listeners/slow")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task WritersThatPrepareAtOnce_AllBecomeVersions()
    {
        await using var node = await TestNode.StartAsync();
        var before = await node.ActiveVersionAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => node.PutAsync($"clusters/c{i}", Cluster)));
        Assert.All(answers, a => a.Is(HttpStatusCode.Created));
        Assert.Equal(before + 20, await node.ActiveVersionAsync());
        var document = (await node.GetAsync("config")).Body;
        for (var i = 0; i < 20; i++)
            Assert.Contains($"\"c{i}\"", document, StringComparison.Ordinal);
        Assert.Equal(before + 20, node.Host.Proxy.Current!.Version);
    }

    private const string Remote = """
        {"address":"127.0.0.1:0","routes":[],"http_filters":[{"name":"wasm","typed_config":{"config":{"vm_config":{"code":{"remote":{
        "http_uri":{"uri":"http://code.test/m.wasm","cluster":"code","timeout":"60s"},"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}}}}}]}
        """;
}
