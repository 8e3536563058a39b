using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>Clients and servers that say nothing: every stage of a connection has its timer, and who waits holds next to nothing.</summary>
public sealed class SilentClientTests
{
    private const string ShortHead = "request_headers_timeout: 0.3s", ShortIdle = "common_http_protocol_options: {idle_timeout: 0.3s}";

    [Theory]
    [InlineData(ShortHead)]
    [InlineData(ShortIdle)]
    public async Task AClientThatSendsNothing_IsClosed_WithoutAnAnswer(string manager)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Manager = manager }).ToString());
        await using var client = await proxy.ConnectAsync();

        Assert.True(await client.EndsAsync());
        Assert.Equal(1, proxy.Stat("http.edge.downstream_cx_idle_timeout"));
        Assert.Equal(0, proxy.Stat("http.edge.downstream_rq_total"));
    }

    [Theory]
    [InlineData("G")]
    [InlineData("\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nx: ")]
    public async Task APartOfAHead_Gets408_AlsoWhenItWasPipelined(string part)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Manager = ShortHead }).ToString());
        await using var fresh = await proxy.ConnectAsync();

        var first = await fresh.AskAsync(part);
        await using var later = await proxy.ConnectAsync();
        var served = await later.AskAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + part);
        var second = await later.ReadAsync();

        Assert.Equal((408, 200, 408), (first.Status, served.Status, second.Status));
        Assert.True(await fresh.EndsAsync() && await later.EndsAsync());
    }

    [Fact]
    public async Task TheTimeOfAHead_IsNotPushedOnByItsBytes()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Manager = "request_headers_timeout: 0.5s" })
            .ToString());
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n");

        var answer = client.ReadAsync();
        int sent = 0;
        while (!answer.IsCompleted && sent < 2000)
        {
            sent++;
            await client.SendAsync("a");
            await Task.WhenAny(answer, Task.Delay(20));
        }

        Assert.Equal(408, (await answer).Status);
    }

    [Fact]
    public async Task AHeadInManyPieces_IsReadAsInOne()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();
        var fields = string.Concat(Enumerable.Range(0, 60).Select(i => $"x-{i}: {new string((char)('a' + i % 26), i * 10)}\r\n"));
        var head = $"POST /pieces HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: 3\r\n\r\n";

        for (int at = 0, size = 1; at < head.Length; at += size, size = size % 97 + 1)
        {
            await client.SendAsync(head.Substring(at, Math.Min(size, head.Length - at)));
            await Task.Yield();
        }
        var answer = await client.AskAsync("abcGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        var next = await client.ReadAsync();

        Assert.Equal((200, 200), (answer.Status, next.Status));
        var request = up.Requests.First(r => r.Target == "/pieces");
        for (int i = 1; i < 60; i++) Assert.Equal(new string((char)('a' + i % 26), i * 10), request[$"x-{i}"]);
    }

    [Fact]
    public async Task AWrongLineOfAHeadInPieces_IsRefusedBeforeItsEnd()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n");
        await Task.Yield();

        Assert.Equal(400, (await client.AskAsync("no colon\r\n")).Status);
    }

    [Fact]
    public async Task WhoDoesNotReadItsAnswer_IsCutWhenTheStreamIdles()
    {
        await using var up = RecordingUpstream.Start();
        string body = new('x', 50_000_000);
        up.OnHead = async (_, peer) =>
        {
            // At once: without it the stream is answered with 504.
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n");
            await peer.SendAsync(body);
        };
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Manager = "stream_idle_timeout: 0.3s" })
            .ToString());
        await using var client = await RawClient.ConnectAsync(proxy.EndPoint(), receiveBuffer: 4096);

        await client.GetAsync();

        await Eventually.Async(() => proxy.Stat("http.edge.downstream_rq_idle_timeout") == 1, "the stream to be cut");
        await Eventually.Async(() => proxy.Stat("http.edge.downstream_cx_active") == 0, "its connection to go");
    }

    [Fact]
    public async Task WhoSendsOnAfterARefusal_IsReadForAMoment_AndHoldsNobodyUp()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Manager = "delayed_close_timeout: 0.5s" })
            .ToString());
        await using var flood = await proxy.ConnectAsync();
        await flood.SendAsync("nonsense\r\n\r\n");
        using var stop = new CancellationTokenSource();
        var flooding = FloodAsync(flood, stop.Token);

        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => proxy.Stat("http.edge.downstream_cx_active") == 0, "the flood to be cut off");
        await stop.CancelAsync();
        await flooding;
    }

    private static async Task FloodAsync(RawClient client, CancellationToken stop)
    {
        var bytes = new byte[256 * 1024];
        try
        {
            while (!stop.IsCancellationRequested) await client.SendAsync(bytes);
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or OperationCanceledException)
        {
        }
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nx: half", 256)]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", 0)]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n5;x", 256)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\nG", 256)]
    public async Task WhoWaits_HoldsAtMostWhatItSent(string sends, int buffer)
    {
        const int clients = 50;
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        var pool = proxy.Server.WorkerAt(0).Loop.Buffers;
        var held = new List<RawClient>();
        try
        {
            for (int i = 0; i < clients; i++)
            {
                held.Add(await proxy.ConnectAsync());
                await held[i].SendAsync(sends);
            }
            await Eventually.Async(() => proxy.Stat("http.edge.downstream_cx_active") == clients && pool.Used <= clients * buffer
                && (sends.Length == 0 || proxy.Stat("http.edge.downstream_cx_rx_bytes_total") == clients * sends.Length), "all to wait");
        }
        finally
        {
            foreach (var client in held) await client.DisposeAsync();
        }
        await Eventually.Async(() => proxy.Stat("http.edge.downstream_cx_active") == 0 && pool.Used == 0, "all buffers to come back");
    }
}
