using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Publication;

/// <summary>Each part of the configuration added, changed and removed while requests flow: none fails.</summary>
public sealed class ChangeUnderTrafficTests : IAsyncLifetime
{
    private readonly RecordingUpstream _up = RecordingUpstream.Start();
    private readonly RecordingUpstream _other = RecordingUpstream.Start("other");
    private EdgeDocument _document = null!;
    private ProxyFixture _proxy = null!;

    public async ValueTask InitializeAsync()
    {
        _document = EdgeDocument.To(_up);
        _proxy = await ProxyFixture.StartAsync(_document.ToString(), workers: 2);
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _up.DisposeAsync();
        await _other.DisposeAsync();
    }

    private async Task ApplyAsync(params EdgeDocument[] documents)
    {
        await using var traffic = new SteadyTraffic(() => _proxy.EndPoint());
        await traffic.FlowAsync();
        foreach (var document in documents)
        {
            await _proxy.PublishAsync(document.ToString());
            await traffic.FlowAsync();
        }
        await traffic.StopAsync();
        Assert.Empty(traffic.Failures);
        Assert.Equal(8, _proxy.Server.Stats.Value("http.edge.downstream_cx_total"));
    }

    [Fact]
    public async Task AFilter_AddedChangedRemoved()
    {
        const string filter = "- {name: stamp, typed_config: {\"@type\": header_mutation, mutations: {response_mutations: [{append: "
            + "{header: {key: x-stamp, value: NUMBER}}}]}}}";
        var first = _document with { Filters = filter.Replace("NUMBER", "one", StringComparison.Ordinal) };
        var second = _document with { Filters = filter.Replace("NUMBER", "two", StringComparison.Ordinal) };

        await ApplyAsync(first, second);
        Assert.Equal("two", (await _proxy.GetAsync())["x-stamp"]);
        await _proxy.PublishAsync(_document.ToString());
        Assert.Null((await _proxy.GetAsync())["x-stamp"]);
    }

    [Fact]
    public async Task ARoute_AddedChangedRemoved()
    {
        var added = _document with { Routes = "- {match: {path: /new}, direct_response: {status: 201}}\n" + _document.Routes };
        var changed = _document with { Routes = "- {match: {path: /new}, direct_response: {status: 202}}\n" + _document.Routes };

        await ApplyAsync(added, changed, _document, added);

        Assert.Equal(201, (await _proxy.GetAsync("/new")).Status);
    }

    [Fact]
    public async Task ACluster_AddedChangedRemoved()
    {
        var both = _document with { Clusters = _document.Clusters + "\n" + EdgeDocument.Cluster("other", "", _other) };
        var moved = both with { Routes = "- {match: {prefix: /}, route: {cluster: other}}" };
        var alone = moved with { Clusters = EdgeDocument.Cluster("other", "lb_policy: LEAST_REQUEST", _other) };

        await ApplyAsync(both, moved, alone, both, _document);

        Assert.Equal("up", (await _proxy.GetAsync())["x-upstream"]);
        await Eventually.Async(() => _other.Open == 0, "connections to the removed cluster to be closed");
    }

    [Fact]
    public async Task AClustersEndpoints_Replaced()
    {
        var replaced = _document with { Clusters = EdgeDocument.Cluster("up", "", _other) };
        var both = _document with { Clusters = EdgeDocument.Cluster("up", "", _up, _other) };

        await ApplyAsync(both, replaced, both, _document);

        Assert.Equal("up", (await _proxy.GetAsync())["x-upstream"]);
        await Eventually.Async(() => _other.Open == 0, "connections to the removed endpoint to be closed");
    }

