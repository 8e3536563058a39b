using System.Net;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>Pools, retries, circuit breakers and the choice of endpoints.</summary>
public sealed class UpstreamTests
{
    [Fact]
    public async Task AConnectionTheUpstreamClosedMeanwhile_IsNotSeenByTheClient()
    {
        await using var up = RecordingUpstream.Start();
        // Each connection answers once and is then reset only when the next request comes: the moment that a proxy cannot see coming.
        up.Script = async peer =>
        {
            if (await peer.ReadRequestAsync() is null) return;
            await peer.SendAsync(RecordingUpstream.Ok("once"));
            await peer.ReadSomeAsync();
            peer.Close(reset: true);
        };
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        for (int i = 0; i < 20; i++)
        {
            await client.GetAsync();
            Assert.Equal(200, (await client.ReadAsync()).Status);
        }

        Assert.Equal(19, proxy.Stat("cluster.up.upstream_rq_retry"));
    }

    [Fact]
    public async Task ANonIdempotentRequestOnAConnectionThatDies_IsNotSentTwice()
    {
        await using var up = RecordingUpstream.Start();
        int posts = 0;
        up.Script = async peer =>
        {
            while (await peer.ReadRequestAsync() is { } request)
            {
                if (request.Method == "POST") { Interlocked.Increment(ref posts); peer.Close(reset: true); return; }
                await peer.SendAsync(RecordingUpstream.Ok("ok"));
            }
        };
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        await client.ReadAsync();

        var answer = await client.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");

        Assert.Equal(503, answer.Status);
        Assert.Equal(1, posts);
    }

