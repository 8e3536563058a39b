using System.Diagnostics;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>Every limit of time and size, with short configured values.</summary>
public sealed class TimeLimitTests
{
    [Fact]
    public async Task AHeadThatDoesNotEnd_Gets408()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Manager = "request_headers_timeout: 0.2s" })
            .ToString());
        await using var client = await proxy.ConnectAsync();

        var clock = Stopwatch.StartNew();
        var answer = await client.AskAsync("GET / HTTP/1.1\r\nHost: a\r\n");

        Assert.Equal(408, answer.Status);
        Assert.True(clock.ElapsedMilliseconds >= 150, $"{clock.ElapsedMilliseconds} ms");
        Assert.True(await client.EndsAsync());
    }

    [Fact]
    public async Task AnIdleConnection_IsClosed_AndCounted()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            (EdgeDocument.To(up) with { Manager = "common_http_protocol_options: {idle_timeout: 0.2s}" }).ToString());
        await using var client = await proxy.ConnectAsync();

        await client.GetAsync();
        Assert.Equal(200, (await client.ReadAsync()).Status);

        Assert.True(await client.EndsAsync());
        Assert.Equal(1, proxy.Stat("http.edge.downstream_cx_idle_timeout"));
    }

    [Fact]
    public async Task AStreamWithoutBytes_Gets408WhenTheClientStalls_AndIsCutWhenTheUpstreamDoes()
    {
        await using var up = RecordingUpstream.Start();
        up.OnHead = (r, peer) => r.Target == "/slow" ? peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            : Task.CompletedTask;
        await using var proxy = await ProxyFixture.StartAsync(
            (EdgeDocument.To(up) with { Manager = "stream_idle_timeout: 0.3s",
                Routes = "- {match: {prefix: /}, route: {cluster: up, timeout: 0s}}" }).ToString());
        await using var stalling = await proxy.ConnectAsync();
        await using var waiting = await proxy.ConnectAsync();

        var answer = await stalling.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
        await waiting.SendAsync("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");

        Assert.Equal(408, answer.Status);
        await Assert.ThrowsAsync<WireException>(() => waiting.ReadAsync());
        Assert.Equal(2, proxy.Stat("http.edge.downstream_rq_idle_timeout"));
    }

    [Fact]
    public async Task ARouteTimeout_Gets504()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer => { while ((await peer.ReadSomeAsync()).Length > 0) { } };
        await using var proxy = await ProxyFixture.StartAsync(
            (EdgeDocument.To(up) with { Routes = "- {match: {prefix: /}, route: {cluster: up, timeout: 0.2s}}" }).ToString());

        var clock = Stopwatch.StartNew();
        var answer = await proxy.GetAsync();

        Assert.Equal(504, answer.Status);
        Assert.True(clock.ElapsedMilliseconds >= 150, $"{clock.ElapsedMilliseconds} ms");
        Assert.Equal(1, proxy.Stat("cluster.up.upstream_rq_timeout"));
    }

    [Fact]
    public async Task ARequestThatIsNotWholeInTime_Gets408()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Manager = "request_timeout: 0.2s" }).ToString());
        await using var client = await proxy.ConnectAsync();

        var answer = await client.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");

        Assert.Equal(408, answer.Status);
    }

    [Fact]
    public async Task AStreamThatLastsTooLong_IsEnded()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            await peer.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while (true)
            {
                await peer.SendAsync("1\r\nx\r\n");
                await Task.Delay(20);
            }
        };
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            Manager = "common_http_protocol_options: {max_stream_duration: 0.3s}",
            Routes = "- {match: {prefix: /}, route: {cluster: up, timeout: 0s}}",
        }).ToString());

        await Assert.ThrowsAsync<WireException>(() => proxy.GetAsync());
        Assert.Equal(1, proxy.Stat("http.edge.downstream_rq_max_duration_reached"));
    }

    [Fact]
    public async Task AnEndpointThatDoesNotAnswerTheConnect_Gets503InTime()
    {
        // A full queue: nobody accepts, so the kernel leaves further connects unanswered.
        using var full = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream,
            System.Net.Sockets.ProtocolType.Tcp);
        full.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        full.Listen(0);
        var fillers = new List<System.Net.Sockets.Socket>();
        for (int i = 0; i < 4; i++)
        {
            var filler = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream,
                System.Net.Sockets.ProtocolType.Tcp);
            _ = filler.ConnectAsync(full.LocalEndPoint!);
            fillers.Add(filler);
        }
        int port = ((System.Net.IPEndPoint)full.LocalEndPoint!).Port;
        await using var proxy = await ProxyFixture.StartAsync(
            new EdgeDocument { Clusters = $"- {{name: up, connect_timeout: 0.2s, endpoints: [\"127.0.0.1:{port}\"]}}" }.ToString());

        var clock = Stopwatch.StartNew();
        var answer = await proxy.GetAsync();

        Assert.Equal(503, answer.Status);
        Assert.True(clock.ElapsedMilliseconds >= 150, $"{clock.ElapsedMilliseconds} ms");
        Assert.True(proxy.Stat("cluster.up.upstream_cx_connect_timeout") >= 1);
        foreach (var filler in fillers) filler.Dispose();
    }

    [Theory]
    [InlineData(90, 100, 200)]
    [InlineData(120, 10, 431)]
    [InlineData(10, 70_000, 431)]
    public async Task HeadsOverTheLimits_Get431(int fields, int valueLength, int status)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        var headers = string.Concat(Enumerable.Range(0, fields).Select(i => $"x-{i}: {new string('v', valueLength / fields)}\r\n"));

        Assert.Equal(status, (await proxy.GetAsync(headers: headers)).Status);
    }

    [Fact]
    public async Task MaxRequestsPerConnection_ClosesAfterTheLast()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            (EdgeDocument.To(up) with { Manager = "common_http_protocol_options: {max_requests_per_connection: 2}" }).ToString());
        await using var client = await proxy.ConnectAsync();

        await client.GetAsync();
        var first = await client.ReadAsync();
        await client.GetAsync();
        var second = await client.ReadAsync();

        Assert.Equal((null, "close"), (first["connection"], second["connection"]));
        Assert.True(await client.EndsAsync());
    }
}