    [Fact]
    public async Task AnotherListener_AddedMovedRemoved()
    {
        int first = FreePort.Next(), second = FreePort.Next();
        string More(int port) => _document.ToString()
            .Replace("clusters:\n",
                $"- {{name: more, address: \"127.0.0.1:{port}\", routes: [{{match: {{prefix: /}}, route: {{cluster: up}}}}]}}\nclusters:\n",
                    StringComparison.Ordinal);
        await using var traffic = new SteadyTraffic(() => _proxy.EndPoint());
        await traffic.FlowAsync();

        await _proxy.PublishAsync(More(first));
        await using var kept = await _proxy.ConnectAsync("more");
        await kept.GetAsync();
        Assert.Equal(200, (await kept.ReadAsync()).Status);
        await traffic.FlowAsync();
        await _proxy.PublishAsync(More(second));
        Assert.Equal(200, (await _proxy.GetAsync(listener: "more")).Status);
        Assert.Equal(second, _proxy.Port("more"));
        // What was connected to the old address may finish: one more answer, and the word that it is the last.
        await kept.GetAsync();
        var last = await kept.ReadAsync();
        Assert.Equal((200, "close"), (last.Status, last["connection"]));
        await Assert.ThrowsAnyAsync<Exception>(() => RawClient.ConnectAsync(first));
        await traffic.FlowAsync();
        await _proxy.PublishAsync(_document.ToString());
        await Eventually.Async(() => !CanConnect(second), "the removed listener to refuse");
        await traffic.FlowAsync();

        await traffic.StopAsync();
        Assert.Empty(traffic.Failures);
    }

    [Fact]
    public async Task AFilterChain_AddedAndRemoved()
    {
        string With(string chain) => _document.ToString()
            .Replace("  filter_chains:\n", "  filter_chains:\n" + chain, StringComparison.Ordinal);
        const string chain = "  - {name: special, filter_chain_match: {source_prefix_ranges: [{address_prefix: 127.0.0.9, prefix_len: "
            + "32}]}, filters: [{name: direct_response, typed_config: {response: {inline_string: special}}}]}\n";
        var from = new System.Net.IPEndPoint(System.Net.IPAddress.Parse("127.0.0.9"), 0);
        await using var traffic = new SteadyTraffic(() => _proxy.EndPoint());
        await traffic.FlowAsync();

        await _proxy.PublishAsync(With(chain));
        await using (var client = await RawClient.ConnectAsync(_proxy.EndPoint(), from))
            Assert.Equal("special", System.Text.Encoding.ASCII.GetString(await client.ReadToEndAsync()));
        await traffic.FlowAsync();
        await _proxy.PublishAsync(_document.ToString());
        await using (var client = await RawClient.ConnectAsync(_proxy.EndPoint(), from))
        {
            await client.GetAsync();
            Assert.Equal(200, (await client.ReadAsync()).Status);
        }
        await traffic.FlowAsync();

        await traffic.StopAsync();
        Assert.Empty(traffic.Failures);
    }

    [Fact]
    public async Task ConnectionChurn_WhileTheListenerIsReplaced_LosesNobody()
    {
        using var stop = new CancellationTokenSource();
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        long answers = 0;
        var churn = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    if ((await _proxy.GetAsync("/", headers: "Connection: close\r\n")).Status != 200) failures.Enqueue("status");
                    Interlocked.Increment(ref answers);
                }
                catch (Exception e) { failures.Enqueue(e.Message); }
            }
        })).ToList();

        for (int i = 0; i < 20; i++)
        {
            await _proxy.PublishAsync((_document with { Listener = $"per_connection_buffer_limit_bytes: {(i % 2 + 1) * 65536}" })
                .ToString());
            long until = Interlocked.Read(ref answers) + 20;
            await Eventually.Async(() => Interlocked.Read(ref answers) >= until || !failures.IsEmpty, "answers");
        }
        await stop.CancelAsync();
        await Task.WhenAll(churn);

        Assert.Empty(failures);
    }

    private static bool CanConnect(int port)
    {
        try
        {
            using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork,
                System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
            socket.Connect(System.Net.IPAddress.Loopback, port);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