    [Fact]
    public async Task SequentialRequests_ShareOneUpstreamConnection()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());

        for (int i = 0; i < 20; i++) Assert.Equal(200, (await proxy.GetAsync()).Status);

        Assert.Equal(1, up.Accepted);
    }

    [Fact]
    public async Task MaxRequests_RefusesExactlyWhatIsOver()
    {
        await using var held = new HeldUpstream();
        await using var proxy = await ProxyFixture.StartAsync(
            EdgeDocument.To(held.Up, "circuit_breakers: {thresholds: [{max_requests: 3}]}").ToString());

        var answers = Enumerable.Range(0, 5).Select(_ => proxy.GetAsync()).ToList();
        await held.WaitForAsync(3);
        await Eventually.Async(() => answers.Count(a => a.IsCompleted) == 2, "two refusals");
        held.Release();
        var statuses = (await Task.WhenAll(answers)).Select(r => r.Status).Order().ToList();

        Assert.Equal([200, 200, 200, 503, 503], statuses);
    }

    [Fact]
    public async Task MaxConnections_LetsTheRestWait_AndMaxPendingRefusesWhatIsOver()
    {
        await using var held = new HeldUpstream();
        await using var proxy = await ProxyFixture.StartAsync(
            EdgeDocument.To(held.Up, "circuit_breakers: {thresholds: [{max_connections: 2, max_pending_requests: 3}]}").ToString());

        var answers = Enumerable.Range(0, 9).Select(_ => proxy.GetAsync()).ToList();
        await held.WaitForAsync(2);
        await Eventually.Async(() => answers.Count(a => a.IsCompleted) == 4, "four refusals");
        Assert.Equal(3, proxy.Stat("cluster.up.upstream_rq_pending_active"));
        held.Release();
        var responses = await Task.WhenAll(answers);

        Assert.Equal(5, responses.Count(r => r.Status == 200));
        Assert.Equal(4, responses.Count(r => r.Status == 503));
        Assert.Equal(2, held.Up.Accepted);
        Assert.Equal(4, proxy.Stat("cluster.up.upstream_rq_pending_overflow"));
        Assert.Equal(0, proxy.Stat("cluster.up.upstream_rq_pending_active"));
    }

    [Fact]
    public async Task RoundRobinWithWeights_IsExactOverAFullTurn()
    {
        await using var a = RecordingUpstream.Start("a");
        await using var b = RecordingUpstream.Start("b");
        await using var proxy = await ProxyFixture.StartAsync(new EdgeDocument
        {
            Clusters = $"- {{name: up, endpoints: [{{address: \"{a.Address}\", weight: 3}}, {{address: \"{b.Address}\", weight: 1}}]}}",
        }.ToString());
        await using var client = await proxy.ConnectAsync();

        for (int i = 0; i < 40; i++)
        {
            await client.GetAsync();
            await client.ReadAsync();
        }

        Assert.Equal((30, 10), (a.Requests.Count, b.Requests.Count));
    }

    [Fact]
    public async Task LeastRequest_AvoidsTheBusyEndpoint()
    {
        await using var busy = new HeldUpstream();
        await using var free = RecordingUpstream.Start("free");
        await using var proxy = await ProxyFixture.StartAsync(new EdgeDocument
        {
            Clusters = EdgeDocument.Cluster("up", "lb_policy: LEAST_REQUEST\nleast_request_lb_config: {choice_count: 10}", busy.Up, free),
        }.ToString());

        // Sooner or later one lands on the busy endpoint and stays there; from then on it always has more than the other.
        var stuck = new List<Task<RawResponse>>();
        while (busy.Waiting == 0)
        {
            stuck.Add(proxy.GetAsync());
            await Eventually.Async(() => stuck[^1].IsCompleted || busy.Waiting > 0, "an answer, or a request at the busy endpoint");
        }
        free.Clear();
        for (int i = 0; i < 30; i++) Assert.Equal(200, (await proxy.GetAsync()).Status);

        Assert.Equal(30, free.Requests.Count);
        busy.Release();
        await Task.WhenAll(stuck);
    }

    [Fact]
    public async Task NoEndpointThatListens_Gets503WithTheReasonCounted()
    {
        await using var proxy = await ProxyFixture.StartAsync(
            new EdgeDocument { Clusters = $"- {{name: up, endpoints: [\"127.0.0.1:{FreePort.Next()}\"]}}" }.ToString());

        Assert.Equal(503, (await proxy.GetAsync()).Status);
        Assert.True(proxy.Stat("cluster.up.upstream_cx_connect_fail") >= 1);
    }

    [Fact]
    public async Task OneOfTwoEndpointsIsDown_SomeRequestsGoToTheOther()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            new EdgeDocument { Clusters = $"- {{name: up, endpoints: [\"{up.Address}\", \"127.0.0.1:{FreePort.Next()}\"]}}" }.ToString());

        var statuses = new List<int>();
        for (int i = 0; i < 10; i++) statuses.Add((await proxy.GetAsync()).Status);

        Assert.Equal(5, statuses.Count(s => s == 200));
        Assert.Equal(5, statuses.Count(s => s == 503));
    }

    [Fact]
    public async Task AHostName_IsResolvedToItsEndpoints()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            new EdgeDocument { Clusters = $"- {{name: up, dns_lookup_family: V4_ONLY, endpoints: [\"localhost:{up.Port}\"]}}" }.ToString());

        Assert.Equal(200, (await proxy.GetAsync()).Status);
        var cluster = proxy.Server.Clusters().Single();
        Assert.Equal(("STRICT_DNS", "localhost"), (cluster.Type, cluster.Endpoints.Single().HostName));
    }

    [Fact]
    public async Task UnixSocketsOnBothSides_CarryHttp()
    {
        var folder = Directory.CreateTempSubdirectory("managed-unix");
        var upPath = Path.Combine(folder.FullName, "up.sock");
        var edgePath = Path.Combine(folder.FullName, "edge.sock");
        await using var up = RecordingUpstream.StartUnix(upPath);
        await using (var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Address = "unix://" + edgePath }).ToString(),
            workers: 2))
        {
            for (int i = 0; i < 10; i++)
            {
                await using var client = await RawClient.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(edgePath));
                await client.GetAsync($"/{i}");
                Assert.Equal($"up /{i}", (await client.ReadAsync()).Text);
            }
        }
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Ipv6OnBothSides_CarriesHttp()
    {
        await using var up = RecordingUpstream.Start(on: IPAddress.IPv6Loopback);
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Address = "[::1]:0" }).ToString());

        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal("::1", Assert.Single(up.Requests)["x-forwarded-for"]);
    }

    [Fact]
    public async Task AnIdleUpstreamConnection_IsClosedAfterItsTime()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up, "common_http_protocol_options: {idle_timeout: 0.2s}")
            .ToString());

        await proxy.GetAsync();
        Assert.Equal(1, up.Open);

        await Eventually.Async(() => up.Open == 0, "the idle connection to be closed");
    }
}
